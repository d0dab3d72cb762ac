//! Laws 4 and 8: names never alias, and none leads out of the root.

use super::Fixture;
use super::support::{contents, directory, missing, names_in, ok, path, put, refused, stored};
use crate::{CreateMode, ErrorKind, StoragePath};

/// Names that some store or library changes, splits, decodes or fails on.
const ODD: &[&str] = &[
    "plain",
    "with blank",
    " leading blank",
    "trailing blank ",
    "  ",
    "#",
    "?",
    "%",
    "%41",
    "A",
    "%2F",
    "%2e%2e",
    "a%00b",
    "+",
    "a+b",
    "a b",
    "&",
    "=",
    ";",
    "*",
    "|",
    "<>",
    "\"",
    "'",
    "`",
    "$HOME",
    "~",
    "!",
    "{}",
    "[a]",
    "(b)",
    "^",
    "@",
    ":",
    ",",
    "-rf",
    "--",
    ".hidden",
    "...",
    "..x",
    "x..",
    "file.",
    "dir.d",
    "back\\slash",
    "C:\\x",
    "tab\there",
    "bell\u{7}",
    "\u{7f}",
    "esc\u{1b}[31m",
    "ü",
    "u\u{308}",
    "ß",
    "日本語",
    "🙂",
    "\u{200b}",
    "\u{202e}abc",
    "\u{feff}bom",
    "é",
    "E\u{301}",
    "CON",
    "nul",
    "a:b",
    "x.tmp",
    ".wharf",
    "null",
];

pub async fn odd_names_are_kept_or_refused(fixture: Fixture) {
    let storage = &*fixture.storage;
    let mut kept = Vec::new();
    for name in ODD {
        let at = format!("/{name}");
        match put(storage, &at, name.as_bytes(), CreateMode::New).await {
            Ok(()) => kept.push((*name).to_owned()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidName, "{name:?}: {error}");
                missing_unless_refused(storage, &at).await;
            }
        }
    }
    assert!(kept.len() >= 50, "too many names are refused; kept are {kept:?}");
    for name in &kept {
        assert_eq!(contents(storage, &format!("/{name}")).await, name.as_bytes(), "{name:?}");
    }
    kept.sort();
    assert_eq!(names_in(storage, "/").await, kept);
    for name in &kept {
        ok(storage.remove_file(&path(&format!("/{name}"))).await);
    }
    assert_eq!(names_in(storage, "/").await, [""; 0]);
}

/// A refused name doesn't exist, whichever of the two errors the backend returns.
async fn missing_unless_refused(storage: &dyn crate::Storage, at: &str) {
    match storage.stat(&path(at)).await {
        Ok(found) => panic!("{at:?} was refused and is there: {found:?}"),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidName), "{at:?}: {error}")
        }
    }
}

pub async fn names_that_differ_are_different_files(fixture: Fixture) {
    let storage = &*fixture.storage;
    for (one, other) in [
        ("case", "CASE"),
        ("é", "e\u{301}"),
        ("a b", "a+b"),
        ("a b", "a%20b"),
        ("ü", "%C3%BC"),
        ("x", "x "),
        ("dot", "dot."),
    ] {
        stored(storage, &format!("/{one}"), one.as_bytes()).await;
        missing(storage, &format!("/{other}")).await;
        match put(storage, &format!("/{other}"), other.as_bytes(), CreateMode::New).await {
            Ok(()) => ok(storage.remove_file(&path(&format!("/{other}"))).await),
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidName, "{other:?}: {error}"),
        }
        assert_eq!(contents(storage, &format!("/{one}")).await, one.as_bytes());
        ok(storage.remove_file(&path(&format!("/{one}"))).await);
    }
}

pub async fn long_names_are_kept_or_refused(fixture: Fixture) {
    let storage = &*fixture.storage;
    for length in [200, 255, 256, 1000, 1024, 1025, 4000] {
        let at = format!("/{}", "n".repeat(length));
        match put(storage, &at, b"long", CreateMode::New).await {
            Ok(()) => {
                assert_eq!(contents(storage, &at).await, b"long", "{length} bytes");
                assert_eq!(names_in(storage, "/").await, [&at[1..]]);
                ok(storage.remove_file(&path(&at)).await);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidName, "{length} bytes: {error}");
                assert!(length > 200, "a name of {length} bytes is refused");
                missing_unless_refused(storage, &at).await;
            }
        }
    }
}

pub async fn no_path_leads_above_the_root(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/d").await;
    stored(storage, "/../../f", b"inside").await;
    assert_eq!(contents(storage, "/d/../../../f").await, b"inside");
    assert_eq!(names_in(storage, "/d/../..").await, ["d", "f"]);
    missing(storage, "/etc").await;
}

pub async fn the_root_can_not_be_removed_or_renamed(fixture: Fixture) {
    let storage = &*fixture.storage;
    let root = StoragePath::root();
    refused(storage.remove_directory(&root).await, ErrorKind::PermissionDenied);
    refused(storage.rename(&root, &path("/x"), true).await, ErrorKind::PermissionDenied);
    directory(storage, "/d").await;
    refused(storage.rename(&path("/d"), &root, true).await, ErrorKind::PermissionDenied);
    refused(storage.create_directory(&root).await, ErrorKind::AlreadyExists);
    refused(storage.remove_file(&root).await, ErrorKind::IsADirectory);
    refused(storage.create(&root, CreateMode::Replace).await.map(drop), ErrorKind::IsADirectory);
    assert_eq!(names_in(storage, "/").await, ["d"]);
}
