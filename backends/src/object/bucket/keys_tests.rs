use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

/// Where markers stand below their directory, and dots stay.
fn keys(prefix: &str) -> Keys {
    Keys { marker: Marker::Below, drops_dots: false, root: String::new() }.below(&path(prefix)).unwrap()
}

#[test]
fn a_key_is_the_prefix_and_the_path_as_they_are() {
    let keys = keys("/in/box");
    for name in ["a", "a b", "ü", "%2F", "a+b?c#d&e", "~", "{x}"] {
        assert_eq!(keys.file(&path(name)).unwrap(), format!("in/box/{name}"));
    }
    assert_eq!(keys.directory(&path("/")).unwrap(), "in/box/");
    assert_eq!(keys.directory(&path("/d/e")).unwrap(), "in/box/d/e/");
}

#[test]
fn the_whole_bucket_has_no_prefix() {
    let keys = keys("/");
    assert_eq!(keys.directory(&path("/")).unwrap(), "");
    assert_eq!(keys.directory(&path("/d")).unwrap(), "d/");
    assert_eq!(keys.file(&path("/f")).unwrap(), "f");
}

#[test]
fn names_that_would_be_another_key_are_refused() {
    let keys = keys("/");
    for name in ["back\\slash", "tab\t", "\u{7f}", "\u{1b}[0m", "\u{fffe}", "\u{85}"] {
        assert_eq!(keys.file(&path(name)).unwrap_err().kind(), ErrorKind::InvalidName, "{name:?}");
        assert_eq!(keys.existing(&path(name)).unwrap_err().kind(), ErrorKind::NotFound, "{name:?}");
    }
}

#[test]
fn a_key_leaves_room_for_the_slash_of_a_marker() {
    let keys = keys("/prefix");
    let fits = "n".repeat(1023 - "prefix/".len());
    assert_eq!(keys.directory(&path(&fits)).unwrap().len(), 1024);
    assert_eq!(keys.file(&path(&format!("{fits}n"))).unwrap_err().kind(), ErrorKind::InvalidName);
}

#[test]
fn names_that_end_with_a_dot_are_refused_where_the_store_drops_it() {
    for name in ["x.", "x./y", "..."] {
        let dropping = Keys { drops_dots: true, ..keys("/") };
        assert!(dropping.file(&path(name)).is_err(), "{name}");
        assert!(keys("/").file(&path(name)).is_ok(), "{name}");
    }
}

#[test]
fn only_a_marker_below_its_directory_has_a_slash() {
    for (marker, key) in [(Marker::Below, "a/b/"), (Marker::Beside, "a/b")] {
        assert_eq!(Keys { marker, ..keys("/") }.marker("a/b"), key);
    }
}

#[test]
fn a_prefix_is_held_to_the_same_rules() {
    let error = keys("/").below(&path("a\\b")).unwrap_err();
    assert_eq!(error.to_string(), "prefix: a key can't hold a backslash");
}
