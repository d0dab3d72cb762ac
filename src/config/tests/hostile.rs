//! Whatever the file holds, there is an answer: no panic, no end of memory.

use std::time::Duration;

use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

use super::super::*;
use super::World;
use crate::engine::ENGINES;
use crate::storages::KINDS;

fn answer(text: &str) -> String {
    match parse_with(text, "wharf.yaml", Path::new("/nowhere"), &KINDS, &ENGINES, &|_| {
        Err(std::env::VarError::NotPresent)
    }) {
        Ok(config) => format!("{config:?}"),
        Err(problems) => {
            assert!(!problems.list().is_empty());
            problems.to_string()
        }
    }
}

/// Pieces that make texts which come further than arbitrary ones do.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: [&str; 44] = [
        "server",
        "backends",
        "users",
        "tls",
        "anonymous",
        "log",
        "name",
        "password",
        "kind",
        "s3",
        "local",
        "root",
        "mounts",
        "at",
        "backend",
        "ports",
        "listen",
        "env",
        "file",
        ":",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "|",
        ">",
        "\"",
        "'",
        "# ",
        "\t",
        "\r",
        "\u{feff}",
        "ä",
        "50000-1",
    ];
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn arbitrary_text(text in any::<String>()) {
        answer(&text);
    }

    #[test]
    fn text_that_is_nearly_a_configuration(text in pieces()) {
        answer(&text);
    }

    #[test]
    fn a_shipped_file_with_a_damage(at in any::<prop::sample::Index>(), length in 0..40_usize, put in pieces()) {
        let mut characters: Vec<char> = super::shipped("production.yaml").chars().collect();
        let at = at.index(characters.len());
        let end = (at + length).min(characters.len());
        characters.splice(at..end, put.chars());
        answer(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn arbitrary_bytes(bytes in any::<Vec<u8>>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wharf.yaml");
        std::fs::write(&path, bytes).unwrap();
        let _ = load(&path, &KINDS, &ENGINES);
    }
}

#[test]
fn files_that_are_no_text() {
    let world = World::new();
    let path = world.path("wharf.yaml");
    let complain = || world.without_folder(&load(&path, &KINDS, &ENGINES).unwrap_err().list()[0].to_string());
    world.file("wharf.yaml", b"server: {}\n# caf\xe9\n");
    assert_eq!(complain(), "DIR/wharf.yaml: line 2 is not valid UTF-8");
    world.file("wharf.yaml", vec![b'#'; 1024 * 1024 + 1]);
    assert_eq!(complain(), "DIR/wharf.yaml: the file is larger than 1048576 bytes");
    world.file("wharf.yaml", "a: 1\nb: \0\n");
    assert!(complain().starts_with("DIR/wharf.yaml:2:4: the file contains a NUL byte\n"), "{}", complain());
    assert!(answer(&"a".repeat(1024 * 1024 + 1)).contains("larger than"));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_key() {
    let text = answer("\u{feff}serverr: {}\n");
    assert!(text.contains("wharf.yaml:1:1: unknown key \"serverr\""), "{text}");
}

/// The time that this thread computes: how long the machine lets it wait says nothing about the code.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// How long it takes to read this many users and to report a problem with each.
fn time_to_read(users: usize) -> Duration {
    let many: String = (0..users).map(|number| format!("  - {{ name: u{number}, backend: x }}\n")).collect();
    let text = format!("users:\n{many}");
    assert!(text.len() < 1024 * 1024);
    let start = processor_time();
    let answer = answer(&text);
    assert!(answer.ends_with("problems in wharf.yaml"), "{}", &answer[..200]);
    processor_time() - start
}

#[test]
fn the_time_to_read_a_file_grows_with_its_length() {
    let (short, full) = (time_to_read(2_000), time_to_read(20_000));
    // Ten times as much is there. If each entry were compared with each other, it would take a hundred times as long.
    assert!(full < short * 40, "{short:?} for a tenth, {full:?} for all");
}
