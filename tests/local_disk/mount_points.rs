//! A file or a directory at which something is mounted, as when a single file is bound into a container: the system lets nobody
//! replace, rename or remove it, and that is told before anything is sent.

use std::fs;

use crate::support::{Client, Setup};

/// The file `bound` and the directory `disk` are others, bound there in a mount namespace of the server alone.
fn with_mount_points() -> Option<Setup> {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full, mounts: [ { at: /m, backend: scratch, permissions: full } ] }
",
    );
    fs::create_dir_all(setup.files().join("tree/disk")).unwrap();
    fs::create_dir(setup.folder().join("directory")).unwrap();
    fs::write(setup.folder().join("file"), "12345").unwrap();
    fs::write(setup.files().join("tree/bound"), "").unwrap();
    fs::write(setup.files().join("tree/other"), "other").unwrap();
    setup.mounted(
        "mount --bind '{folder}/file' '{folder}/files/tree/bound' \
         && mount --bind '{folder}/directory' '{folder}/files/tree/disk'",
    )
}

#[track_caller]
fn assert_refused(client: &mut Client, command: &str) {
    let reply = client.expect(command, 550);
    assert!(reply.text().contains("something is mounted there"), "{reply:?}");
}

#[test]
fn are_not_replaced() {
    let Some(setup) = with_mount_points() else { return };
    let server = setup.start();
    let mut client = server.login();
    assert!(client.try_store("STOR tree/bound", b"new").code >= 400);
    assert_eq!(client.retrieve("tree/bound"), b"12345");
}

/// Nothing has to be replaced for that.
#[test]
fn take_what_is_added_to_them() {
    let Some(setup) = with_mount_points() else { return };
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.try_store("APPE tree/bound", b"67").code, 226);
    client.expect("REST 7", 350);
    assert_eq!(client.try_store("STOR tree/bound", b"89").code, 226);
    assert_eq!(fs::read(setup.folder().join("file")).unwrap(), b"123456789");
    client.store("tree/disk/file", b"1");
    assert_eq!(fs::read(setup.folder().join("directory/file")).unwrap(), b"1");
}

/// Neither alone nor with the tree that they are in, which a move to another storage would have to remove.
#[test]
fn are_not_moved_to_another_storage() {
    let Some(setup) = with_mount_points() else { return };
    let server = setup.start();
    let mut client = server.login();
    client.store("m/file", b"from memory");
    client.expect("RNFR m/file", 350);
    client.expect_any("RNTO tree/bound", &[550, 553]);
    client.expect("RNFR tree", 350);
    client.expect_any("RNTO m/tree", &[550, 553]);
    assert_eq!(client.names("m"), ["file"]);
    assert_eq!(client.names("tree"), ["bound", "disk", "other"]);
    // Inside of one storage it goes along.
    client.expect("RNFR tree", 350);
    client.expect("RNTO moved", 250);
    assert_eq!(client.retrieve("moved/bound"), b"12345");
}

/// libunftp has words of its own, and no code for a trouble that lasts.
mod native_only {
    use super::*;

    #[test]
    fn are_refused_before_anything_is_sent() {
        let Some(setup) = with_mount_points() else { return };
        let server = setup.start();
        let mut client = server.login();
        for prepared in ["STOR tree/bound", "REST 2"] {
            if prepared.starts_with("REST") {
                client.expect(prepared, 350);
            }
            let refused = client.try_transfer("STOR tree/bound").err().expect("a refusal");
            assert_eq!(refused.code, 550, "{refused:?}");
            assert!(refused.text().contains("something is mounted there"), "{refused:?}");
        }
        for command in ["DELE tree/bound", "RMD tree/disk", "RNFR tree/bound", "RNFR tree/disk"] {
            assert_refused(&mut client, command);
        }
        client.expect("DELE tree/disk", 550);
        client.expect("RMD tree/bound", 550);
        client.expect("RNFR tree/other", 350);
        assert_refused(&mut client, "RNTO tree/bound");
        client.expect("RNFR tree/other", 350);
        client.expect("RNTO tree/disk", 550);
        assert_eq!(client.retrieve("tree/bound"), b"12345");
        assert_eq!(client.names("tree"), ["bound", "disk", "other"]);
    }
}
