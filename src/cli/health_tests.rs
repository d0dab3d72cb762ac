use super::*;

/// The URL that is asked, and the host and the target that the request names.
fn asked(text: &str) -> Result<(String, String, String), String> {
    let url = url(text)?;
    let part = |part: &str| part.to_owned();
    let host = part(&url[Position::BeforeHost..Position::AfterPort]);
    Ok((url.to_string(), host, part(&url[Position::BeforePath..Position::AfterQuery])))
}

#[test]
fn urls() {
    for (text, url, host, target) in [
        ("http://127.0.0.1:9121/livez", "http://127.0.0.1:9121/livez", "127.0.0.1:9121", "/livez"),
        ("http://localhost", "http://localhost/readyz", "localhost", "/readyz"),
        ("http://localhost:9121/", "http://localhost:9121/readyz", "localhost:9121", "/readyz"),
        ("http://host:80/livez/", "http://host/livez/", "host", "/livez/"),
        ("http://[::1]:9121", "http://[::1]:9121/readyz", "[::1]:9121", "/readyz"),
        ("http://[::1]/livez", "http://[::1]/livez", "[::1]", "/livez"),
        ("HTTP://Host:9121/a?b=c", "http://host:9121/a?b=c", "host:9121", "/a?b=c"),
    ] {
        let parts = (url.to_owned(), host.to_owned(), target.to_owned());
        assert_eq!(asked(text), Ok(parts), "{text}");
    }
    for (wrong, reason) in [
        ("https://127.0.0.1:9121/", "only URLs that begin with http:// can be asked"),
        ("127.0.0.1:9121", "only URLs that begin with http:// can be asked"),
        ("localhost:9121", "only URLs that begin with http:// can be asked"),
        ("", "only URLs that begin with http:// can be asked"),
        ("http://host:65536/", "the port is not a number from 1 to 65535"),
        ("http://host:x/", "the port is not a number from 1 to 65535"),
        ("http://host:0/", EXPECTED),
        ("http://host:/readyz", EXPECTED),
        ("http://host:", EXPECTED),
        ("http://[::1]:/", EXPECTED),
        ("http://[fe80::1%eth0]:9121/", EXPECTED),
        ("http://", EXPECTED),
        ("http:///livez", EXPECTED),
        ("http:host/livez", EXPECTED),
        ("http://:9121/", EXPECTED),
        ("http://[::1/", EXPECTED),
        ("http://::1/", EXPECTED),
        ("http://user@host/", EXPECTED),
        ("http://user:password@host/", EXPECTED),
        ("http://@host/", EXPECTED),
        ("http://host/a b", EXPECTED),
        (" http://host/", EXPECTED),
        ("http://host/a\r\nHost: other", EXPECTED),
        ("http://host\\a", EXPECTED),
    ] {
        assert_eq!(asked(wrong), Err(reason.to_owned()), "{wrong:?}");
    }
}

#[test]
fn addresses_that_stand_for_all_are_asked_on_loopback() {
    for (address, expected) in [
        ("0.0.0.0:9121", "http://127.0.0.1:9121/readyz"),
        ("[::]:9121", "http://[::1]:9121/readyz"),
        ("10.1.2.3:8080", "http://10.1.2.3:8080/readyz"),
        ("[fe80::1%3]:9121", "http://[fe80::1]:9121/readyz"),
    ] {
        let text = at(address.parse().unwrap());
        assert_eq!(text, expected);
        assert_eq!(url(&text).unwrap().as_str(), expected);
    }
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
