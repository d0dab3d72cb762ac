//! The XML documents of the protocol.

use serde::Deserialize;

use crate::object::wire::xml::Document;

impl Document for ListBucketResult {
    const ROOTS: &'static [&'static str] = &[
        "ListBucketResult",
        "ListBucketV2Result",
        "ListObjectsResult",
        "ListObjectsV2Result",
        "ListObjectsV2Output",
    ];
}

impl Document for CopyResult {
    const ROOTS: &'static [&'static str] = &["CopyObjectResult", "CopyPartResult"];
    const IS_TOLD_BY_CONTENT: bool = true;
}

impl Document for InitiateMultipartUploadResult {
    // An answer that is not understood leaves the upload open.
    const ROOTS: &'static [&'static str] = &["InitiateMultipartUploadResult", "InitiateMultipartUpload"];
    const IS_TOLD_BY_CONTENT: bool = true;
}

impl Document for CompleteMultipartUploadResult {
    const ROOTS: &'static [&'static str] = &["CompleteMultipartUploadResult", "CompleteMultipartUpload"];
}

impl Document for ListMultipartUploadsResult {
    const ROOTS: &'static [&'static str] = &["ListMultipartUploadsResult"];
}

impl Document for Tagging {
    const ROOTS: &'static [&'static str] = &["Tagging"];
}

impl Document for ListPartsResult {
    const ROOTS: &'static [&'static str] = &["ListPartsResult", "ListPartsResponse"];
}

/// ListObjectsV2.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListBucketResult {
    pub(super) contents: Vec<Contents>,
    pub(super) common_prefixes: Vec<CommonPrefix>,
    pub(super) is_truncated: bool,
    pub(super) next_continuation_token: Option<String>,
    pub(super) encoding_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Contents {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) last_modified: Option<String>,
    #[serde(rename = "ETag")]
    pub(super) e_tag: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct CommonPrefix {
    pub(super) prefix: String,
}

/// CopyObjectResult and CopyPartResult.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct CopyResult {
    #[serde(rename = "ETag")]
    pub(super) e_tag: Option<String>,
}

/// CreateMultipartUpload.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct InitiateMultipartUploadResult {
    pub(super) upload_id: String,
}

/// CompleteMultipartUpload.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct CompleteMultipartUploadResult {
    #[serde(rename = "ETag")]
    pub(super) e_tag: Option<String>,
}

/// ListMultipartUploads.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListMultipartUploadsResult {
    pub(super) upload: Vec<Upload>,
    pub(super) is_truncated: bool,
    pub(super) next_key_marker: Option<String>,
    pub(super) next_upload_id_marker: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) initiated: Option<String>,
}

/// ListParts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListPartsResult {
    pub(super) part: Vec<Part>,
    pub(super) is_truncated: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Part {
    pub(super) part_number: u64,
    pub(super) size: u64,
    #[serde(rename = "ETag")]
    pub(super) e_tag: Option<String>,
}

/// GetObjectTagging.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Tagging {
    pub(super) tag_set: TagSet,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct TagSet {
    pub(super) tag: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
