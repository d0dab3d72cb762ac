use super::*;

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn what_an_object_keeps_counts_but_for_its_encryption() {
    let options = S3Options {
        storage_class: Some("STANDARD_IA".into()),
        server_side_encryption: Some("AES256".into()),
        tags: vec![("team".into(), "a + b".into())],
        cache_control: Some("no-store".into()),
        ..S3Options::default()
    };
    let headers = options.headers(ContentType::ByExtension).unwrap();
    let kept = HeaderMap::from_iter([
        ("content-type".parse().unwrap(), HeaderValue::from_static("application/x-ours")),
        ("x-amz-storage-class".parse().unwrap(), HeaderValue::from_static("GLACIER_IR")),
        ("x-amz-server-side-encryption".parse().unwrap(), HeaderValue::from_static("aws:kms")),
        ("x-amz-server-side-encryption-aws-kms-key-id".parse().unwrap(), HeaderValue::from_static("k")),
    ]);
    let new = headers.of_new("a.txt", kept);
    assert_eq!(header(&new, "content-type"), Some("application/x-ours"));
    assert_eq!(header(&new, "x-amz-storage-class"), Some("GLACIER_IR"));
    assert_eq!(header(&new, "x-amz-server-side-encryption"), Some("AES256"));
    assert_eq!(header(&new, "x-amz-server-side-encryption-aws-kms-key-id"), None);
    assert_eq!(header(&new, "x-amz-tagging"), Some("team=a%20%2B%20b"));
    assert_eq!(header(&new, "cache-control"), Some("no-store"));
    let marker = headers.of_new("a/", HeaderMap::new());
    assert_eq!(header(&marker, "x-amz-storage-class"), None);
    assert_eq!(header(&marker, "content-type"), None);
    assert_eq!(header(&marker, "x-amz-server-side-encryption"), Some("AES256"));
}

#[test]
fn a_key_goes_with_its_kind_of_encryption() {
    let options = S3Options { kms_key_id: Some("k".into()), ..S3Options::default() };
    assert!(options.headers(ContentType::ByExtension).unwrap_err().to_string().starts_with("kms_key_id"));
}
