//! Multipart uploads: parts that are copied inside the store, and what uploads were left behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use http::{HeaderMap, Method};
use object_store::PutPayload;
use quick_xml::escape::escape;

use super::conditions::Condition;
use super::documents::{
    CompleteMultipartUploadResult, InitiateMultipartUploadResult, ListMultipartUploadsResult, ListPartsResult,
};
use super::objects::e_tag_of;
use super::{Failure, S3, on_bucket, on_object};
use crate::object::store::OpenPart;
use crate::object::store::object::{iso_time, quoted};
use crate::object::wire::patience::patience;
use crate::observe;

/// A multipart upload that is neither finished nor aborted.
#[derive(Debug)]
pub(crate) struct OpenUpload {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) initiated: Option<SystemTime>,
}

/// A part of an upload that the store has.
#[derive(Debug)]
pub(crate) struct StoredPart {
    pub(crate) number: u64,
    pub(crate) size: u64,
    pub(crate) e_tag: Option<String>,
}

/// Where a listing of uploads goes on.
pub(crate) type Marker = (String, String);

impl S3 {
    /// Begins a multipart upload of an object with these headers.
    pub(crate) async fn create_upload(&self, key: &str, headers: HeaderMap) -> Result<String, Failure> {
        let mut request =
            on_object(Method::POST, key, observe::Request::Begin)?.query("uploads", "").persistent();
        request.headers = self.headers_of_new(key, headers);
        let InitiateMultipartUploadResult { upload_id } = self.requests.document(request).await?;
        match upload_id.is_empty() {
            true => Err(Failure::Malformed("the store began an upload without an id".to_owned())),
            false => Ok(upload_id),
        }
    }

    /// Sends a part, and returns its entity tag.
    pub(crate) async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: usize,
        content: PutPayload,
    ) -> Result<String, Failure> {
        let request = on_object(Method::PUT, key, observe::Request::Part)?
            .query("partNumber", number.to_string())
            .query("uploadId", upload)
            .patience(patience(&self.requests.tuning, content.content_length() as u64))
            .persistent();
        let response = self.send_content(request, content).await?;
        e_tag_of(response.headers())
            .ok_or_else(|| Failure::Malformed("the store doesn't confirm a part".to_owned()))
    }

    pub(super) async fn complete_if(
        &self,
        key: &str,
        upload: &str,
        parts: &BTreeMap<usize, String>,
        length: u64,
        condition: Condition,
    ) -> Result<Option<String>, Failure> {
        let mut request = on_object(Method::POST, key, observe::Request::Complete)?
            .query("uploadId", upload)
            .patience(patience(&self.requests.tuning, length))
            .persistent()
            .body(PutPayload::from(list_of_parts(parts).into_bytes()));
        if let Some((name, value)) = condition {
            request = request.header(name, &value)?;
        }
        let CompleteMultipartUploadResult { e_tag } = self.requests.document(request).await?;
        Ok(e_tag.map(quoted))
    }

    /// Gives an upload up.
    pub(crate) async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), Failure> {
        let request = on_object(Method::DELETE, key, observe::Request::Abort)?.query("uploadId", upload);
        match self.requests.send(request).await {
            Err(failure) if !failure.is_not_found() => Err(failure),
            _ => Ok(()),
        }
    }

    /// One page of the open uploads whose keys start with `prefix`.
    pub(crate) async fn open_uploads(
        &self,
        prefix: &str,
        after: Option<Marker>,
    ) -> Result<(Vec<OpenUpload>, Option<Marker>), Failure> {
        // Not encoded: some stores say that they do and don't, and keys of ours have nothing that would need it.
        let mut request = on_bucket().query("uploads", "");
        if !prefix.is_empty() {
            request = request.query("prefix", prefix);
        }
        let is_first = after.is_none();
        if let Some((key, id)) = after {
            request = request.query("key-marker", key).query("upload-id-marker", id);
        }
        let answer = match self.requests.document::<ListMultipartUploadsResult>(request).await {
            // The word of some stores for a bucket in which no upload was ever begun.
            Err(failure) if is_first && failure.is_not_found() => ListMultipartUploadsResult::default(),
            answer => answer?,
        };
        let next = match (answer.is_truncated, answer.next_key_marker, answer.next_upload_id_marker) {
            (true, Some(after), id) if !after.is_empty() => Some((after, id.unwrap_or_default())),
            _ => None,
        };
        let uploads = answer.upload.into_iter().map(|upload| OpenUpload {
            key: upload.key,
            id: upload.upload_id,
            initiated: upload.initiated.as_deref().and_then(iso_time),
        });
        Ok((uploads.collect(), next))
    }

    /// The parts of an upload that the store has: those of the first page, and whether there are more. With a number, those
    /// from this one on, where the store counts by numbers.
    pub(crate) async fn parts(
        &self,
        key: &str,
        upload: &str,
        from: Option<u64>,
    ) -> Result<(Vec<StoredPart>, bool), Failure> {
        let mut request = on_object(Method::GET, key, observe::Request::List)?.query("uploadId", upload);
        if let Some(from) = from {
            request = request.query("part-number-marker", (from - 1).to_string());
        }
        let ListPartsResult { part, is_truncated } = self.requests.document(request).await?;
        let parts = part.into_iter().map(|part| StoredPart {
            number: part.part_number,
            size: part.size,
            e_tag: part.e_tag.map(quoted),
        });
        Ok((parts.collect(), is_truncated))
    }
}

impl S3 {
    /// All parts of an open upload, by their numbers; `None` if there is none.
    pub(super) async fn all_parts(
        &self,
        key: &str,
        upload: &str,
    ) -> Result<Option<BTreeMap<usize, OpenPart>>, Failure> {
        let (mut all, mut from) = (BTreeMap::new(), None);
        loop {
            let (parts, is_truncated) = match self.parts(key, upload, from).await {
                Ok(page) => page,
                Err(failure) if failure.is_not_found() => return Ok(None),
                Err(failure) => return Err(failure),
            };
            let next = parts.last().map(|part| part.number + 1);
            all.extend(parts.into_iter().filter_map(|part| {
                let number = usize::try_from(part.number).ok()?;
                Some((number, OpenPart { tag: part.e_tag?, size: part.size }))
            }));
            // A store that does not go on has told all that it will.
            if !is_truncated || next <= from {
                return Ok(Some(all));
            }
            from = next;
        }
    }
}

/// The document that names the parts of an object.
fn list_of_parts(parts: &BTreeMap<usize, String>) -> String {
    let mut document =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (number, e_tag) in parts {
        let e_tag = escape(e_tag);
        // Writing to a string can't fail.
        let _ = write!(document, "<Part><ETag>{e_tag}</ETag><PartNumber>{number}</PartNumber></Part>");
    }
    document.push_str("</CompleteMultipartUpload>");
    document
}
