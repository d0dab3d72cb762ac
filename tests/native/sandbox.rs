//! What the process keeps itself from (`server.sandbox`).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use landlock::{ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};

use crate::support::{Running, Setup, skipped, wait_until};

/// Whether this kernel limits which files can be opened; else that is told.
fn limits_files() -> bool {
    let needed = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V2))
        .and_then(Ruleset::create);
    match needed {
        Ok(_) => true,
        Err(error) => {
            skipped(format!("the kernel has no Landlock: {error}"));
            false
        }
    }
}

fn has_line(server: &Running<'_>, start: &str) -> bool {
    server.log.find(|line| line.message().starts_with(start)).is_some()
}

#[test]
fn is_in_force_without_being_asked_for() {
    if !limits_files() {
        return;
    }
    let setup = Setup::local();
    let server = setup.start();
    assert!(has_line(&server, "the sandbox is in force"), "{}", server.log.text());
}

/// A thread that was started before the limits, or elsewhere, would be a way around all of them.
#[test]
fn holds_for_all_threads() {
    let setup = Setup::local().tls("optional").http();
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    client.store("file", b"1");
    let status_of = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap_or_default();
    let threads: Vec<_> = fs::read_dir(format!("/proc/{}/task", server.pid()))
        .unwrap()
        .map(|task| status_of(task.unwrap()))
        .filter(|status| !status.is_empty())
        .collect();
    assert!(threads.len() > 2, "{threads:?}");
    for status in threads {
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
            assert!(status.lines().any(|found| found == line), "no {line} in\n{status}");
        }
    }
}

#[test]
fn can_be_switched_off() {
    let setup = Setup::local().server("sandbox: false");
    let server = setup.start();
    assert!(has_line(&server, "no sandbox"), "{}", server.log.text());
}

/// Puts links to a pair of files elsewhere in the place of the server's certificate and key.
fn lead_certificate_to(server: &Running<'_>, setup: &Setup, elsewhere: &Path) {
    let renewed = server.certificates();
    renewed.renew();
    for name in ["server.key", "server.crt"] {
        fs::rename(setup.folder().join(name), elsewhere.join(name)).unwrap();
        symlink(elsewhere.join(name), setup.folder().join("next")).unwrap();
        fs::rename(setup.folder().join("next"), setup.folder().join(name)).unwrap();
    }
}

/// Nothing but the sandbox keeps the server from files elsewhere: all are of the same account.
#[test]
fn keeps_files_of_other_directories_from_being_read() {
    if !limits_files() {
        return;
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let setup = Setup::local().tls("required");
    let server = setup.start();
    lead_certificate_to(&server, &setup, elsewhere.path());
    wait_until("the server complains", || {
        drop(server.connect_tls());
        server.log.count("the old one stays") > 0
    });
    server.log.expect_warning(
        "the certificate changed and can't be used",
        &[("cause", "…ermission denied…"), ("cause", "…or it lies outside of the sandbox…")],
    );
}

#[test]
fn that_is_off_keeps_no_files_from_being_read() {
    let elsewhere = tempfile::tempdir().unwrap();
    let setup = Setup::local().tls("required").server("sandbox: false");
    let server = setup.start();
    lead_certificate_to(&server, &setup, elsewhere.path());
    wait_until("the server has the new certificate", || {
        drop(server.connect_tls());
        server.log.count("the certificate changed: new connections get the new one") > 0
    });
}

/// As certbot keeps them: the name stays, and leads to a file of another directory.
#[test]
fn lets_certificates_be_renewed_where_links_lead_to() {
    let archive = tempfile::tempdir().unwrap();
    let setup = Setup::local().tls("required");
    for name in ["server.crt", "server.key"] {
        fs::rename(setup.folder().join(name), archive.path().join(name)).unwrap();
        symlink(archive.path().join(name), setup.folder().join(name)).unwrap();
    }
    let server = setup.start();
    server.certificates().renew();
    for (name, next) in [("server.key", "2.key"), ("server.crt", "2.crt")] {
        fs::rename(setup.folder().join(name), archive.path().join(next)).unwrap();
        symlink(archive.path().join(next), setup.folder().join(name)).unwrap();
    }
    wait_until("the server has the new certificate", || {
        drop(server.connect_tls());
        server.log.count("the certificate changed: new connections get the new one") > 0
    });
}

/// A directory that was not there at the start has not been allowed.
#[test]
fn keeps_a_root_from_being_another_directory() {
    if !limits_files() {
        return;
    }
    let setup = Setup::local().http();
    let server = setup.start();
    let mut client = server.login();
    client.store("first", b"1");
    fs::rename(setup.files(), setup.folder().join("gone")).unwrap();
    fs::create_dir(setup.files()).unwrap();
    let refused = client.try_store("STOR second", b"2");
    assert_eq!(refused.code, 451, "{refused:?}");
    assert_eq!(fs::read_dir(setup.files()).unwrap().count(), 0);
    server.log.expect_warning(
        "the root of a storage is gone",
        &[("cause", "…it is another directory now…"), ("cause", "…restart the server…")],
    );
    // The one from before is back.
    fs::remove_dir(setup.files()).unwrap();
    fs::rename(setup.folder().join("gone"), setup.files()).unwrap();
    assert_eq!(client.retrieve("first"), b"1");
}
