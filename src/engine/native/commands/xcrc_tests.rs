use super::*;

#[test]
fn names_and_ranges_are_told_apart() {
    let part = |offset, length| ByteRange { offset, length: Some(length) };
    assert_eq!(readings("a b"), [Some(("a b", ByteRange::ALL)), None]);
    assert_eq!(readings("\"a b\""), [None, Some(("a b", ByteRange::ALL))]);
    assert_eq!(readings("\"a b\" 5"), [None, Some(("a b", ByteRange::from_offset(5)))]);
    assert_eq!(readings("\"a b\" 5 8"), [None, Some(("a b", part(5, 3)))]);
    assert_eq!(readings("a 5 8"), [Some(("a 5 8", ByteRange::ALL)), Some(("a", part(5, 3)))]);
    assert_eq!(readings("\"a\" 8 5"), [None, None]);
    assert_eq!(readings("\"a\" x"), [None, None]);
}
