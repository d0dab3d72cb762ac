//! A bucket of Google's, as the operations see it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use object_store::PutPayload;
use object_store::client::HttpResponse;

use super::Google;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object, Page};
use crate::object::store::{Copies, Made, Marker, OpenPart, Store, Target, TimeSet, Traits, mtime};

const TRAITS: Traits = Traits {
    marker: Marker::Below,
    drops_dots: false,
    metadata: "x-goog-meta-",
    time_form: mtime::Form::Rfc3339,
    lists_times: true,
    copies: Copies::Whole,
    conditional_delete: true,
    own_directories: false,
    refuses_absent: false,
    hides_digests: false,
    equal_parts: false,
    // Nobody looks for unfinished uploads: they stay until a lifecycle rule of the bucket removes them.
    marks_uploads: false,
    renumbers_parts: true,
    checks_crc: true,
};

#[async_trait]
impl Store for Google {
    fn traits(&self) -> &Traits {
        &TRAITS
    }

    fn address(&self) -> String {
        self.requests.address()
    }

    async fn head(&self, key: &str) -> Result<Object, Failure> {
        self.head_object(key).await
    }

    async fn head_and_headers(&self, key: &str) -> Result<(Object, HeaderMap), Failure> {
        self.describe(key).await
    }

    fn kept(&self, mut headers: HeaderMap) -> HeaderMap {
        headers.remove("x-goog-meta-mtime");
        headers
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, Option<u64>)>,
        if_match: Option<&str>,
    ) -> Result<(Object, HttpResponse), Failure> {
        self.get_object(key, range, if_match).await
    }

    async fn page(
        &self,
        prefix: &str,
        token: Option<&str>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> Result<Page, Failure> {
        self.list_page(prefix, token, flat, max_keys).await
    }

    async fn put(
        &self,
        key: &str,
        content: PutPayload,
        headers: HeaderMap,
        before: Before<'_>,
    ) -> Result<Option<String>, Failure> {
        let length = content.content_length() as u64;
        let stored = self.put_object(key, content, headers, before).await?;
        match stored.size == length {
            true => Ok(stored.e_tag),
            false => Err(Failure::Malformed("the store tells another size of it".to_owned())),
        }
    }

    async fn put_marker(&self, key: &str) -> Result<(), Failure> {
        match self.put_object(key, PutPayload::new(), HeaderMap::new(), Before::Nothing).await {
            // The marker exists, perhaps with somebody's data.
            Err(failure) if failure.is_precondition() => Ok(()),
            stored => stored.map(drop),
        }
    }

    async fn delete(&self, key: &str, only: Option<&Object>) -> Result<(), Failure> {
        self.delete_object(key, only).await
    }

    async fn set_time(&self, key: &str, time: &str) -> Result<TimeSet, Failure> {
        // Its markers have other keys.
        self.set_mtime(key, time).await.map(|()| TimeSet::Done)
    }

    async fn copy(
        &self,
        from: &Object,
        to: &str,
        _headers: Option<HeaderMap>,
        replace: bool,
    ) -> Result<Option<String>, Failure> {
        let before = if replace { Before::Anything } else { Before::Nothing };
        self.copy_object(from, to, before).await.map(|copy| copy.e_tag)
    }

    async fn begin(&self, key: &str, headers: HeaderMap) -> Result<String, Failure> {
        self.create_upload(key, headers).await
    }

    async fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: usize,
        content: PutPayload,
    ) -> Result<String, Failure> {
        self.upload_part(key, upload, number, content).await
    }

    async fn open_parts(
        &self,
        key: &str,
        upload: &str,
    ) -> Result<Option<BTreeMap<usize, OpenPart>>, Failure> {
        self.all_parts(key, upload).await
    }

    async fn complete(
        &self,
        upload: &str,
        parts: &BTreeMap<usize, String>,
        target: &Target<'_>,
    ) -> Result<Option<String>, Failure> {
        self.complete_upload(upload, parts, target).await.map(|()| None)
    }

    async fn made(&self, made: &Made<'_>) -> Result<Option<Option<String>>, Failure> {
        match self.head_with_crc(made.key, None).await {
            // A tag of another kind than those that are compared.
            Ok((now, reported)) => {
                let crc = made.crc.map(crc_text);
                Ok((now.size == made.length && crc.is_some() && reported == crc).then_some(None))
            }
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn abort(&self, key: &str, upload: &str) -> Result<(), Failure> {
        self.abort_upload(key, upload).await
    }
}

/// A CRC32C as the store reports it: a number of four bytes, the first one first (the documentation of `crc32c`).
fn crc_text(crc: u32) -> String {
    BASE64_STANDARD.encode(crc.to_be_bytes())
}
