use proptest::prelude::*;

use super::*;

#[test]
fn what_is_written_is_read() {
    for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
        let content = vec![b'x'; length];
        let mut bytes = Vec::new();
        put(&mut bytes, OCTETS, &content);
        let mut reader = Reader(&bytes);
        assert_eq!(reader.expect(OCTETS), Some(content.as_slice()));
        assert!(reader.is_at_end());
        // It breaks off.
        let last = bytes.len() - 1;
        assert_eq!(Reader(&bytes[..last]).take(), None);
    }
    for number in [0, 1, 127, 128, 255, 256, 32_767, 32_768, 1 << 31, u32::MAX] {
        let mut bytes = Vec::new();
        put_number(&mut bytes, INTEGER, number);
        assert_eq!(Reader(&bytes).number(INTEGER), Some(number));
    }
    let whole = element(SEQUENCE, |bytes| put(bytes, OCTETS, b"a"));
    assert_eq!(**whole, [0x30, 3, 4, 1, b'a']);
}

#[test]
fn what_is_no_element_is_none() {
    for bytes in [
        &b""[..],
        b"\x04",
        // More than there is, up to more than a machine has.
        b"\x04\x02a",
        b"\x04\x84\xff\xff\xff\xffabc",
        b"\x04\x88\xff\xff\xff\xff\xff\xff\xff\xffabc",
        // A length that is known at the end only, or kept for later.
        b"\x30\x80\x04\x01a\0\0",
        b"\x04\xff",
        // A tag of several bytes.
        b"\x1f\x01\x00",
    ] {
        assert_eq!(Reader(bytes).take(), None, "{bytes:?}");
    }
    for bytes in [&b"\x02\0"[..], b"\x02\x01\xff", b"\x02\x05\x01\0\0\0\0", b"\x04\x01\0"] {
        assert_eq!(Reader(bytes).number(INTEGER), None, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut reader = Reader(&bytes);
        let mut left = bytes.len();
        while let Some(element) = reader.take() {
            prop_assert!(element.content.len() + 2 <= left);
            left -= element.content.len() + 2;
        }
    }
}
