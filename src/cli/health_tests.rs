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
fn addresses_that_stand_for_all_are_asked_on_loopback() {
    let asked = |address: &str| at(address.parse().unwrap()).to_string();
    assert_eq!(asked("0.0.0.0:9121"), "http://127.0.0.1:9121/readyz");
    assert_eq!(asked("[::]:9121"), "http://[::1]:9121/readyz");
    assert_eq!(asked("10.1.2.3:80"), "http://10.1.2.3:80/readyz");
    assert_eq!(url(&asked("[::1]:9121")).unwrap(), at("[::1]:9121".parse().unwrap()));
}

#[test]
fn answers() {
    let answer = |status, by_us, text: &str| Some(Answer { status, by_us, text: text.to_owned() });
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\nServer: wharf\r\n\r\nready\n"), answer(200, true, "ready"));
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\nserver:wharf\r\nA: b\r\n\r\n"), answer(200, true, ""));
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\nServer: other\r\n\r\nready\n"), answer(200, false, "ready"));
    assert_eq!(parse(b"HTTP/1.0 503 X\r\n\r\n"), answer(503, false, ""));
    for none in
        [&b""[..], b"220 ready\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/2 200\r\n\r\n"]
    {
        assert_eq!(parse(none), None, "{none:?}");
    }
}
