use proptest::prelude::*;

use super::*;

const ASCII: Form = Form { ascii: true, deflate: None };
const DEFLATE: Form = Form { ascii: false, deflate: Some(6) };
const BOTH: Form = Form { ascii: true, deflate: Some(1) };

fn send(form: Form, pieces: &[&[u8]]) -> Vec<u8> {
    send_from(0, form, pieces)
}

fn send_from(skip: u64, form: Form, pieces: &[&[u8]]) -> Vec<u8> {
    let mut outgoing = Outgoing::new(form, skip);
    let mut sent = Vec::new();
    for piece in pieces {
        sent.extend(outgoing.convert(Bytes::copy_from_slice(piece)));
    }
    sent.extend(outgoing.end());
    sent
}

fn receive(form: Form, pieces: &[&[u8]]) -> Result<Vec<u8>, TransferError> {
    let mut incoming = Incoming::new(form);
    let mut received = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(bytes) = incoming.convert(&mut input)? {
            assert!(bytes.len() <= PIECE + 1);
            received.extend(bytes);
        }
    }
    received.extend(incoming.end()?);
    Ok(received)
}

#[test]
fn lines_end_as_they_have_to() {
    assert_eq!(send(ASCII, &[b"one\ntwo\r", b"\nthree\n", b"\n"]), b"one\r\ntwo\r\nthree\r\n\r\n");
    let received = receive(ASCII, &[b"one\r\ntwo\r", b"\nthr\ree\r\r", b"\n\r"]).unwrap();
    assert_eq!(received, b"one\ntwo\nthr\ree\r\n\r");
}

#[test]
fn text_goes_on_where_the_client_has_it() {
    assert_eq!(send_from(4, ASCII, &[b"one\ntwo", b"\nthree"]), b"\ntwo\r\nthree");
    assert_eq!(receive(BOTH, &[&send_from(5, BOTH, &[b"one\n", b"two\n"])]).unwrap(), b"two\n");
    assert_eq!(send_from(50, ASCII, &[b"one\n"]), b"");
}

#[test]
fn few_bytes_that_stand_for_many_come_in_pieces() {
    let zeros = vec![0; 50 << 20];
    let sent = send(DEFLATE, &[&zeros]);
    assert!(sent.len() < 1 << 20);
    assert!(receive(DEFLATE, &[&sent]).unwrap() == zeros);
}

#[test]
fn what_is_not_compressed_is_refused() {
    assert!(matches!(receive(DEFLATE, &[b"this is no zlib"]), Err(TransferError::NotCompressed)));
    let mut sent = send(DEFLATE, &[b"content"]);
    assert!(matches!(receive(DEFLATE, &[&sent[..sent.len() - 3]]), Err(TransferError::NotCompressed)));
    sent.extend(b"more");
    assert!(matches!(receive(DEFLATE, &[&sent]), Err(TransferError::NotCompressed)));
    assert!(matches!(receive(DEFLATE, &[]), Err(TransferError::NotCompressed)));
    assert_eq!(receive(DEFLATE, &[&send(DEFLATE, &[])]).unwrap(), b"");
}

proptest! {
    #[test]
    fn text_comes_back_wherever_it_is_cut(
        text in "[ab\n]{0,300}", cuts in proptest::collection::vec(0_usize..400, 0..6), deflate in any::<bool>()
    ) {
        let form = if deflate { BOTH } else { ASCII };
        let cut = |bytes: &[u8]| {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| *cut.min(&bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            cuts.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect::<Vec<_>>()
        };
        let pieces = cut(text.as_bytes());
        let sent = send(form, &pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
        if !deflate {
            prop_assert_eq!(&sent, &text.replace('\n', "\r\n").into_bytes());
        }
        let pieces = cut(&sent);
        prop_assert_eq!(receive(form, &pieces.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap(), text.as_bytes());
    }
}
