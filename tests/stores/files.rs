//! Files: up, down, longer, renamed.

use std::io::Write;
use std::sync::Barrier;
use std::thread;

use wharf_backends::CreateMode;
use wharf_backends::contract::put;

use super::store::Place;
use crate::support::{Reply, assert_bytes, noise};

/// More than two parts.
const LARGE: usize = 12 << 20;

/// Stores a file as another server does, which this one hears nothing of.
pub fn stored_by_another(place: &Place, name: &str, content: &[u8]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let storage = place.storage();
    runtime.block_on(put(&storage, &format!("/{name}"), content, CreateMode::Replace)).unwrap();
}

pub fn small_files_and_what_is_told_of_them(place: &Place) {
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    client.expect("OPTS HASH SHA-256", 200);
    for (content, digest) in [
        (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ] {
        client.store("file", content);
        assert_bytes(&client.retrieve("file"), content);
        assert_eq!(client.expect("SIZE file", 213).lines[0], format!("213 {}", content.len()));
        let time = client.expect("MDTM file", 213).lines[0].clone();
        assert!(time.starts_with("213 20"), "{time}");
        let hash = client.expect("HASH file", 213).lines[0].clone();
        assert!(hash.contains(digest), "{hash}");
    }
    let content = noise(300_000, 1);
    client.store("other", &content);
    assert_bytes(&client.retrieve("other"), &content);
    client.expect("DELE file", 250);
    client.expect("SIZE file", 550);
    assert_eq!(client.names(""), ["other"]);
}

pub fn a_large_file_up_and_down(place: &Place) {
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    let content = noise(LARGE, 1);
    client.store("file", &content);
    assert_bytes(&client.retrieve("file"), &content);
    client.expect("REST 7000001", 350);
    assert_bytes(&client.retrieve("file"), &content[7_000_001..]);
    assert_eq!(client.expect("SIZE file", 213).lines[0], format!("213 {LARGE}"));
    let replaced = noise(LARGE + 1, 2);
    client.store("file", &replaced);
    assert_bytes(&client.retrieve("file"), &replaced);
}

/// The file as it is, then longer by APPE, then from a place before its end by REST and STOR.
fn grows(place: &Place, old: &[u8], tail: &[u8]) {
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    client.store("log", old);
    assert_eq!(client.try_store("APPE log", tail).code, 226, "{}", client.transcript());
    let mut expected = [old, tail].concat();
    assert_bytes(&client.retrieve("log"), &expected);
    expected.truncate(old.len() + 1);
    client.expect(&format!("REST {}", expected.len()), 350);
    client.store("log", b"resumed");
    expected.extend_from_slice(b"resumed");
    assert_bytes(&client.retrieve("log"), &expected);
    // Another session, and no file at first.
    let mut other = server.login();
    assert_eq!(other.try_store("APPE new", tail).code, 226, "{}", other.transcript());
    assert_bytes(&other.retrieve("new"), tail);
}

pub fn a_small_file_grows(place: &Place) {
    grows(place, b"one line\n", b"another line\n");
}

pub fn a_large_file_grows(place: &Place) {
    grows(place, &noise(LARGE, 1), &noise(100_000, 2));
}

/// Each finds its bytes there, whether the file was there before or not.
pub fn two_appends_that_end_at_once(place: &Place) {
    let setup = place.setup();
    let server = setup.start();
    for (name, old) in [("old", &noise(1000, 1)[..]), ("large", &noise(LARGE, 1)), ("new", b"")] {
        if !old.is_empty() {
            server.login().store(name, old);
        }
        let tails = [noise(40_000, 2), noise(50_000, 3)];
        let both_sent = Barrier::new(2);
        let replies: Vec<Reply> = thread::scope(|scope| {
            let append = |tail| {
                let (server, both_sent) = (&server, &both_sent);
                scope.spawn(move || {
                    let mut client = server.login();
                    let mut data = client.start_transfer(&format!("APPE {name}"));
                    data.write_all(tail).unwrap();
                    both_sent.wait();
                    data.finish().unwrap();
                    drop(data);
                    client.reply()
                })
            };
            tails.each_ref().map(|tail| append(tail)).map(|thread| thread.join().unwrap()).into()
        });
        assert!(replies.iter().all(|reply| reply.code == 226), "an append to {name}: {replies:?}");
        let found = server.login().retrieve(name);
        let either = [[old, &tails[0], &tails[1]].concat(), [old, &tails[1], &tails[0]].concat()];
        assert!(either.contains(&found), "of two appends one is lost: {name} has {} bytes", found.len());
    }
}

pub fn no_foreign_file_is_replaced(place: &Place) {
    let setup = place.setup();
    let server = setup.start();
    let mut careful = server.login_as("careful", "careful");
    // Learns how the store answers where nothing is in the way.
    careful.store("own", b"own");
    for (name, content) in [("small", &b"new"[..]), ("large", &noise(LARGE, 2))] {
        stored_by_another(place, name, b"foreign");
        let reply = careful.try_store(&format!("STOR {name}"), content);
        assert_eq!(reply.code / 100, 5, "{reply:?}\n{}", careful.transcript());
        assert_eq!(careful.retrieve(name), b"foreign");
    }
    // What comes while the upload runs is somebody's, too.
    for (name, content) in [("small then", &b"new"[..]), ("large then", &noise(LARGE, 2))] {
        let mut data = careful.start_transfer(&format!("STOR {name}"));
        data.write_all(content).unwrap();
        stored_by_another(place, name, b"foreign");
        data.finish().unwrap();
        drop(data);
        let reply = careful.reply();
        assert_eq!(reply.code / 100, 5, "{reply:?}\n{}", careful.transcript());
        assert_eq!(careful.retrieve(name), b"foreign", "what came meanwhile is replaced");
    }
}

pub fn files_get_other_names(place: &Place) {
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    for (name, content) in [("small", noise(1000, 1)), ("large", noise(LARGE, 2))] {
        client.store(name, &content);
        client.store("target", b"is replaced");
        client.expect(&format!("RNFR {name}"), 350);
        client.expect("RNTO target", 250);
        assert_eq!(client.names(""), ["target"]);
        assert_bytes(&client.retrieve("target"), &content);
        client.expect("DELE target", 250);
    }
}
