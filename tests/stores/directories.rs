//! Directories, what is in them, and names.

use futures_util::future::join_all;
use wharf_backends::contract::put;
use wharf_backends::{CreateMode, Storage, StoragePath};

use super::files::stored_by_another;
use super::store::Place;
use crate::support::{assert_bytes, noise};

const ENTRIES: usize = 1503;

pub fn directories_are_made_entered_and_removed(place: &Place) {
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    client.expect("MKD d", 257);
    client.expect("CWD d", 250);
    assert!(client.names("").is_empty());
    client.expect("MKD d", 257);
    client.store("d/file", b"content");
    client.expect("CWD /", 250);
    client.expect("MKD d", 550);
    client.expect("RMD d", 550);
    client.expect("RMD d/d", 550);
    client.expect("DELE d/d/file", 250);
    // A store may keep no directory without files.
    client.expect("RMD d/d", 250);
    client.expect("RMD d", 250);
    client.expect("CWD d", 550);
    assert!(client.names("").is_empty());
}

/// A marker that another tool made, and a directory that is there by what is in it alone.
pub fn what_other_tools_left(place: &Place) {
    if place.speaks_s3() {
        place.beside(&["put", &format!("{}/marker/", place.prefix), ""]);
    }
    stored_by_another(place, "implicit/below/file", b"content");
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    let expected: &[&str] = if place.speaks_s3() { &["implicit", "marker"] } else { &["implicit"] };
    assert_eq!(client.names(""), expected);
    client.expect("CWD implicit/below", 250);
    assert_eq!(client.names(""), ["file"]);
    client.expect("CWD /", 250);
    if place.speaks_s3() {
        client.expect("CWD marker", 250);
        assert!(client.names("").is_empty());
        client.expect("CWD /", 250);
        client.expect("RMD marker", 250);
    }
    client.expect("RMD implicit", 550);
    client.expect("DELE implicit/below/file", 250);
    // What is still shown can be entered and removed.
    for directory in ["implicit/below", "implicit"] {
        let (above, name) = directory.rsplit_once('/').unwrap_or(("", directory));
        let shown = server.login().try_fetch(&format!("NLST /{above}")).0;
        if String::from_utf8(shown).unwrap().lines().any(|line| line.trim_end().ends_with(name)) {
            client.expect(&format!("CWD /{directory}"), 250);
            client.expect("CWD /", 250);
            client.expect(&format!("RMD {directory}"), 250);
        }
    }
    assert!(server.login().names("").is_empty(), "{}", client.transcript());
}

pub fn a_long_listing(place: &Place) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let names: Vec<String> = (0..ENTRIES).map(|number| format!("entry {number:04}")).collect();
    let storage = place.storage();
    runtime.block_on(async {
        storage.create_directory(&StoragePath::parse("/d").unwrap()).await.unwrap();
        for some in names.chunks(16) {
            let paths: Vec<String> = some.iter().map(|name| format!("/d/{name}")).collect();
            for done in join_all(paths.iter().map(|path| put(&storage, path, b"", CreateMode::Replace))).await
            {
                done.unwrap();
            }
        }
    });
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.names("d"), names);
    client.expect("CWD d", 250);
    let listed = String::from_utf8(client.fetch("NLST")).unwrap();
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, names);
}

pub fn odd_names(place: &Place) {
    const NAMES: [&str; 25] = [
        "two  blanks",
        "trailing ",
        "%41",
        "%",
        "a+b",
        "a&b=c",
        "#",
        "?x",
        "a:b",
        "*",
        "[x]",
        "{y}",
        "~x~",
        "$HOME",
        "semi;colon",
        "quote\"s",
        "it's",
        "..x",
        "x..",
        "a,b",
        "<tag>",
        "ü",
        "u\u{308}",
        "日本語",
        "🙂",
    ];
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    for name in NAMES {
        client.store(name, name.as_bytes());
    }
    let mut expected = NAMES.map(str::to_owned);
    expected.sort();
    assert_eq!(client.names(""), expected);
    for name in NAMES {
        assert_eq!(client.retrieve(name), name.as_bytes(), "{name}");
        client.expect(&format!("RNFR {name}"), 350);
        client.expect(&format!("RNTO {name}2"), 250);
        client.expect(&format!("SIZE {name}2"), 213);
        client.expect(&format!("DELE {name}2"), 250);
        client.expect(&format!("MKD {name}"), 257);
        client.expect(&format!("RMD {name}"), 250);
    }
    assert!(client.names("").is_empty());
}

pub fn a_directory_gets_another_name(place: &Place) {
    let files = [("d/small", noise(1000, 1)), ("d/below/large", noise(6 << 20, 2)), ("d/empty", Vec::new())];
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    client.expect("MKD d", 257);
    client.expect("MKD d/nothing in it", 257);
    for (name, content) in &files {
        client.store(name, content);
    }
    // One that has seen nothing of it.
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    client.expect("RNFR d", 350);
    client.expect("RNTO e", 250);
    assert_eq!(client.names(""), ["e"]);
    assert_eq!(client.names("e"), ["below", "empty", "nothing in it", "small"]);
    for (name, content) in &files {
        assert_bytes(&client.retrieve(&name.replacen('d', "e", 1)), content);
    }
}
