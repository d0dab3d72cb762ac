//! A file that was to be replaced, and whose upload was broken off: nothing may be put behind what stands there.

use std::fs;
use std::io::Write;

use crate::support::{Client, Setup, Way, curl, lftp};

const OLD: usize = 300_000;

fn users() -> Setup {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: data }
  small: { kind: memory, capacity: 3MiB }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
  - { name: other, password: other, plain: true, backend: disk, permissions: full }
  - { name: small, password: small, plain: true, backend: small, permissions: full }
",
    );
    fs::create_dir(setup.folder().join("data")).unwrap();
    fs::write(setup.folder().join("data/f"), vec![b'o'; OLD]).unwrap();
    setup
}

#[test]
fn is_not_resumed() {
    let setup = users();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR f");
    data.write_all(&[b'n'; 1000]).unwrap();
    // The line breaks: both connections are gone at once.
    drop(client);
    drop(data);
    server.log.expect("transfer failed", &[("path", "/f")]);

    let mut client = server.login();
    let sentence = "the last upload was broken off and not kept; send the file whole.";
    let reply = client.command("SIZE f");
    assert!(reply.code == 554 && reply.text().contains(sentence), "{reply:?}");
    let reply = client.try_store("APPE f", b"tail");
    assert!(reply.code == 554 && reply.text().contains(sentence), "{reply:?}");
    client.expect("REST 1000", 350);
    let reply = client.try_store("STOR f", b"tail");
    assert!(reply.code == 554 && reply.text().contains(sentence), "{reply:?}");
    assert_eq!(fs::read(setup.folder().join("data/f")).unwrap(), vec![b'o'; OLD]);
    // What stands there can be seen and had, and nobody else is concerned.
    let url = format!("ftp://{}/f", server.address);
    assert_eq!(curl(&server, Way::PLAIN, setup.folder()).arg(&url).run().len(), OLD);
    assert!(client.command("MLST f").text().contains("size=300000"));
    let mut other = server.login_as("other", "other");
    other.expect("SIZE f", 213);
    assert_eq!(other.try_store("APPE f", b"more").code, 226);

    client.store("f", b"whole");
    client.expect("SIZE f", 213);
    client.expect("REST 5", 350);
    client.store("f", b" and more");
    assert_eq!(client.try_store("APPE f", b".").code, 226);
    assert_eq!(fs::read(setup.folder().join("data/f")).unwrap(), b"whole and more.");
}

#[test]
fn another_file_of_that_name_is_gone_on_with() {
    let setup = users();
    fs::write(setup.folder().join("data/g"), "g").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let break_off = |client: &mut Client| {
        let data = client.start_transfer("STOR f");
        client.expect("ABOR", 426);
        client.expect_reply(226);
        drop(data);
        client.expect("SIZE f", 554);
    };
    break_off(&mut client);
    client.expect("RNFR g", 350);
    client.expect("RNTO f", 250);
    assert_eq!(client.try_store("APPE f", b"1").code, 226);
    break_off(&mut client);
    client.expect("DELE f", 250);
    assert_eq!(client.try_store("APPE f", b"2").code, 226);
    assert_eq!(fs::read(setup.folder().join("data/f")).unwrap(), b"2");
}

/// Of a line that is cut, the server hears late or never: the client is back before.
#[test]
fn is_not_resumed_while_the_old_line_looks_alive() {
    let setup = users();
    let server = setup.start();
    let mut dead = server.login();
    let mut data = dead.start_transfer("STOR f");
    data.write_all(&[b'n'; 1000]).unwrap();
    let mut client = server.login();
    client.expect("SIZE f", 554);
    assert_eq!(client.try_store("APPE f", b"tail").code, 554);
    client.store("f", b"whole");
    // What becomes of the dead one then is nothing to the new file.
    drop(dead);
    drop(data);
    server.log.expect("transfer failed", &[("path", "/f")]);
    client.expect("SIZE f", 213);
    assert_eq!(client.try_store("APPE f", b" file").code, 226);
    assert_eq!(fs::read(setup.folder().join("data/f")).unwrap(), b"whole file");
}

#[test]
fn a_new_file_that_was_broken_off_is_appended_to() {
    let setup = users();
    let server = setup.start();
    let mut client = server.login();
    let data = client.start_transfer("STOR log");
    client.expect("ABOR", 426);
    client.expect_reply(226);
    drop(data);
    assert_eq!(client.try_store("APPE log", b"line").code, 226);
    client.expect("SIZE log", 213);
}

/// An append that is broken off leaves the file as it was, and can be sent again.
#[test]
fn an_append_is_sent_again() {
    let setup = users();
    let server = setup.start();
    let mut client = server.login();
    let data = client.start_transfer("APPE f");
    client.expect("ABOR", 426);
    client.expect_reply(226);
    drop(data);
    assert_eq!(client.try_store("APPE f", b"more").code, 226);
    assert_eq!(fs::metadata(setup.folder().join("data/f")).unwrap().len(), OLD as u64 + 4);
}

/// lftp takes a failure that may pass, and a file that is as long as its own, for a file that is stored, and removes its source.
#[test]
fn lftp_does_not_take_the_old_file_for_the_new_one() {
    let setup = users();
    let server = setup.start();
    let mut client = server.login_as("small", "small");
    let old = vec![b'o'; 2 << 20];
    client.store("f", &old);
    let source = setup.folder().join("new");
    fs::write(&source, vec![b'n'; 3 << 19]).unwrap();
    let home = tempfile::tempdir().unwrap();
    let script = format!("put -E {} -o f", source.display());
    let outcome = lftp(&server, "small", Way::PLAIN, home.path(), &script).output();
    assert_ne!(outcome.status, 0, "{outcome}");
    assert!(source.exists(), "{outcome}");
    assert!(client.retrieve("f") == old);
}
