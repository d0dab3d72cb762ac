//! What is wrong, and the very words in which it is said.

mod audit;
mod backends;
mod certificates;
mod cluster;
mod encryption;
mod events;
mod hosts;
mod server;
#[cfg(feature = "jwt")]
mod tokens;
#[cfg(feature = "traces")]
mod traces;
mod users;
mod users_from;
#[cfg(feature = "ldap")]
mod users_from_ldap;
mod whole;

use super::{HASH, World, with};
use crate::engine::ENGINES;
use crate::storages::KINDS;

/// `HASH` in the text stands for a password's hash, and `***` in the answer for what is hidden.
fn check(text: &str, expected: &str) {
    let world = World::new();
    world.certificate("other.crt", "other.key");
    world.file("key.json", "{}");
    world.file("large", vec![b'a'; 65 * 1024]);
    world.file("binary", [0xff, 0xfe]);
    world.file("empty", "\n");
    let text = with(&text.replace("HASH", &format!("\"{HASH}\"")));
    let complaints = world.complaints(&text);
    assert!(complaints == expected, "\n--- expected\n{expected}\n--- found\n{complaints}\n---");
}

#[test]
fn not_even_keys() {
    for (text, expected) in [
        ("", "wharf.yaml: the file is empty\n1 problem in wharf.yaml"),
        ("\u{feff}# only a comment\n", "wharf.yaml: the file is empty\n1 problem in wharf.yaml"),
        (
            "- a",
            "wharf.yaml:1:1: expected keys and values, found a list\n    1 | - a\n      | ^\n1 problem in wharf.yaml",
        ),
    ] {
        assert_eq!(World::new().complaints(text), expected);
    }
}

#[test]
fn a_path_that_is_no_file() {
    let error = super::super::load(std::path::Path::new("nowhere.yaml"), &KINDS, &ENGINES).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nowhere.yaml: there is no such file or directory\n1 problem in nowhere.yaml"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = super::super::load(folder.path(), &KINDS, &ENGINES).unwrap_err();
    assert_eq!(error.list()[0].message, "this is a directory");
}
