use super::*;

#[test]
fn urls() {
    let parts = |text: &str| url(text).map(|url| (url.host, url.port, url.path));
    let ok = |host: &str, port, path: &str| Ok((host.to_owned(), port, path.to_owned()));
    assert_eq!(parts("http://127.0.0.1:9121/livez"), ok("127.0.0.1", 9121, "/livez"));
    assert_eq!(parts("http://localhost"), ok("localhost", 80, "/readyz"));
    assert_eq!(parts("http://[::1]:9121"), ok("::1", 9121, "/readyz"));
    assert_eq!(parts("http://[::1]/livez"), ok("::1", 80, "/livez"));
    for wrong in [
        "https://127.0.0.1:9121/",
        "127.0.0.1:9121",
        "http://",
        "http://:9121/",
        "http://host:0/",
        "http://host:65536/",
        "http://host:x/",
        "http://user@host/",
        "http://host/a b",
        "http://host/a\r\nHost: other",
    ] {
        url(wrong).expect_err(wrong);
    }
}

#[test]
fn answers() {
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nready\n"), Some((200, "ready".to_owned())));
    assert_eq!(parse(b"HTTP/1.0 503 X\r\n\r\n"), Some((503, String::new())));
    for none in
        [&b""[..], b"220 ready\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/2 200\r\n\r\n"]
    {
        assert_eq!(parse(none), None, "{none:?}");
    }
}
