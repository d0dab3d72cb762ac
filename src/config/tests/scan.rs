//! The section `scan`.

use std::path::Path;
use std::time::Duration;

use wharf_backends::StoragePath;

use super::super::*;
use super::{HASH, World, with};

fn scan(keys: &str) -> Scan {
    let text = with(&format!("scan: {{ {keys} }}\n"));
    World::new().parse(&text).unwrap_or_else(|problems| panic!("{problems}")).scan.unwrap()
}

fn place(host: &str, port: u16) -> Scanner {
    Scanner::Clamd(ScannerAddress::Tcp { host: host.to_owned(), port })
}

#[test]
fn nothing_is_scanned_unless_that_is_said() {
    assert_eq!(World::new().parse(&with("")).unwrap().scan, None);
    let defaults = Scan {
        scanner: place("127.0.0.1", 3310),
        timeout: Duration::from_secs(60),
        unavailable: Unscanned::Refuse,
        most: 100 << 20,
        over: Unscanned::Refuse,
        connections: 100,
        paths: vec![StoragePath::root()],
        quarantine: None,
    };
    assert_eq!(scan("clamd: \"tcp://127.0.0.1:3310\""), defaults);
}

#[test]
fn scanners_are_at_hosts_and_sockets() {
    for (written, expected, shown) in [
        ("tcp://scanner", place("scanner", 3310), "tcp://scanner:3310"),
        ("tcp://scanner:80", place("scanner", 80), "tcp://scanner:80"),
        ("tcp://[::1]:3311", place("::1", 3311), "tcp://[::1]:3311"),
        (
            "unix:/run/clamav/clamd.ctl",
            Scanner::Clamd(ScannerAddress::Unix(Path::new("/run/clamav/clamd.ctl").to_owned())),
            "unix:/run/clamav/clamd.ctl",
        ),
        (
            "unix:///run/clamd.ctl",
            Scanner::Clamd(ScannerAddress::Unix(Path::new("/run/clamd.ctl").to_owned())),
            "unix:/run/clamd.ctl",
        ),
    ] {
        let scanner = scan(&format!("clamd: \"{written}\"")).scanner;
        assert_eq!((&scanner, scanner.to_string().as_str()), (&expected, shown));
    }
    let url = "icap://scanner/srv?a=b".to_owned();
    let expected = Scanner::Icap { host: "scanner".to_owned(), port: 1344, url };
    assert_eq!(scan("icap: \"icap://scanner/srv?a=b\"").scanner, expected);
}

#[test]
fn what_is_wrong_is_said() {
    for (keys, complaint) in [
        ("", "say who scans uploads: `clamd` or `icap`"),
        ("clamd: \"unix:/a\", icap: \"icap://a/b\"", "by `clamd` or by `icap`, and not by both"),
        ("clamd: \"127.0.0.1:3310\"", "expected where clamd listens, such as tcp://127.0.0.1:3310"),
        ("clamd: \"tcp://a/b\"", "expected where clamd listens"),
        ("clamd: \"tcp://a:0\"", "expected where clamd listens"),
        ("clamd: \"tcp://\"", "expected where clamd listens"),
        ("clamd: \"unix:run\"", "the path of the socket has to begin with a slash"),
        ("icap: \"http://a/b\"", "expected the URL of a service"),
        ("icap: \"icap://a/\"", "expected the URL of a service"),
        ("icap: \"icap://a/b c\"", "expected the URL of a service"),
        ("icap: \"icap://a/b\\r\\nc\"", "expected the URL of a service"),
        ("clamd: \"unix:/a\", timeout: 11m", "from 1s to 10m is possible"),
        ("clamd: \"unix:/a\", unavailable: maybe", "maybe"),
        ("clamd: \"unix:/a\", over: { size: 0 }", "at least one byte is needed"),
        ("clamd: \"unix:/a\", connections: 0", "at least 1 is needed"),
        ("clamd: \"unix:/a\", paths: []", "with no path, nothing is scanned"),
        ("clamd: \"unix:/a\", paths: [/../a]", "this path can't contain `..`"),
        ("clamd: \"unix:/a\", quarantine: {}", "`backend` is missing"),
        (
            "clamd: \"unix:/a\", quarantine: { backend: nowhere }",
            "backend \"nowhere\" is not defined; defined are: ",
        ),
    ] {
        let complaints = World::new().complaints(&with(&format!("scan: {{ {keys} }}\n")));
        assert!(complaints.contains(complaint), "{keys}: {complaints}");
    }
}

#[test]
fn what_lets_malware_in_is_dangerous() {
    for (keys, danger) in [
        ("clamd: \"tcp://127.0.0.1\", quarantine: { backend: q }", None),
        ("icap: \"icap://localhost/a\", quarantine: { backend: disk, path: infected }", None),
        ("clamd: \"tcp://192.0.2.7\"", Some("nothing encrypts the way to this scanner")),
        ("icap: \"icap://scanner/a\"", Some("nothing encrypts the way to this scanner")),
        ("clamd: \"unix:/a\", unavailable: pass", Some("with `unavailable: pass`")),
        ("clamd: \"unix:/a\", over: { then: pass }", Some("with `then: pass`")),
        (
            "clamd: \"unix:/a\", quarantine: { backend: disk, path: homes/anna/q }",
            Some("\"anna\" sees this directory"),
        ),
        (
            "clamd: \"unix:/a\", quarantine: { backend: disk }",
            Some("\"anna\" (and 1 more) sees this directory"),
        ),
    ] {
        let text = format!(
            "server: {{ listen: [\"127.0.0.1:2121\"] }}
backends: {{ disk: {{ kind: local, root: data }}, q: {{ kind: memory }} }}
users:
  - {{ name: anna, password: {HASH:?}, backend: disk, path: homes/anna }}
  - {{ name: bert, password: {HASH:?}, backend: disk, path: homes/bert }}
scan: {{ {keys} }}\n"
        );
        let config = World::new().parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let found: Vec<_> = config.dangers.iter().map(|danger| danger.message.as_str()).collect();
        match danger {
            None => assert_eq!(found, [""; 0], "{keys}"),
            Some(danger) => assert!(found.len() == 1 && found[0].starts_with(danger), "{keys}: {found:?}"),
        }
        // What is kept there is a use.
        let unused = config.warnings.iter().any(|warning| warning.message.contains("\"q\" is not used"));
        assert_eq!(unused, !keys.contains("backend: q"), "{keys}");
    }
}

/// Only their entries say what they see, so a backend that others have is enough for a warning.
#[test]
fn users_who_stand_elsewhere_may_see_the_quarantine() {
    for (users, source, backend, is_told) in [
        ("disk", "directory: more", "disk", true),
        ("disk", "directory: more", "q", false),
        ("disk", "http: \"http://127.0.0.1/u\"", "disk", true),
        ("q", "http: \"http://127.0.0.1/u\"", "disk", false),
    ] {
        let text = format!(
            "server: {{ listen: [\"127.0.0.1:2121\"] }}
backends: {{ disk: {{ kind: local, root: data }}, q: {{ kind: memory }} }}
users:
  - {{ name: anna, password: {HASH:?}, backend: {users}, path: homes/anna }}
users_from: [{{ {source} }}]
scan: {{ clamd: \"unix:/a\", quarantine: {{ backend: {backend}, path: infected }} }}\n"
        );
        let world = World::new();
        std::fs::create_dir(world.path("more")).unwrap();
        let config = world.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let told =
            config.dangers.iter().any(|danger| danger.message.starts_with("users of `users_from` may"));
        assert_eq!(told, is_told, "{users} {source} {backend}: {:?}", config.dangers);
    }
}
