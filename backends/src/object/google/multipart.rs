//! Uploads in parts, by the XML API.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::header::ETAG;
use http::{HeaderMap, Method};
use object_store::PutPayload;
use quick_xml::escape::partial_escape;
use serde::Deserialize;

use super::Google;
use crate::object::store::failure::Failure;
use crate::object::store::{OpenPart, Target};
use crate::object::wire::patience::patience;
use crate::object::wire::requests::{Request, path_of};
use crate::object::wire::xml::Document;
use crate::observe;

impl Document for InitiateMultipartUploadResult {
    const ROOTS: &'static [&'static str] = &["InitiateMultipartUploadResult"];
}

impl Document for CompleteMultipartUploadResult {
    const ROOTS: &'static [&'static str] = &["CompleteMultipartUploadResult"];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct InitiateMultipartUploadResult {
    upload_id: String,
}

impl Document for ListPartsResult {
    const ROOTS: &'static [&'static str] = &["ListPartsResult"];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ListPartsResult {
    part: Vec<ListedPart>,
    is_truncated: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ListedPart {
    part_number: usize,
    #[serde(rename = "ETag")]
    e_tag: String,
    size: u64,
}

/// Only its arrival counts: its entity tag is of another kind than the generations that are compared.
#[derive(Debug, Default, Deserialize)]
struct CompleteMultipartUploadResult {}

impl Google {
    /// A request of the XML API for an object.
    pub(super) fn on_xml_object(
        &self,
        method: Method,
        key: &str,
        kind: observe::Request,
    ) -> Result<Request, Failure> {
        Ok(Request::new(method, format!("/{}{}", self.bucket(), path_of(key)?), kind))
    }

    /// Begins an upload of an object with these headers, and returns its id.
    pub(super) async fn create_upload(&self, key: &str, headers: HeaderMap) -> Result<String, Failure> {
        let mut request = self
            .on_xml_object(Method::POST, key, observe::Request::Begin)?
            .query("uploads", "")
            .patience(patience(&self.requests.tuning, 0))
            .persistent();
        let headers = self.headers.of_new(key, headers);
        // Metadata that is not ASCII can't be a header, and is left out, as it is from objects that are sent whole.
        let sent = headers.iter().filter(|(_, value)| value.to_str().is_ok());
        request.headers = sent.map(|(name, value)| (name.clone(), value.clone())).collect();
        let InitiateMultipartUploadResult { upload_id } = self.requests.document(request).await?;
        match upload_id.is_empty() {
            true => Err(Failure::Malformed("the store began an upload without an id".to_owned())),
            false => Ok(upload_id),
        }
    }

    /// Sends a part, and returns its entity tag.
    pub(super) async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: usize,
        content: PutPayload,
    ) -> Result<String, Failure> {
        let request = self
            .on_xml_object(Method::PUT, key, observe::Request::Part)?
            .query("partNumber", number.to_string())
            .query("uploadId", upload)
            .patience(patience(&self.requests.tuning, content.content_length() as u64))
            .persistent()
            .body(content);
        let response = self.requests.send(request).await?;
        let e_tag = response.headers().get(ETAG).and_then(|value| value.to_str().ok());
        e_tag
            .map(str::to_owned)
            .ok_or_else(|| Failure::Malformed("the store doesn't confirm a part".to_owned()))
    }

    /// All parts of an open upload, by their numbers; `None` if there is none.
    pub(super) async fn all_parts(
        &self,
        key: &str,
        upload: &str,
    ) -> Result<Option<BTreeMap<usize, OpenPart>>, Failure> {
        let mut all = BTreeMap::<usize, OpenPart>::new();
        loop {
            let mut request =
                self.on_xml_object(Method::GET, key, observe::Request::List)?.query("uploadId", upload);
            let last = all.last_key_value().map(|(number, _)| *number);
            if let Some(last) = last {
                request = request.query("part-number-marker", last.to_string());
            }
            let ListPartsResult { part, is_truncated } = match self.requests.document(request).await {
                Ok(page) => page,
                Err(failure) if failure.is_not_found() => return Ok(None),
                Err(failure) => return Err(failure),
            };
            all.extend(
                part.into_iter()
                    .map(|part| (part.part_number, OpenPart { tag: part.e_tag, size: part.size })),
            );
            if !is_truncated || all.last_key_value().map(|(number, _)| *number) <= last {
                return Ok(Some(all));
            }
        }
    }

    /// Makes an object of these parts. They are counted anew: a part has the number of its place among them.
    pub(super) async fn complete_upload(
        &self,
        upload: &str,
        parts: &BTreeMap<usize, String>,
        target: &Target<'_>,
    ) -> Result<(), Failure> {
        let request = self
            .on_xml_object(Method::POST, target.key, observe::Request::Complete)?
            .query("uploadId", upload)
            .patience(patience(&self.requests.tuning, target.length))
            .persistent()
            .body(PutPayload::from(list_of_parts(parts.values()).into_bytes()));
        let CompleteMultipartUploadResult {} = self.requests.document(request).await?;
        Ok(())
    }

    /// Gives an upload up. That there is none is no error.
    pub(super) async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), Failure> {
        let request = self
            .on_xml_object(Method::DELETE, key, observe::Request::Abort)?
            .query("uploadId", upload)
            .patience(patience(&self.requests.tuning, 0));
        match self.requests.send(request).await {
            Err(failure) if !failure.is_not_found() => Err(failure),
            _ => Ok(()),
        }
    }
}

/// The document that names the parts of an object.
fn list_of_parts<'a>(tags: impl Iterator<Item = &'a String>) -> String {
    let mut document = String::from("<CompleteMultipartUpload>");
    for (number, e_tag) in (1..).zip(tags) {
        let e_tag = partial_escape(e_tag.as_str());
        // Writing to a string can't fail.
        let _ = write!(document, "<Part><ETag>{e_tag}</ETag><PartNumber>{number}</PartNumber></Part>");
    }
    document.push_str("</CompleteMultipartUpload>");
    document
}
