use super::*;

#[test]
fn a_store_shows_how_it_writes_a_blank() {
    for (keys, plus_is_blank) in [
        (&["a+b", "c%2Bd"][..], Some(true)),
        (&["a%20b", "c+d"], Some(false)),
        (&["a%20b%2bc"], Some(false)),
        (&["a+b", "c"], None),
    ] {
        let dialect = Dialect::default();
        dialect.learn(keys.iter().copied());
        assert_eq!(dialect.plus_is_blank(), plus_is_blank, "{keys:?}");
    }
    // What was learned stays.
    let dialect = Dialect::default();
    dialect.learn(["%2B"].into_iter());
    dialect.learn(["%20"].into_iter());
    assert_eq!(dialect.plus_is_blank(), Some(true));
}

#[test]
fn the_same_without_encoding_shows_it_too() {
    for (written, plain, plus_is_blank) in [
        ("a+b", "a b", Some(true)),
        ("a+b", "a+b", Some(false)),
        ("a", "a", None),
        // Another key, as the listing has changed meanwhile.
        ("a+b", "c", None),
    ] {
        let dialect = Dialect::default();
        assert_eq!(dialect.is_needed([written].into_iter()), written.contains('+'));
        dialect.compare([(written, plain)].into_iter());
        assert_eq!(dialect.plus_is_blank(), plus_is_blank, "{written} {plain}");
    }
}

#[test]
fn keys_are_decoded_or_become_unnameable() {
    assert_eq!(decoded("a+b%2Fc%0A%C3%BC", true), "a b/c\n\u{fc}");
    assert_eq!(decoded("a+b", false), "a+b");
    assert_eq!(decoded("100%", false), "100%");
    assert_eq!(decoded("%FF", false), "\0%FF");
}

#[test]
fn a_listing_without_a_token_goes_on_behind_its_last_key() {
    let found = |body: &str| {
        page(
            crate::object::wire::xml::parse(
                format!("<ListBucketResult>{body}</ListBucketResult>").as_bytes(),
            )
            .unwrap(),
        )
    };
    let truncated = "<IsTruncated>true</IsTruncated><NextMarker>b/</NextMarker>\
                     <Contents><Key>a</Key></Contents><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>";
    assert_eq!(found(truncated).unwrap().next.as_deref(), Some("\0b/"));
    assert!(found("<IsTruncated>true</IsTruncated>").is_err());
    let with_token = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
                      <Contents><Key>a</Key></Contents>";
    assert_eq!(found(with_token).unwrap().next.as_deref(), Some("t"));
}
