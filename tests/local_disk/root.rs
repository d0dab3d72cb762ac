//! A root whose path leads to another directory than it did when the server was started, and what a server does that can open it:
//! one without a sandbox.

use std::fs;
use std::io::Write;
use std::process::Command;

use crate::support::{Client, Engine, Running, Setup, more_than_is_buffered, request, unshare, wait_until};

fn is_ready(server: &Running<'_>) -> (u16, String) {
    request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test")
}

#[track_caller]
fn assert_unavailable(client: &mut Client, server: &Running<'_>) {
    let (status, text) = is_ready(server);
    assert!(status == 503 && text.contains("backend disk: storage unavailable"), "{text}");
    // libunftp has words of its own for it, some of them behind 150.
    if Engine::current() == Engine::Libunftp {
        assert!(client.try_store("STOR file", b"1").code >= 400);
    } else {
        for command in ["LIST", "MLSD", "NLST", "STOR file", "RETR file", "APPE file"] {
            let refused = client.try_transfer(command).err().unwrap_or_else(|| panic!("{command} worked"));
            assert_eq!(refused.code, 451, "{command}: {refused:?}");
        }
        for command in ["MKD directory", "DELE file", "RMD directory"] {
            client.expect(command, 451);
        }
    }
}

#[test]
fn that_was_removed_and_made_again_is_opened_again() {
    let setup = Setup::local().http().server("sandbox: false");
    let server = setup.start();
    let mut client = server.login();
    client.store("first", b"1");
    fs::rename(setup.files(), setup.folder().join("gone")).unwrap();
    fs::create_dir(setup.files()).unwrap();
    client.store("second", b"2");
    assert_eq!(client.names(""), ["second"]);
    assert_eq!(fs::read(setup.files().join("second")).unwrap(), b"2");
    server.log.expect_warning("another directory now", &[("path", "…/files…")]);
    assert_eq!(is_ready(&server).0, 200);
}

#[test]
fn that_is_gone_is_no_empty_directory() {
    let setup = Setup::local().http();
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"1");
    let gone = setup.folder().join("gone");
    fs::rename(setup.files(), &gone).unwrap();
    assert_unavailable(&mut client, &server);
    server.log.expect_warning("the root of a storage is gone", &[]);
    fs::rename(&gone, setup.files()).unwrap();
    assert_eq!(client.names(""), ["file"]);
    server.log.expect("the root of a storage is back", &[]);
    assert_eq!(is_ready(&server).0, 200);
}

/// What was begun in a directory that is another one by now would be stored where nobody finds it.
#[test]
fn that_changed_during_an_upload_fails_it() {
    let setup = Setup::local().server("sandbox: false");
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    // A part of it is stored by then, so it has begun.
    data.write_all(&more_than_is_buffered()).unwrap();
    fs::rename(setup.files(), setup.folder().join("gone")).unwrap();
    fs::create_dir(setup.files()).unwrap();
    data.finish().unwrap();
    drop(data);
    let reply = client.reply();
    assert_eq!(reply.code, 451, "{reply:?}");
    assert!(!setup.folder().join("gone/file").exists());
    client.store("file", b"again");
    assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"again");
}

/// Does something in the mount namespace of the server.
#[track_caller]
fn in_its_namespace(server: &Running<'_>, command: &str) {
    let mut enter = Command::new("nsenter");
    enter.args(["--target", &server.pid().to_string(), "--mount"]);
    if !rustix::process::geteuid().is_root() {
        enter.args(["--user", "--preserve-credentials"]);
    }
    let status = enter.args(["sh", "-c", command]).status().unwrap();
    assert!(status.success(), "{command}: {status}");
}

#[test]
fn that_a_disk_is_mounted_over_is_the_disk_until_it_is_unmounted() {
    // Tried with a mount, which the test makes later.
    if Setup::local().mounted("mount -t tmpfs none '{folder}/files'").is_none() {
        return;
    }
    let setup = Setup::local().http().server("sandbox: false").wrapped_in(&unshare());
    let files = setup.files().display().to_string();
    let server = setup.start();
    let mut client = server.login();
    client.store("below", b"1");
    in_its_namespace(&server, &format!("mount -t tmpfs none '{files}'"));
    assert_eq!(client.names(""), [""; 0]);
    client.store("on-the-disk", b"2");
    assert!(!setup.files().join("on-the-disk").exists());
    server.log.expect_warning("another directory now", &[]);
    // The server's handle keeps the disk busy.
    in_its_namespace(&server, &format!("umount --lazy '{files}'"));
    assert_unavailable(&mut client, &server);
    server.log.expect_warning("the root of a storage is gone", &[("cause", "…unmounted…")]);
    in_its_namespace(&server, &format!("mount -t tmpfs none '{files}'"));
    client.store("on-the-next", b"3");
    assert_eq!(client.names(""), ["on-the-next"]);
    wait_until("it is ready again", || is_ready(&server).0 == 200);
}
