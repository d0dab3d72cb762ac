//! Times and modes of files on a local disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Client, Setup};

fn mode(setup: &Setup, name: &str) -> u32 {
    fs::metadata(setup.files().join(name)).unwrap().permissions().mode() & 0o7777
}

/// Many file systems take the nearest time that they have instead, without a word.
#[test]
fn a_time_is_kept_or_refused() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"x");
    client.expect("MFMT 20200101000000 file", 213);
    let time = |client: &mut Client| client.expect("MDTM file", 213).text();
    for wanted in ["18500101000000", "00010101000000", "23000101000000", "25000101000000", "99991231235959"] {
        let before = time(&mut client);
        let reply = client.expect_any(&format!("MFMT {wanted} file"), &[213, 550]);
        let expected = if reply.code == 213 { format!("213 {wanted}") } else { before };
        assert_eq!(time(&mut client).trim(), expected.trim(), "{wanted}");
    }
}

#[test]
fn a_mode_is_set() {
    let setup = Setup::local();
    fs::create_dir(setup.files().join("shared")).unwrap();
    fs::set_permissions(setup.files().join("shared"), PermissionsExt::from_mode(0o2755)).unwrap();
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"x");
    client.expect("SITE CHMOD 600 file", 200);
    assert_eq!(mode(&setup, "file"), 0o600);
    client.expect("site chmod 0755 file", 200);
    assert_eq!(mode(&setup, "file"), 0o755);
    client.expect("SITE CHMOD 6755 file", 501);
    client.expect("SITE CHMOD 77x file", 501);
    assert_eq!(mode(&setup, "file"), 0o755);
    client.expect("SITE CHMOD 644 missing", 550);
    client.expect("SITE CHMOD 700 /", 550);
    client.expect("SITE CHMOD 700 ../..", 550);
    // What makes new files belong to the directory's group stays.
    client.expect("SITE CHMOD 775 shared", 200);
    assert_eq!(mode(&setup, "shared"), 0o2775);
}

#[test]
fn a_mode_is_for_those_who_may_change_files() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: upload-only }
  - { name: ignored, password: ignored, plain: true, backend: disk, chmod: ignore }
  - { name: memory, password: memory, plain: true, backend: scratch, permissions: upload-only }
",
    );
    fs::write(setup.files().join("file"), "x").unwrap();
    fs::set_permissions(setup.files().join("file"), PermissionsExt::from_mode(0o640)).unwrap();
    let server = setup.start();
    server.login().expect("SITE CHMOD 666 file", 550);
    server.login_as("ignored", "ignored").expect("SITE CHMOD 666 file", 200);
    assert_eq!(mode(&setup, "file"), 0o640);
    // There are none, so nothing changes.
    server.login_as("memory", "memory").expect("SITE CHMOD 666 file", 200);
    let setup = Setup::local().server("chmod: ignore");
    fs::write(setup.files().join("file"), "x").unwrap();
    fs::set_permissions(setup.files().join("file"), PermissionsExt::from_mode(0o640)).unwrap();
    setup.start().login().expect("SITE CHMOD 666 file", 200);
    assert_eq!(mode(&setup, "file"), 0o640);
}
