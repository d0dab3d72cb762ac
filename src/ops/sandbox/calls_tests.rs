use std::fs;
use std::process::Command;

use super::*;

/// Filters stay with the thread that they were put in force by, and those that it starts.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(work).join().unwrap()
}

#[test]
fn no_program_is_started() {
    Command::new("true").status().unwrap();
    let refused = on_a_thread(|| {
        Calls::prepare().unwrap().enter().unwrap();
        Command::new("true").status().unwrap_err()
    });
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
}

#[test]
fn what_a_server_does_is_allowed() {
    on_a_thread(|| {
        Calls::prepare().unwrap().enter().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "1").unwrap();
        fs::rename(folder.path().join("file"), folder.path().join("other")).unwrap();
        std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        std::thread::spawn(|| {}).join().unwrap();
    });
}

#[test]
fn calls_are_listed_once() {
    let listed = REFUSED.iter().chain(REFUSED_HERE);
    assert_eq!(listed.clone().collect::<std::collections::BTreeSet<_>>().len(), listed.count());
}
