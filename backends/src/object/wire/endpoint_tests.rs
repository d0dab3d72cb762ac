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
