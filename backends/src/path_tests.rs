use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

#[test]
fn normalises() {
    for (written, meant) in [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        (".", "/"),
        ("..", "/"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("a/b/", "/a/b"),
        ("/a//b/./c", "/a/b/c"),
        ("/a/b/../c", "/a/c"),
        ("/a/../../../b", "/b"),
        ("/a/...", "/a/..."),
        ("/ leading", "/ leading"),
        ("/a\\..\\b", "/a\\..\\b"),
        ("/ü/日本", "/ü/日本"),
    ] {
        assert_eq!(path(written).as_str(), meant, "{written:?}");
    }
}

#[test]
fn refuses_what_no_name_may_hold() {
    for bad in ["a\0b", "a\rb", "/x/a\nb", "\n"] {
        assert!(matches!(StoragePath::parse(bad), Err(PathError::ForbiddenCharacter(_))), "{bad:?}");
    }
    let long = "x".repeat(StoragePath::MAX_LENGTH);
    assert_eq!(StoragePath::parse(&long), Err(PathError::TooLong(StoragePath::MAX_LENGTH + 1)));
    assert!(StoragePath::parse(&long[1..]).is_ok());
}

#[test]
fn a_child_is_one_name() {
    let directory = path("/d");
    assert_eq!(directory.child("n").unwrap().as_str(), "/d/n");
    assert_eq!(StoragePath::root().child("n").unwrap().as_str(), "/n");
    for bad in ["", ".", "..", "a/b", "/"] {
        assert!(matches!(directory.child(bad), Err(PathError::NotAName(_))), "{bad:?}");
    }
    for bad in ["a\0", "\rb", "a\nb"] {
        assert!(matches!(directory.child(bad), Err(PathError::ForbiddenCharacter(_))), "{bad:?}");
    }
    let longest = "n".repeat(StoragePath::MAX_LENGTH - "/d/".len());
    assert_eq!(directory.child(&longest).unwrap().as_str().len(), StoragePath::MAX_LENGTH);
    let length = StoragePath::MAX_LENGTH + 1;
    assert_eq!(directory.child(&format!("{longest}n")), Err(PathError::TooLong(length)));
}

#[test]
fn joins_like_a_shell() {
    assert_eq!(path("/a/b").join("c").unwrap().as_str(), "/a/b/c");
    assert_eq!(path("/a/b").join("/c").unwrap().as_str(), "/c");
    assert_eq!(path("/a/b").join("../../../c").unwrap().as_str(), "/c");
}

#[test]
fn knows_its_parts() {
    let p = path("/a/b/c");
    assert_eq!(p.name(), Some("c"));
    assert_eq!(p.parent().unwrap().as_str(), "/a/b");
    assert_eq!(path("/a").parent().unwrap().as_str(), "/");
    assert_eq!(StoragePath::root().parent(), None);
    assert_eq!(StoragePath::root().name(), None);
    assert_eq!(p.segments().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(p.relative(), "a/b/c");
}

#[test]
fn prefixes_end_at_a_separator() {
    let p = path("/data/x");
    assert_eq!(p.strip_prefix(&path("/data")), Some("x"));
    assert_eq!(p.strip_prefix(&path("/data/x")), Some(""));
    assert_eq!(p.strip_prefix(&path("/dat")), None);
    assert_eq!(p.strip_prefix(&StoragePath::root()), Some("data/x"));
    assert!(!path("/database").starts_with(&path("/data")));
}

proptest::proptest! {
    /// Whatever a client sends: what comes out is absolute, normalised, and can be written down and read back.
    #[test]
    fn no_text_makes_a_bad_path(base in ".{0,40}", text in "(\\PC|[./\\\\\0\r\n]){0,60}") {
        let Ok(base) = StoragePath::parse(&base) else { return Ok(()) };
        let Ok(path) = base.join(&text) else {
            proptest::prop_assert!(text.contains(['\0', '\r', '\n']), "{text:?} was refused");
            return Ok(());
        };
        let written = path.as_str();
        proptest::prop_assert!(written.starts_with('/'));
        proptest::prop_assert!(written == "/" || !written.ends_with('/'));
        proptest::prop_assert!(!written.contains(['\0', '\r', '\n']));
        for segment in written[1..].split('/').filter(|_| written != "/") {
            proptest::prop_assert!(!matches!(segment, "" | "." | ".."), "{written:?}");
        }
        proptest::prop_assert_eq!(StoragePath::parse(written).unwrap(), path.clone());
        if let (Some(parent), Some(name)) = (path.parent(), path.name()) {
            proptest::prop_assert_eq!(parent.child(name).unwrap(), path.clone());
            proptest::prop_assert!(path.starts_with(&parent) && !parent.starts_with(&path));
        }
    }
}

#[test]
fn confinement_goes_with_a_path() {
    let home = StoragePath::parse("/users/alice").unwrap();
    let file = StoragePath::parse("/users/alice/a/b").unwrap().confined_to(&home);
    assert_eq!(file.confinement(), Some(home.clone()));
    assert_eq!(file.child("c").unwrap().confinement(), Some(home.clone()));
    assert_eq!(file.parent().unwrap().confinement(), Some(home.clone()));
    assert_eq!(file.join("..").unwrap().confinement(), Some(home.clone()));
    let itself = file.parent().unwrap().parent().unwrap();
    assert_eq!((itself.as_str(), itself.confinement()), ("/users/alice", Some(home.clone())));
    // What lies above is not in it.
    assert_eq!(itself.parent().unwrap().confinement(), None);
    assert_eq!(StoragePath::parse("/users/alice2").unwrap().confined_to(&home).confinement(), None);
    assert_eq!(StoragePath::parse("/x").unwrap().confined_to(&StoragePath::root()).confinement(), None);
    assert_eq!(file, StoragePath::parse("/users/alice/a/b").unwrap());
    // One directory in another.
    let inner = StoragePath::parse("/users/alice/a").unwrap().confined_to(&home);
    let nested =
        StoragePath::parse("/users/alice/a/b/c").unwrap().confined_to(&inner.clone().confined_to(&inner));
    assert_eq!(nested.steps().collect::<Vec<_>>(), ["users/alice", "a", "b/c"]);
    assert_eq!(
        nested.parent().unwrap().parent().unwrap().steps().collect::<Vec<_>>(),
        ["users/alice", "a", ""]
    );
    assert_eq!(nested.confinement().unwrap().confinement(), Some(home));
    assert_eq!(StoragePath::parse("/x/y").unwrap().steps().collect::<Vec<_>>(), ["x/y"]);
}
