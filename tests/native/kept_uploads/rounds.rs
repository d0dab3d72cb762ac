//! A short form of `scripts/cut-rounds`: three servers on one storage, and a line that is cut again and again.

use crate::support::{Program, Setup};

fn rounds(arguments: &[&str]) {
    let setup = Setup::local();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cut-rounds");
    let said = Program::new("python3", setup.folder())
        .arg(script)
        .args(["--program", env!("CARGO_BIN_EXE_wharf"), "--rounds", "4", "--size", "40", "--every", "5-15"])
        .args(arguments)
        .run();
    assert!(said.contains(", all whole, "), "{said}");
}

#[test]
fn cuts_lose_nothing_on_a_disk() {
    rounds(&["--store", "disk"]);
}

#[test]
fn kills_lose_nothing_in_a_bucket() {
    // The server that was killed is known to be gone after minutes, and only then APPE of curl goes on.
    rounds(&["--store", "seaweedfs", "--kill", "--clients", "lftp"]);
}
