//! One tree of several backends: the places of mounts, and the way to them.

use crate::support::{Client, Setup};

/// A backend at `/`, in which there is no `x`, and one at `/x/y`.
fn below_nothing(root: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  root: {root}
  scratch: {{ kind: memory }}
users:
  - {{ name: demo, password: demo, plain: true, backend: root, mounts: [{{ at: /x/y, backend: scratch }}] }}
"
    ))
}

/// The directory is shown, so it can be used.
fn can_be_used(setup: &Setup) {
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.names(""), ["x"]);
    assert_eq!(client.names("x"), ["y"]);
    client.expect("MKD /x", 550);
    client.expect("MKD /x/y", 550);
    client.store("/x/file", b"file");
    client.expect("MKD /x/z", 257);
    client.store("/x/z/file", b"below");
    client.store("/x/y/file", b"mounted");
    assert_files(&mut client);
    client.expect("MKD /x", 550);
    client.expect("RMD /x", 550);
    assert_files(&mut client);
}

#[track_caller]
fn assert_files(client: &mut Client) {
    assert_eq!(client.names(""), ["x"]);
    assert_eq!(client.names("x"), ["file", "y", "z"]);
    assert_eq!(client.retrieve("/x/file"), b"file");
    assert_eq!(client.retrieve("/x/z/file"), b"below");
    assert_eq!(client.retrieve("/x/y/file"), b"mounted");
}

#[test]
fn the_way_to_a_mount_can_be_used_on_a_disk() {
    can_be_used(&below_nothing("{ kind: local, root: '{folder}/files' }"));
}

#[test]
fn the_way_to_a_mount_can_be_used_in_memory() {
    can_be_used(&below_nothing("{ kind: memory }"));
}

#[test]
fn a_directory_can_be_the_first_thing_on_the_way_to_a_mount() {
    let setup = below_nothing("{ kind: local, root: '{folder}/files' }");
    let server = setup.start();
    let mut client = server.login();
    client.expect("MKD /x/z", 257);
    client.expect("CWD /x", 250);
    assert_eq!(client.names(""), ["y", "z"]);
}

#[test]
fn a_file_can_be_moved_onto_the_way_to_a_mount() {
    let setup = below_nothing("{ kind: local, root: '{folder}/files' }");
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"file");
    client.expect("RNFR file", 350);
    client.expect("RNTO x/file", 250);
    assert_eq!(client.retrieve("x/file"), b"file");
    assert_eq!(client.names(""), ["x"]);
}
