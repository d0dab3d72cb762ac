//! One file by two names: hard links, and names that differ in nothing but their case on a disk that makes no difference.

use std::fs;

use super::odd;
use crate::support::{Client, Engine, Setup};

fn rename(client: &mut Client, from: &str, to: &str, code: u16) {
    client.expect(&format!("RNFR {from}"), 350);
    client.expect(&format!("RNTO {to}"), code);
}

#[test]
fn a_hard_link_takes_the_place_of_the_other() {
    let setup = Setup::local();
    fs::write(setup.files().join("a"), "12345").unwrap();
    fs::hard_link(setup.files().join("a"), setup.files().join("b")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    rename(&mut client, "a", "b", 250);
    assert_eq!(client.names(""), ["b"]);
    assert_eq!(client.retrieve("b"), b"12345");
}

const USERS: &str = "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
  - name: careful
    password: careful
    plain: true
    backend: disk
    permissions: [list, download, upload, mkdir, rename]
";

/// The directory behind, which does know case.
fn stored(setup: &Setup) -> Vec<String> {
    let names = fs::read_dir(setup.folder().join("behind")).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".wharf-uploads");
    names.sort();
    names
}

#[test]
fn another_spelling_is_a_new_name() {
    for fold in ["fold=inode", "fold=spelling"] {
        let Some(setup) = odd::fuse(Setup::new(USERS), &[fold]) else { return };
        let server = setup.start();
        for user in ["demo", "careful"] {
            let mut client = server.login_as(user, user);
            client.store("Scan.PDF", b"12345");
            client.expect("MKD Folder", 257);
            rename(&mut client, "Scan.PDF", "scan.pdf", 250);
            assert_eq!(stored(&setup), ["Folder", "scan.pdf"], "{fold}");
            // What it is called already, by whatever it was named.
            rename(&mut client, "SCAN.pdf", "scan.pdf", 250);
            rename(&mut client, "SCAN.pdf", "Scan.pdf", 250);
            rename(&mut client, "Folder", "FOLDER", 250);
            assert_eq!(stored(&setup), ["FOLDER", "Scan.pdf"], "{fold}");
            assert_eq!(client.retrieve("Scan.pdf"), b"12345");
            // Another file is another file.
            client.store("Other", b"1");
            if user == "careful" || Engine::current() == Engine::Native {
                rename(&mut client, "Other", "FOLDER", 550);
            }
            let code = if user == "demo" { 250 } else { 550 };
            if Engine::current() == Engine::Native {
                rename(&mut client, "Other", "SCAN.PDF", code);
            }
            for name in fs::read_dir(setup.folder().join("behind")).unwrap() {
                let path = name.unwrap().path();
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
            }
        }
    }
}
