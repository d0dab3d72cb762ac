use super::*;

#[test]
fn urls_are_read() {
    let target = Target::parse("ftp://partner:s%40crt@ftp.example.com/in%20box").unwrap();
    assert_eq!((target.implicit, target.host.as_str(), target.port), (false, "ftp.example.com", 21));
    assert_eq!((target.user.as_str(), target.directory.as_deref()), ("partner", Some("/in box")));
    assert_eq!(target.password.as_ref().unwrap().expose(), "s@crt");
    assert_eq!(target.shown(), "ftp://partner@ftp.example.com:21");
    assert!(!format!("{target:?}").contains("s@crt"));
    let target = Target::parse("ftps://[::1]").unwrap();
    assert_eq!((target.implicit, target.host.as_str(), target.port), (true, "::1", 990));
    assert_eq!(target.shown(), "ftps://anonymous@[::1]:990");
    assert_eq!(Target::parse("ftps://u@127.0.0.1:2121/").unwrap().port, 2121);
}

#[test]
fn what_can_not_be_asked_is_refused_without_the_password() {
    for text in [
        "http://u:hunter2@host",
        "ftp://",
        "u:hunter2@host",
        "ftp://u:hunter2@host:0",
        "ftp://u:hunter2@host:x",
        "ftp://u:hunter2%0d%0aDELE%20x@host",
        "ftp://u%0aPASS:hunter2@host",
        "ftp://u:hunter2@host/a%0d%0aDELE",
        "ftp://u:hunter2@host/?x",
        "ftp://u:hunter2%ff@host",
    ] {
        let error = Target::parse(text).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
