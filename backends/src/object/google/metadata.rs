//! Metadata of Google's objects: in the documents of the JSON API, and as headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use object_store::PutPayload;
use serde_json::{Map, Value, json};

/// By their names in documents and as headers.
const KEPT: &[(&str, &str)] = &[
    ("cacheControl", "cache-control"),
    ("contentDisposition", "content-disposition"),
    ("contentEncoding", "content-encoding"),
    ("contentLanguage", "content-language"),
    ("contentType", "content-type"),
    ("storageClass", "x-goog-storage-class"),
];

/// The prefix of an object's own metadata.
const METADATA: &str = "x-goog-meta-";

/// The same as `fields` of a request.
pub(crate) const FIELDS: &str =
    "cacheControl,contentDisposition,contentEncoding,contentLanguage,contentType,storageClass,metadata";

/// The metadata in a document, as headers. A value that can't be a header is left out.
pub(crate) fn kept(document: &Value) -> HeaderMap {
    let value = |value: &Value| value.as_str().and_then(|text| HeaderValue::from_str(text).ok());
    let standard = KEPT
        .iter()
        .filter_map(|(field, name)| Some((HeaderName::from_static(name), value(document.get(*field)?)?)));
    let own = document.get("metadata").and_then(Value::as_object).into_iter().flatten();
    let own = own.filter_map(|(name, text)| {
        let name = HeaderName::from_bytes(format!("{METADATA}{name}").as_bytes()).ok()?;
        Some((name, value(text)?))
    });
    standard.chain(own).collect()
}

/// The document of an object with these headers.
pub(crate) fn resource(headers: &HeaderMap) -> Value {
    let (mut document, mut own) = (Map::new(), Map::new());
    for (name, value) in headers {
        let Ok(text) = value.to_str() else { continue };
        if let Some((field, _)) = KEPT.iter().find(|(_, known)| name == known) {
            document.insert((*field).to_owned(), json!(text));
        } else if let Some(name) = name.as_str().strip_prefix(METADATA) {
            own.insert(name.to_owned(), json!(text));
        }
    }
    if !own.is_empty() {
        document.insert("metadata".to_owned(), Value::Object(own));
    }
    Value::Object(document)
}

/// Turns the document of an object into that of its copy, with these headers in place of the object's.
pub(crate) fn replace(document: &mut Value, headers: &HeaderMap) {
    let Value::Object(fields) = document else { return };
    fields.retain(|field, _| field == "metadata" || KEPT.iter().any(|(kept, _)| field == kept));
    if let Value::Object(given) = resource(headers) {
        fields.extend(given);
    }
}

/// A body that has both the metadata and the content, and its type.
pub(crate) fn with_metadata(headers: &HeaderMap, content: PutPayload) -> (String, PutPayload) {
    // The author of the content can't know it.
    let boundary = format!("{:032x}", fastrand::u128(..));
    let kind =
        headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("application/octet-stream");
    let before = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{}\r\n\
         --{boundary}\r\nContent-Type: {kind}\r\n\r\n",
        resource(headers)
    );
    let after = format!("\r\n--{boundary}--\r\n");
    let body = std::iter::once(before.into()).chain(content).chain([after.into()]).collect();
    (format!("multipart/related; boundary={boundary}"), body)
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
