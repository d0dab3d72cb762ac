use super::*;
use crate::object::wire::xml::parse;

#[test]
fn objects_and_prefixes_may_come_in_any_order() {
    let page: ListBucketResult = parse(
        b"<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
          <Name>b</Name><CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes><Contents><Key>a&amp;b</Key><Size>5</Size>\
          <ETag>&quot;x&quot;</ETag><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>\
          <CommonPrefixes><Prefix>e/</Prefix></CommonPrefixes><IsTruncated>true</IsTruncated>\
          <NextContinuationToken>t</NextContinuationToken><Unheard>of</Unheard></ListBucketResult>",
    )
    .unwrap();
    assert_eq!(page.common_prefixes.iter().map(|p| p.prefix.as_str()).collect::<Vec<_>>(), ["d/", "e/"]);
    assert_eq!((page.contents[0].key.as_str(), page.contents[0].size), ("a&b", 5));
    assert_eq!(page.contents[0].e_tag.as_deref(), Some("\"x\""));
    assert!(page.is_truncated);
    assert_eq!(page.next_continuation_token.as_deref(), Some("t"));
}

#[test]
fn an_error_under_a_status_of_success_is_an_error() {
    for body in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>x</Message></Error>",
        "<Error xmlns=\"http://x\"><Code>InternalError</Code></Error>",
        "  <Error/>",
    ] {
        let failure = parse::<CopyResult>(body.as_bytes()).unwrap_err();
        assert!(failure.may_pass(), "{failure}");
    }
    let missing = parse::<CopyResult>(b"<Error><Code>NoSuchKey</Code></Error>").unwrap_err();
    assert!(missing.is_not_found());
}

#[test]
fn what_is_no_document_is_an_error() {
    for body in [
        &b""[..],
        b"<html>",
        b"\xff\xfe",
        b"<ListBucketResult><Contents><Size>x</Size></Contents></ListBucketResult>",
    ] {
        assert!(parse::<ListBucketResult>(body).is_err(), "{body:?}");
    }
}
