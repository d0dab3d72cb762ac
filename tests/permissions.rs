//! Three presets, one tree: what each user may do, command by command.

use std::fs;

use crate::support::{Client, Setup};

/// The same tree for three users: one who may do all, one who may look, one who may only bring.
fn three() -> Setup {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
  - { name: reader, password: reader, plain: true, backend: disk, permissions: read-only }
  - { name: bringer, password: bringer, plain: true, backend: disk, permissions: upload-only }
  - { name: blind, password: blind, plain: true, backend: disk, permissions: upload }
",
    );
    fs::write(setup.files().join("file"), b"12345").unwrap();
    fs::create_dir(setup.files().join("empty")).unwrap();
    setup
}

#[track_caller]
fn refused(client: &mut Client, commands: &[&str]) {
    for command in commands {
        let reply = client.command(command);
        assert_eq!(reply.code, 550, "{command}: {reply:?}");
    }
}

#[test]
fn a_reader_changes_nothing() {
    let setup = three();
    let server = setup.start();
    let mut client = server.login_as("reader", "reader");
    assert_eq!(client.names(""), ["empty", "file"]);
    assert_eq!(client.retrieve("file"), b"12345");
    client.expect("CWD empty", 250);
    client.expect_any("CDUP", &[200, 250]);
    client.expect("SIZE file", 213);
    refused(&mut client, &["DELE file", "RMD empty", "MKD new"]);
    let reply = client.command("RNFR file");
    let reply = if reply.code == 350 { client.command("RNTO other") } else { reply };
    assert_eq!(reply.code, 550);
    for command in ["STOR new", "STOR file", "APPE file", "APPE new", "STOU"] {
        assert_eq!(client.try_store(command, b"x").code, 550, "{command}");
    }
    client.expect("REST 5", 350);
    assert_eq!(client.try_store("STOR file", b"x").code, 550);
    assert_eq!(server.login().retrieve("file"), b"12345");
    assert_eq!(server.login().names(""), ["empty", "file"]);
}

#[test]
fn a_bringer_adds_and_changes_nothing() {
    let setup = three();
    let server = setup.start();
    let mut client = server.login_as("bringer", "bringer");
    client.store("new", b"brought");
    client.expect("MKD folder", 257);
    client.store("folder/new", b"brought");
    assert_eq!(client.names(""), ["empty", "file", "folder", "new"]);
    for name in ["file", "new"] {
        assert_eq!(client.try_fetch(&format!("RETR {name}")).1.code, 550, "{name}");
        assert_eq!(client.try_store(&format!("STOR {name}"), b"x").code, 550, "{name}");
        assert_eq!(client.try_store(&format!("APPE {name}"), b"x").code, 550, "{name}");
        let reply = client.command(&format!("SITE MD5 {name}"));
        assert!(reply.code >= 500, "a digest tells about the content: {reply:?}");
    }
    refused(&mut client, &["DELE file", "DELE new", "RMD empty"]);
    let reply = client.command("RNFR new");
    let reply = if reply.code == 350 { client.command("RNTO other") } else { reply };
    assert_eq!(reply.code, 550);
    let mut demo = server.login();
    assert_eq!(demo.retrieve("file"), b"12345");
    assert_eq!(demo.retrieve("new"), b"brought");
    let mut client = server.login_as("bringer", "bringer");
    client.expect("REST 7", 350);
    assert_eq!(client.try_store("STOR new", b"x").code, 550);
    assert_eq!(demo.retrieve("new"), b"brought");
}

#[test]
fn one_who_may_not_look_sees_nothing() {
    let setup = three();
    let server = setup.start();
    let mut client = server.login_as("blind", "blind");
    for command in ["MLSD", "LIST", "NLST", "MLSD empty"] {
        let (bytes, reply) = client.try_fetch(command);
        assert_eq!((bytes.len(), reply.code), (0, 550), "{command}: {reply:?}");
    }
    refused(&mut client, &["SIZE file", "MDTM file", "MLST file", "MLST empty"]);
    // Nor by the difference between what is there and what is not.
    let mut said = |name: &str| client.command(&format!("SIZE {name}")).text().replace(name, "NAME");
    assert_eq!(said("file"), said("missing"));
    client.store("brought", b"x");
    assert_eq!(server.login().retrieve("brought"), b"x");
}
