//! Working directories, listings, and what is known of a name.

use std::fs;

use super::libunftp_fails;
use crate::support::{Setup, closed_port};

fn with_directories() -> Setup {
    let setup = Setup::local();
    fs::create_dir_all(setup.files().join("one/two")).unwrap();
    setup
}

#[test]
fn working_directory_is_shown_without_dots() {
    let setup = with_directories();
    let server = setup.start();
    let mut client = server.login();
    client.expect("CWD one/..", 250);
    let reply = client.expect("PWD", 257);
    libunftp_fails("pwd-shows-dots", || assert!(reply.text().contains("\"/\""), "{reply:?}"));
}

#[test]
fn cdup_leads_to_the_parent() {
    let setup = with_directories();
    let server = setup.start();
    let mut client = server.login();
    client.expect("CWD one/two/..", 250);
    client.expect_any("CDUP", &[200, 250]);
    libunftp_fails("cdup-goes-down-after-dots", || assert_eq!(client.names(""), ["one"]));
}

/// RFC 959, appendix II.
#[test]
fn quote_is_doubled() {
    let setup = with_directories();
    let server = setup.start();
    let mut client = server.login();
    client.expect("MKD a\"b", 257);
    client.expect("CWD a\"b", 250);
    let reply = client.expect("PWD", 257);
    libunftp_fails("pwd-does-not-double-quotes", || {
        assert!(reply.text().contains("\"/a\"\"b\""), "{reply:?}");
    });
}

#[test]
fn have_no_size() {
    let setup = with_directories();
    let server = setup.start();
    let mut client = server.login();
    let reply = client.command("SIZE one");
    libunftp_fails("size-of-what-is-no-file", || assert_eq!(reply.code, 550, "{reply:?}"));
}

#[test]
fn link_out_of_the_root_has_no_size() {
    let setup = Setup::local();
    fs::write(setup.folder().join("outside"), b"12345").unwrap();
    std::os::unix::fs::symlink("../outside", setup.files().join("link")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    let reply = client.command("SIZE link");
    assert!(!reply.text().ends_with(" 5"), "the size of a file outside: {reply:?}");
    libunftp_fails("size-of-what-is-no-file", || assert_eq!(reply.code, 550, "{reply:?}"));
}

#[test]
fn status_of_a_name_starts_from_the_working_directory() {
    let setup = with_directories();
    fs::write(setup.files().join("one/report.csv"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    client.expect("CWD one", 250);
    let reply = client.command("STAT report.csv");
    libunftp_fails("stat-ignores-working-directory", || {
        assert!((200..300).contains(&reply.code) && reply.text().contains("report.csv"), "{reply:?}");
    });
}

/// 550 says that there is nothing to wait for; RFC 959 has 450 for STAT.
#[test]
fn status_of_what_is_missing_is_told() {
    let setup = with_directories();
    let server = setup.start();
    let mut client = server.login();
    let reply = client.command("STAT /missing");
    libunftp_fails("stat-of-missing-is-451", || {
        assert!(matches!(reply.code, 450 | 550), "{reply:?}");
    });
}

#[test]
fn names_of_a_storage_that_is_down_are_asked_for_again() {
    let (_held, address) = closed_port();
    let setup = Setup::new(format!(
        "
backends:
  bucket: {{ kind: s3, bucket: lost, region: us-east-1, endpoint: 'http://{address}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: bucket }}
"
    ));
    let server = setup.start();
    let (_, reply) = server.login().try_fetch("NLST");
    libunftp_fails("nlst-failure-is-always-550", || {
        assert!((400..500).contains(&reply.code), "{reply:?}");
    });
}

/// The contract's law 7: a listing takes less memory than the names themselves.
#[test]
fn are_not_held_in_memory() {
    const NAMES: usize = 80_000;
    let setup = Setup::local();
    let padding = "n".repeat(240);
    fs::create_dir(setup.files().join("small")).unwrap();
    fs::write(setup.files().join("small/one"), b"").unwrap();
    let large = setup.files().join("large");
    fs::create_dir(&large).unwrap();
    for number in 0..NAMES {
        fs::write(large.join(format!("{padding}{number:06}")), b"").unwrap();
    }
    let server = setup.start();
    let mut client = server.login();
    // From here on the program's own pages are in memory.
    assert_eq!(client.names("small").len(), 1);
    let usual = server.peak_memory();
    assert_eq!(client.names("large").len(), NAMES);
    let more = server.peak_memory() - usual;
    libunftp_fails("listing-held-in-memory", || {
        let names = (NAMES * (padding.len() + 6)) as u64;
        assert!(more < names, "{} KiB more for names of {} KiB", more >> 10, names >> 10);
    });
}
