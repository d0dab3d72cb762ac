//! Symbolic links of a backend with `follow_links: false`: names that lead nowhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{Engine, Setup};

fn with_links() -> Setup {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files', follow_links: false }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
  - { name: below, password: below, plain: true, backend: disk, path: to-dir, permissions: full }
",
    );
    let files = setup.files();
    fs::create_dir_all(files.join("dir/sub")).unwrap();
    fs::write(files.join("dir/file"), "12345").unwrap();
    symlink("dir", files.join("to-dir")).unwrap();
    symlink("dir/file", files.join("to-file")).unwrap();
    symlink(files.join("dir"), files.join("absolute")).unwrap();
    symlink("../dir", files.join("dir/sub/up")).unwrap();
    setup
}

#[test]
fn lead_nowhere() {
    let setup = with_links();
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.names(""), ["absolute", "dir", "to-dir", "to-file"]);
    let listing = String::from_utf8(client.fetch("LIST")).unwrap();
    assert_eq!(listing.lines().filter(|line| line.starts_with('l')).count(), 3, "{listing}");
    for link in ["to-dir", "absolute", "dir/sub/up"] {
        client.expect(&format!("CWD {link}"), 550);
        client.expect(&format!("MKD {link}/new"), 550);
        client.expect(&format!("RMD {link}/sub"), 550);
        client.expect(&format!("DELE {link}/file"), 550);
        client.expect(&format!("RNFR {link}/file"), 550);
        client.expect(&format!("SIZE {link}/file"), 550);
        for command in ["STOR", "APPE"] {
            assert_eq!(
                client.try_store(&format!("{command} {link}/file"), b"x").code,
                550,
                "{command} {link}"
            );
        }
        assert_eq!(client.try_fetch(&format!("RETR {link}/file")).1.code, 550, "{link}");
        client.expect("RNFR dir/file", 350);
        client.expect(&format!("RNTO {link}/other"), 550);
    }
    assert_eq!(client.try_fetch("RETR to-file").1.code, 550);
    assert_eq!(client.try_store("APPE to-file", b"x").code, 550);
    if Engine::current() == Engine::Native {
        for command in ["MFMT 20200101000000 to-file", "SITE CHMOD 600 to-file", "HASH to-file"] {
            client.expect(command, 550);
        }
        client.expect("REST 2", 350);
        assert_eq!(client.try_store("STOR to-file", b"x").code, 550);
    }
    assert_eq!(fs::read(setup.files().join("dir/file")).unwrap(), b"12345");
}

/// Also where the configuration gives one to a user.
#[test]
fn lead_no_user_anywhere() {
    let setup = with_links();
    let server = setup.start();
    let mut client = server.connect();
    client.expect("USER below", 331);
    client.expect("PASS below", 230);
    assert_eq!(client.try_fetch("RETR file").1.code, 550);
    assert_eq!(client.try_store("STOR new", b"x").code, 550);
}

#[test]
fn are_renamed_replaced_and_removed() {
    let setup = with_links();
    let server = setup.start();
    let mut client = server.login();
    client.expect("RNFR to-file", 350);
    client.expect("RNTO dir/link", 250);
    assert!(setup.files().join("dir/link").is_symlink());
    client.store("dir/link", b"new");
    assert_eq!(client.retrieve("dir/link"), b"new");
    client.expect("DELE absolute", 250);
    client.expect("RMD to-dir", 250);
    assert_eq!(client.names(""), ["dir"]);
    assert_eq!(fs::read(setup.files().join("dir/file")).unwrap(), b"12345");
}

/// Whoever else may write there puts a link in the place of a directory while a path is walked.
#[test]
fn lead_nowhere_in_any_moment() {
    let setup = with_links();
    let files = setup.files();
    fs::create_dir(files.join("secret")).unwrap();
    fs::write(files.join("secret/file"), "secret").unwrap();
    symlink("secret", files.join("other")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    let is_over = AtomicBool::new(false);
    let (mut read, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let (directory, link) = (files.join("dir"), files.join("other"));
                renameat_with(CWD, &directory, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..300 {
            let (bytes, reply) = client.try_fetch("RETR dir/file");
            match reply.code {
                226 => {
                    assert_eq!(bytes, b"12345");
                    read += 1;
                }
                _ => refused += 1,
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(read > 0 && refused > 0, "{read} {refused}");
}
