//! The section `events`.

use super::{World, with};

/// Each complaint: its line, and its sentence.
fn complaints(section: &str) -> Vec<String> {
    let world = World::new();
    world.file("text", "no program\n");
    std::fs::create_dir(world.path("data/events")).unwrap();
    std::os::unix::fs::symlink(world.path("data/events"), world.path("link")).unwrap();
    let said = world.complaints(&with(&format!("events:\n{section}")));
    let lines = said.lines().filter_map(|line| line.strip_prefix("wharf.yaml:"));
    let parts = lines.filter_map(|line| {
        let (place, sentence) = line.split_once(": ")?;
        Some(format!("{} {sentence}", place.split(':').next()?))
    });
    assert!(!said.contains("hunter2"), "{said}");
    parts.collect()
}

#[test]
fn everything_about_events() {
    let found = complaints(
        "  spool: nowhere
  spool_size: 1KiB
  to:
  - { on: [file.stored] }
  - { url: ftp://hooks.example.com/ }
  - { url: https://a.example.com/, command: [/bin/sh] }
  - { url: https://b.example.com/, secret: hunter2 }
  - { command: [sh] }
  - { command: [/bin/sh], secret: hunter2 }
  - { command: [/nowhere/program] }
  - { url: https://c.example.com/, on: [file.stord] }
  - { url: https://d.example.com/, paths: [in] }
  - { url: https://e.example.com/, users: [\"a/b\"] }
  - { url: https://f.example.com/, timeout: 2h }
  - { url: https://g.example.com/ }
  - { url: https://g.example.com/, at_once: 0 }
",
    );
    let beginnings = [
        "2 DIR/nowhere: there is no such file or directory",
        "3 at least 1MiB is needed",
        "5 say who is told: `url` or `command`",
        "6 the URL has to start with http:// or https://",
        "7 each receiver is an item of its own",
        "8 a key of signatures is `whsec_`",
        "9 the path of a program begins with `/`",
        "10 `secret` has no use here",
        "11 /nowhere/program: there is no such file or directory",
        "12 no event is called",
        "13 a pattern of paths begins with `/`",
        "14 a pattern of names has no `/`",
        "15 from 100ms to 1h is possible",
        "17 the name \"https://g.example.com/\" stands here twice",
        "17 at least 1 is needed",
    ];
    for (found, beginning) in found.iter().zip(beginnings) {
        assert!(found.starts_with(beginning), "{found}\n{beginning}");
    }
    assert_eq!(found.len(), beginnings.len(), "{found:#?}");
}

/// A spool in a backend lies beside all that users have there.
#[test]
fn a_spool_in_a_backend() {
    let to = "\n  to: [{ url: https://a.example.com/ }]\n";
    let found = |spool: &str| complaints(&format!("  spool: {spool}{to}"));
    assert_eq!(found("{ backend: disk }")[0], "2 `path` is missing");
    assert_eq!(found("{ backend: disk, path: / }"), ["2 the spool needs a directory of its own"]);
    let unknown = found("{ backend: lake, path: .wharf/events }");
    assert!(unknown[0].starts_with("2 backend \"lake\" is not defined"), "{unknown:?}");
    let seen = found("{ backend: disk, path: .wharf/events }");
    assert!(seen[0].contains("would reach this directory"), "{seen:?}");
    let world = World::new();
    let config = |more: &str| {
        format!(
            "backends:\n  disk: {{ kind: memory }}\nusers:\n  - {{ name: a, password: b, plain: true, backend: disk, path: in }}\n\
             events:\n  spool: {{ backend: disk, path: .wharf/events }}\n{more}  to: [{{ url: https://a.example.com/ }}]\n"
        )
    };
    let said = world.complaints(&config("  sync: true\n  node: a b\n"));
    assert!(said.contains("`sync` has no use here"), "{said}");
    assert!(said.contains("the spool has a folder of this name: a name can't contain spaces"), "{said}");
    let parsed = world.parse(&config("  node: a\n")).unwrap();
    assert!(matches!(parsed.events.unwrap().spool, crate::config::EventSpool::Bucket { .. }));
}

#[test]
fn a_spool_and_receivers_are_needed() {
    assert_eq!(complaints("  sync: true\n").len(), 2);
    assert_eq!(complaints("  spool: spool\n  to: []\n"), ["3 from 1 to 64 receivers are possible"]);
}

/// The root of the backend `disk` is `data`.
#[test]
fn a_spool_in_a_directory_lies_beside_those_of_users() {
    let found =
        |spool: &str| complaints(&format!("  spool: {spool}\n  to: [{{ url: https://a.example.com/ }}]\n"));
    for spool in ["data", "data/events", "link", "."] {
        let expected = format!(
            "2 DIR/{spool}: users of the backend \"disk\" would reach this directory: events have to lie beside all that users have"
        );
        assert_eq!(found(spool), [expected]);
    }
}

/// Two backends with parts of one bucket, or of one disk.
#[test]
fn a_spool_that_users_reach_through_another_backend() {
    let found = |backends: &str, path: &str, user: &str| {
        let world = World::new();
        std::fs::create_dir_all(world.path("data/wharf")).unwrap();
        let text = format!(
            "backends:\n{backends}users:\n  - {{ name: a, password: b, plain: true, backend: all{user} }}\n\
             events:\n  spool: {{ backend: spool, path: {path} }}\n  to: [{{ url: https://a.example.com/ }}]\n"
        );
        let reached = "would reach this directory";
        match world.parse(&text) {
            Ok(_) => false,
            Err(problems) => {
                let said = problems.to_string();
                assert!(said.contains(reached), "{said}");
                true
            }
        }
    };
    let lake = |name: &str, more: &str| {
        format!("  {name}: {{ kind: s3, bucket: b, region: r, anonymous: true{more} }}\n")
    };
    let buckets = |all: &str, spool: &str| lake("all", all) + &lake("spool", spool);
    assert!(found(&buckets("", ", prefix: wharf"), "events", ""));
    assert!(found(&buckets("", ", prefix: wharf"), "events", ", path: wharf/events/x"));
    assert!(!found(&buckets("", ", prefix: wharf"), "events", ", path: in"));
    assert!(found(&buckets(", prefix: wharf/events/deep", ", prefix: wharf"), "events", ""));
    assert!(!found(&buckets(", prefix: wharf/other", ", prefix: wharf"), "events", ""));
    let disks = |all: &str, spool: &str| {
        format!("  all: {{ kind: local, root: {all} }}\n  spool: {{ kind: local, root: {spool} }}\n")
    };
    assert!(found(&disks("data", "data/wharf"), "events", ""));
    assert!(!found(&disks("data", "data/wharf"), "events", ", path: in"));
}
