use super::*;

#[test]
fn addresses_of_this_machine_are_known() {
    for url in [
        "http://127.0.0.1:9000",
        "http://127.9.9.9",
        "HTTP://LOCALHOST:8333/path",
        "http://[::1]:9000/path",
        "https://localhost",
    ] {
        assert!(is_on_this_machine(url), "{url}");
    }
    for url in [
        "http://10.0.0.1:9000",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://example.com/127.0.0.1",
        "http://[2001:db8::1]:9000",
        "http://[::1",
        "http://",
    ] {
        assert!(!is_on_this_machine(url), "{url}");
    }
}

#[test]
fn a_url_of_a_store_is_one_and_no_more() {
    for (text, url) in [
        ("https://storage.example.com", "https://storage.example.com"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("http://[::1]:9000/path/", "http://[::1]:9000/path"),
    ] {
        assert_eq!(parse_endpoint(text), Ok(url));
    }
    for text in [
        "",
        "example.com",
        "ftp://example.com",
        "HTTP://example.com",
        "https://",
        "https:///path",
        "https://:9000",
        "https://example.com:0",
        "https://example.com:99999",
        "https://example.com:",
        "https://[::1",
        "https://::1",
        "https://exa mple.com",
        "https://user:password@example.com",
        "https://example.com?a",
        "https://example.com#a",
        "https://example.com/\u{7}",
        "https://example.com/a@b",
        "https://@example.com",
    ] {
        assert!(parse_endpoint(text).is_err(), "{text}");
    }
}

#[test]
fn a_bucket_goes_before_the_host() {
    for (url, expected) in [
        ("https://storage.example.com", Some("https://lake.storage.example.com")),
        ("http://localhost:9000/", Some("http://lake.localhost:9000")),
        ("https://storage.example.com:8443/path/", Some("https://lake.storage.example.com:8443/path")),
        ("https://storage.example.com:443", Some("https://lake.storage.example.com")),
        ("https://storage.example.com.", Some("https://lake.storage.example.com.")),
        ("http://127.0.0.1:9000", None),
        ("http://[::1]:9000/path", None),
        ("storage.example.com", None),
    ] {
        assert_eq!(in_host("lake", url).as_deref(), expected, "{url}");
    }
}
