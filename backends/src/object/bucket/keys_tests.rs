use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

fn keys(provider: Provider, prefix: &str) -> Keys {
    Keys::new(provider, &path(prefix)).unwrap()
}

#[test]
fn a_key_is_the_prefix_and_the_path_as_they_are() {
    let keys = keys(Provider::S3, "/in/box");
    for name in ["a", "a b", "ü", "%2F", "a+b?c#d&e", "~", "{x}"] {
        assert_eq!(keys.file(&path(name)).unwrap(), format!("in/box/{name}"));
    }
    assert_eq!(keys.directory(&path("/")).unwrap(), "in/box/");
    assert_eq!(keys.directory(&path("/d/e")).unwrap(), "in/box/d/e/");
}

#[test]
fn the_whole_bucket_has_no_prefix() {
    let keys = keys(Provider::S3, "/");
    assert_eq!(keys.directory(&path("/")).unwrap(), "");
    assert_eq!(keys.directory(&path("/d")).unwrap(), "d/");
    assert_eq!(keys.file(&path("/f")).unwrap(), "f");
}

#[test]
fn names_that_would_be_another_key_are_refused() {
    let keys = keys(Provider::S3, "/");
    for name in ["back\\slash", "tab\t", "\u{7f}", "\u{1b}[0m", "\u{fffe}", "\u{85}"] {
        assert_eq!(keys.file(&path(name)).unwrap_err().kind(), ErrorKind::InvalidName, "{name:?}");
        assert_eq!(keys.existing(&path(name)).unwrap_err().kind(), ErrorKind::NotFound, "{name:?}");
    }
}

#[test]
fn a_key_leaves_room_for_the_slash_of_a_marker() {
    let keys = keys(Provider::S3, "/prefix");
    let fits = "n".repeat(1023 - "prefix/".len());
    assert_eq!(keys.directory(&path(&fits)).unwrap().len(), 1024);
    assert_eq!(keys.file(&path(&format!("{fits}n"))).unwrap_err().kind(), ErrorKind::InvalidName);
}

#[test]
fn azure_drops_dots_at_the_end_of_a_name() {
    for name in ["x.", "x./y", "..."] {
        assert!(keys(Provider::Azure, "/").file(&path(name)).is_err(), "{name}");
        assert!(keys(Provider::S3, "/").file(&path(name)).is_ok(), "{name}");
    }
}

#[test]
fn only_azure_has_markers_without_a_slash() {
    for (provider, marker) in [(Provider::S3, "a/b/"), (Provider::Gcs, "a/b/"), (Provider::Azure, "a/b")] {
        assert_eq!(keys(provider, "/").marker("a/b"), marker);
    }
}

#[test]
fn a_prefix_is_held_to_the_same_rules() {
    let error = Keys::new(Provider::S3, &path("a\\b")).unwrap_err();
    assert_eq!(error.to_string(), "prefix: a key can't hold a backslash");
}
