use super::copies::Rewrite;
use super::*;

#[test]
fn objects_are_told_with_generation_time_and_digest() {
    let page: Resources = parse(
        br#"{"kind": "storage#objects", "items": [{"name": "a//b\u0001", "size": "5", "generation": "17",
            "md5Hash": "XUFAKrxLKna5cZ2REBfFkg==", "timeCreated": "2026-01-02T03:04:05.678Z",
            "metadata": {"mtime": "2020-01-01T00:00:00Z", "other": "x"}}], "prefixes": ["d/"], "nextPageToken": "t"}"#,
    )
    .unwrap();
    assert_eq!((page.prefixes[0].as_str(), page.next_page_token.as_deref()), ("d/", Some("t")));
    let object = page.items.into_iter().next().unwrap().into_object().unwrap();
    assert_eq!((object.key.as_str(), object.size), ("a//b\u{1}", 5));
    assert_eq!((object.e_tag.as_deref(), object.version.as_deref()), (Some("\"17\""), Some("17")));
    assert_eq!(object.stored, whole_seconds("2026-01-02T03:04:05Z"));
    assert_eq!(object.set, whole_seconds("2020-01-01T00:00:00Z"));
    assert!(object.has_digest());
}

#[test]
fn what_an_object_can_not_do_without_is_not_guessed() {
    for lacks in [
        r#"{"size": "5", "generation": "17"}"#,
        r#"{"name": "a", "generation": "17"}"#,
        r#"{"name": "a", "size": "five", "generation": "17"}"#,
        r#"{"name": "a", "size": "-1", "generation": "17"}"#,
        r#"{"name": "a", "size": "5"}"#,
        "{}",
    ] {
        let resource: Resource = parse(lacks.as_bytes()).unwrap();
        assert!(resource.into_object().is_err(), "{lacks}");
    }
    // Somebody else's answer is no empty listing.
    for other in ["{}", "[]", "<html>", "", r#"{"items": []}"#] {
        assert!(parse::<Resources>(other.as_bytes()).is_err(), "{other}");
    }
    assert!(parse::<Rewrite>(b"{}").is_err());
}

#[test]
fn headers_tell_the_same_object() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-length", "2"),
        ("content-range", "bytes 1-2/6"),
        ("etag", "\"of the other protocol\""),
        ("x-goog-generation", "17"),
        ("x-goog-hash", "crc32c=mnG7TA=="),
        ("x-goog-meta-mtime", "2020-01-01T00:00:00Z"),
    ] {
        headers.insert(http::HeaderName::from_static(name), http::HeaderValue::from_static(value));
    }
    headers.append("x-goog-hash", http::HeaderValue::from_static("md5=XUFAKrxLKna5cZ2REBfFkg=="));
    let found = object("k", &headers).unwrap();
    assert_eq!((found.size, found.e_tag.as_deref()), (6, Some("\"17\"")));
    assert_eq!(found.md5.as_deref(), Some("XUFAKrxLKna5cZ2REBfFkg=="));
    assert!(found.set.is_some());
    headers.remove("x-goog-generation");
    assert!(object("k", &headers).is_err());
}

#[test]
fn keys_are_one_segment() {
    assert_eq!(name("a//b c/../\u{fc}").unwrap(), "a%2F%2Fb%20c%2F..%2F%C3%BC");
    assert!(name("..").is_err() && name(".").is_err());
}
