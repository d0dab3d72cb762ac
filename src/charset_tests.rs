use super::*;

#[test]
fn names_come_back_as_they_were() {
    for (label, bytes, text) in [
        ("utf-8", &b"\xC3\xBC"[..], "ü"),
        ("windows-1252", b"\xFC", "ü"),
        ("windows-1251", b"\xE6", "ж"),
        ("shift_jis", b"\x83\x65", "テ"),
    ] {
        let charset = Charset::named(label).unwrap();
        assert_eq!(charset.decode(bytes).unwrap(), text, "{label}");
        assert_eq!(charset.encode(text).unwrap(), bytes, "{label}");
    }
}

#[test]
fn what_can_not_be_written_is_not_replaced() {
    let charset = Charset::named("windows-1252").unwrap();
    assert_eq!(charset.encode("ж"), None);
    assert_eq!(&*charset.encode_lossy("üж!"), b"\xFC?!");
    assert_eq!(Charset::Utf8.decode(b"\xFC"), None);
}

#[test]
fn commands_can_be_read_in_all_of_them() {
    assert_eq!(Charset::named("utf-16le"), None);
    assert_eq!(Charset::named("no such thing"), None);
    assert_eq!(Charset::named("UTF8"), Some(Charset::Utf8));
}
