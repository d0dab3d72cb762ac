use proptest::prelude::*;

use super::*;

fn host(text: &str) -> Host {
    Host::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn pattern(text: &str) -> HostPattern {
    HostPattern::parse(text).unwrap()
}

#[test]
fn hosts_are_read_as_clients_write_them() {
    for (text, read) in [
        ("ftp.example.com", "ftp.example.com"),
        ("FTP.Example.COM.", "ftp.example.com"),
        ("localhost", "localhost"),
        ("xn--MNCHEN-3ya.example", "xn--mnchen-3ya.example"),
        ("ftp_1.example", "ftp_1.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:DB8:0::1]", "[2001:db8::1]"),
        ("[::ffff:192.0.2.7]", "192.0.2.7"),
    ] {
        assert_eq!(Host::parse(text).map(|host| host.to_string()).as_deref(), Some(read), "{text}");
    }
    for wrong in [
        "",
        ".",
        "a..b",
        ".a",
        "a.example..",
        "a.example:21",
        "::1",
        "[::1",
        "[192.0.2.7]",
        "[fe80::1%eth0]",
        "192.000.002.007",
        "192.0.2.256",
        "1.2.3",
        "*.example",
        "münchen.example",
        "a b",
        "-a",
    ] {
        assert_eq!(Host::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn patterns_stand_for_one_host_or_for_one_more_label() {
    for (written, hosts, others) in [
        (
            "Ftp.Example.com.",
            &["ftp.example.com", "FTP.EXAMPLE.COM."][..],
            &["example.com", "a.ftp.example.com"][..],
        ),
        (
            "*.b.example",
            &["a.b.example", "A.B.Example.", "_x.b.example"],
            &["b.example", "c.a.b.example", "a-b.example"],
        ),
        ("192.0.2.7", &["192.0.2.7", "[::ffff:192.0.2.7]"], &["192.0.2.8", "7.example"]),
        ("::1", &["[::1]"], &["[::2]", "127.0.0.1"]),
        ("[::1]", &["[0::1]"], &["localhost"]),
        ("*.7", &[], &["192.0.2.7"]),
    ] {
        // Nothing below a name that is a number can be written.
        let Ok(read) = HostPattern::parse(written) else {
            assert!(hosts.is_empty(), "{written}");
            continue;
        };
        assert!(hosts.iter().all(|text| read.has(&host(text))), "{written}");
        assert!(!others.iter().any(|text| read.has(&host(text))), "{written}");
        assert!(read.has(&read.example()), "{written}");
    }
}

#[test]
fn what_is_no_host_is_explained() {
    for (wrong, advice) in [
        ("münchen.example", "xn--"),
        ("*", "whole first label"),
        ("f*.example", "whole first label"),
        ("*.*.example", "whole first label"),
        ("a.*.example", "whole first label"),
        ("ftp://a.example", "without a port"),
        ("a.example:21", "without a port"),
        ("", "is needed"),
    ] {
        let message = HostPattern::parse(wrong).unwrap_err();
        assert!(message.contains(advice), "{message}");
    }
}

#[test]
fn a_name_counts_more_than_a_star() {
    let mut map = HostMap::default();
    map.add(pattern("*.b.example"), 1);
    map.add(pattern("own.b.example"), 2);
    map.add(pattern("own.b.example"), 3);
    let of = |text: &str| map.get(&host(text)).copied();
    assert_eq!(of("own.b.example"), Some(2));
    assert_eq!(of("other.b.example"), Some(1));
    assert_eq!((of("b.example"), of("192.0.2.7"), of("localhost")), (None, None, None));
}

#[test]
fn hosts_are_known_as_long_as_somebody_names_them() {
    let mut map = HostMap::default();
    map.count(&pattern("a.example"));
    map.count(&pattern("A.example."));
    map.discount(&pattern("a.example"));
    map.discount(&pattern("b.example"));
    assert!(map.get(&host("a.example")).is_some());
    map.discount(&pattern("a.example"));
    assert!(map.is_empty());
}

proptest! {
    /// What a client sends may be anything. What is read is read again as the same host, whatever its letters are.
    #[test]
    fn hosts_survive_their_text(text in "[a-zA-Z0-9.:*_\\[\\]-]{0,80}|\\PC{0,40}|\\[[0-9a-f:.]{0,30}\\]") {
        if let Some(read) = Host::parse(&text) {
            prop_assert_eq!(Host::parse(&read.to_string()), Some(read.clone()));
            prop_assert_eq!(Host::parse(&text.to_ascii_uppercase()), Some(read.clone()));
            prop_assert!(HostPattern::parse(&text).unwrap().has(&read));
            prop_assert!(read.server_name().is_some());
        }
        if let Ok(read) = HostPattern::parse(&text) {
            prop_assert_eq!(HostPattern::parse(&read.to_string()), Ok(read.clone()));
            prop_assert!(read.has(&read.example()));
        }
    }
}
