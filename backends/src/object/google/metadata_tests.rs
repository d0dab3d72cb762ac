use super::*;

#[test]
fn what_a_document_tells_comes_back() {
    let told = json!({
        "name": "a.txt",
        "size": "3",
        "contentType": "text/plain",
        "cacheControl": "no-store",
        "storageClass": "NEARLINE",
        "metadata": { "mtime": "1", "Author": "A. N. Other", "odd": "\u{fc}ber\n" },
    });
    let headers = kept(&told);
    assert_eq!(headers["x-goog-storage-class"], "NEARLINE");
    assert_eq!(
        resource(&headers),
        json!({
            "contentType": "text/plain",
            "cacheControl": "no-store",
            "storageClass": "NEARLINE",
            "metadata": { "mtime": "1", "author": "A. N. Other" },
        })
    );
}

#[test]
fn metadata_and_content_are_one_body() {
    let headers = kept(&json!({ "contentType": "text/plain", "cacheControl": "no-store" }));
    let (kind, body) = with_metadata(&headers, PutPayload::from_static(b"content"));
    let boundary = kind.strip_prefix("multipart/related; boundary=").unwrap();
    let body: Vec<u8> = body.iter().flat_map(|bytes| bytes.to_vec()).collect();
    assert_eq!(
        String::from_utf8(body).unwrap().replace(boundary, "B"),
        "--B\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n\
         {\"cacheControl\":\"no-store\",\"contentType\":\"text/plain\"}\r\n\
         --B\r\nContent-Type: text/plain\r\n\r\ncontent\r\n--B--\r\n"
    );
}

#[test]
fn a_copy_keeps_what_no_header_can_hold() {
    let mut document = json!({
        "name": "a.filepart",
        "generation": "1",
        "contentType": "application/octet-stream",
        "storageClass": "STANDARD",
        "metadata": { "Author": "\u{dc}ber" },
    });
    replace(&mut document, &kept(&json!({ "contentType": "text/plain" })));
    let expected = json!({ "contentType": "text/plain", "storageClass": "STANDARD", "metadata": { "Author": "\u{dc}ber" } });
    assert_eq!(document, expected);
}
