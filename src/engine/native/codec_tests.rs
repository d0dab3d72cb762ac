use proptest::prelude::*;

use super::*;

fn decode_all(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Decoded> {
    decoder.buffer().extend_from_slice(bytes);
    std::iter::from_fn(|| decoder.decode()).take(10_000).collect()
}

fn line(verb: &str, argument: &[u8]) -> Decoded {
    Decoded::Line(Line { verb: verb.to_owned(), argument: argument.to_vec() })
}

#[test]
fn lines_are_cut_wherever_they_arrive_in_pieces() {
    let mut decoder = Decoder::default();
    assert_eq!(decode_all(&mut decoder, b"user a"), []);
    assert_eq!(decode_all(&mut decoder, b"nna\r"), []);
    assert_eq!(
        decode_all(&mut decoder, b"\nPASS  two words \nNOOP\r\n\r\n"),
        [line("USER", b"anna"), line("PASS", b" two words "), line("NOOP", b""), line("", b"")]
    );
}

/// Devices that end each line twice, and those that put a CR behind one that has an end.
#[test]
fn a_line_may_end_in_more_than_one_cr() {
    let mut decoder = Decoder::default();
    assert_eq!(decode_all(&mut decoder, b"CWD one\r\r"), []);
    assert_eq!(
        decode_all(&mut decoder, b"\r\nDELE a\rb\r\r\n\r\r\n\rNOOP\r\n"),
        [line("CWD", b"one"), line("DELE", b"a\rb"), line("", b""), line("NOOP", b"")]
    );
}

#[test]
fn telnet_is_taken_out() {
    let mut decoder = Decoder::default();
    for said in
        [&b"\xFF\xF4\xFF\xF2ABOR\r\n"[..], b"\xFF\xF4\xFFABOR\r\n", b"\xF2ABOR\r\n", b"\xFF\xFD\x06ABOR\r\n"]
    {
        assert_eq!(decode_all(&mut decoder, said), [line("ABOR", b"")], "{said:?}");
    }
    assert_eq!(decode_all(&mut decoder, b"MKD a\xFF\xFFb\r\n"), [line("MKD", b"a\xFFb")]);
    assert_eq!(decode_all(&mut decoder, b"MKD a\xFFb\r\n"), [line("MKD", b"a\xFFb")]);
    // In a name they are letters.
    assert_eq!(decode_all(&mut decoder, b"DELE \xFF\xFE\xE9.txt\r\n"), [line("DELE", b"\xFF\xFE\xE9.txt")]);
}

#[test]
fn a_line_may_be_long_and_not_longer() {
    let mut decoder = Decoder::default();
    let mut longest = b"STOR ".to_vec();
    longest.resize(MAX_LINE - 2, b'n');
    longest.extend(b"\r\n");
    assert!(matches!(&decode_all(&mut decoder, &longest)[..], [Decoded::Line(_)]));
    longest.insert(5, b'n');
    longest.extend(b"NOOP\r\n");
    assert_eq!(decode_all(&mut decoder, &longest), [Decoded::TooLong, line("NOOP", b"")]);
}

#[test]
fn an_endless_line_is_not_kept() {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen.extend(decode_all(&mut decoder, &[b'a'; 1024]));
        assert!(decoder.buffer.capacity() < 2 * MAX_LINE);
    }
    assert_eq!(seen[..2], [Decoded::TooLong, Decoded::Endless]);
}

proptest! {
    #[test]
    fn pieces_make_no_difference(bytes in proptest::collection::vec(
        prop_oneof![Just(b'\n'), Just(b'\r'), Just(255), Just(244), Just(b' '), any::<u8>()], 0..200), cut in 0_usize..200
    ) {
        let mut whole = Decoder::default();
        let expected = decode_all(&mut whole, &bytes);
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        let mut pieces = Decoder::default();
        let mut found = decode_all(&mut pieces, first);
        found.extend(decode_all(&mut pieces, second));
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn who_waits_for_a_command_has_no_buffer() {
    let mut decoder = Decoder::default();
    assert_eq!(decode_all(&mut decoder, b"NOOP\r\n"), [line("NOOP", b"")]);
    decoder.rest();
    assert_eq!(decoder.buffer.capacity(), 0);
    assert_eq!(decode_all(&mut decoder, b"NO"), []);
    decoder.rest();
    assert_eq!(decode_all(&mut decoder, b"OP\r\n"), [line("NOOP", b"")]);
}

#[test]
fn the_first_message_of_tls_is_no_command() {
    let mut decoder = Decoder::default();
    assert_eq!(decode_all(&mut decoder, &[22]), []);
    assert_eq!(decode_all(&mut decoder, &[3, 1, 2, 0, b'\n', 1]), [Decoded::Tls]);
    assert_eq!(decode_all(&mut decoder, b"NOOP\r\n"), [line("NOOP", b"")]);
}
