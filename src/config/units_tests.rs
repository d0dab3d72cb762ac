use super::*;

#[test]
fn sizes() {
    for (text, bytes) in [
        ("0", 0),
        ("1048576", 1 << 20),
        ("512B", 512),
        ("10MB", 10_000_000),
        ("64MiB", 64 << 20),
        ("64 mib", 64 << 20),
        ("1.5GiB", 3 << 29),
        ("2TiB", 2 << 40),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    let wrong = "expected a size such as 64MiB, 10MB or 1048576";
    for (text, message) in [
        ("", wrong),
        ("MiB", wrong),
        ("-1", wrong),
        ("1e6", wrong),
        ("64M", wrong),
        (".5MiB", wrong),
        ("5.MiB", wrong),
        ("1.2.3MiB", wrong),
        ("1.5", "this size is not a whole number of bytes"),
        ("18446744073709551616", "this size is too large"),
        ("16777216TiB", "this size is too large"),
        (&"9".repeat(100), "this size is too large"),
        (&format!("{}.5TiB", "9".repeat(38)), "this size is too large"),
    ] {
        assert_eq!(size(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn byte_rates() {
    for (text, rate) in [("10MiB/s", 10 << 20), ("8 KiB / S", 8 << 10), ("1000000/s", 1_000_000)] {
        assert_eq!(byte_rate(text), Ok(rate), "{text}");
    }
    let wrong = "expected bytes in a second, such as 10MiB/s";
    for text in ["", "/s", "10MiB", "10MiB/", "10MiB/min", "10Mbit/s", "1/1/s", "-1/s"] {
        assert_eq!(byte_rate(text), Err(wrong.to_owned()), "{text}");
    }
    for text in ["0/s", "8191/s", "7KiB/s"] {
        assert_eq!(byte_rate(text), Err("at least 8KiB/s are needed".to_owned()), "{text}");
    }
}

#[test]
fn durations() {
    assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
    assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
    assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
    assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(duration("0s"), Ok(Duration::ZERO));
    assert!(duration("30").unwrap_err().contains("unit"));
    for text in ["", "s", "-5s", "soon", "5 parsecs", "99999999999999999999s"] {
        assert_eq!(duration(text), Err("expected a duration such as 30s, 5m or 1h30m".to_owned()), "{text}");
    }
    assert!(duration("100years").unwrap_err().contains("too long"));
}

#[test]
fn port_ranges() {
    assert_eq!(ports("50000-50063"), Ok(50000..=50063));
    assert_eq!(ports("50000 - 50063"), Ok(50000..=50063));
    assert_eq!(ports("1024-65535"), Ok(1024..=65535));
    assert_eq!(ports("50000"), Ok(50000..=50000));
    for text in
        ["", "-", "1-", "-1", "50000-", "50000-50063-50070", "+50000", "a-b", "65536", "0", "0-0", "80-90"]
    {
        assert!(ports(text).is_err(), "{text}");
    }
}

#[test]
fn listening_addresses() {
    assert_eq!(listen("0.0.0.0:2121"), Ok(SocketAddr::from(([0, 0, 0, 0], 2121))));
    assert_eq!(listen("[::1]:0").map(|address| (address.is_ipv6(), address.port())), Ok((true, 0)));
    assert!(listen("2121").unwrap_err().contains("0.0.0.0:2121"));
    assert!(listen(":2121").unwrap_err().contains("0.0.0.0:2121"));
    assert!(listen("127.0.0.1").unwrap_err().contains("127.0.0.1:2121"));
    assert!(listen("::").unwrap_err().contains("[::]:2121"));
    for text in ["", "localhost:21", "1.2.3.4:65536", "1.2.3:21", "::1:21x"] {
        assert!(listen(text).is_err(), "{text}");
    }
}

#[test]
fn passive_addresses() {
    assert_eq!(passive_address("192.0.2.1"), Ok(PassiveAddress::Ip(Ipv4Addr::new(192, 0, 2, 1))));
    for name in ["ftp.example.com", "ftp.example.com.", "localhost", "a_b.example"] {
        assert_eq!(passive_address(name), Ok(PassiveAddress::Name(name.to_owned())));
    }
    for text in [
        "",
        ".",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "1.2.3",
        "300.1.1.1",
        "a b",
        "-a.example",
        "a..b",
        "a:21",
    ] {
        assert!(passive_address(text).is_err(), "{text}");
    }
}

#[test]
fn moments() {
    let at = |seconds| Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(moment("2027-01-01"), at(1_798_761_600));
    assert_eq!(moment("2027-01-01T00:00:00Z"), at(1_798_761_600));
    assert_eq!(moment("2027-01-01T18:00:00+01:00"), at(1_798_822_800));
    for text in ["", "2027", "2027-13-01", "2027-01-01T18:00", "2027-01-01T18:00:00", "soon", "01.01.2027"] {
        assert!(moment(text).is_err(), "{text}");
    }
}

#[test]
fn rates() {
    let of = |count, seconds| Ok(Rate { count, period: Duration::from_secs(seconds) });
    for (text, found) in [
        ("60/min", of(60, 60)),
        ("5/s", of(5, 1)),
        ("7 / 30s", of(7, 30)),
        ("1/h", of(1, 3600)),
        ("2/m", of(2, 60)),
    ] {
        assert_eq!(rate(text), found, "{text}");
    }
    for text in ["", "60", "60/", "/s", "-1/s", "0/s", "1.5/s", "1/0s", "1000001/s", "1/fortnight"] {
        assert!(rate(text).is_err(), "{text}");
    }
}
