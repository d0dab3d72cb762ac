//! A bucket of S3, as the operations see it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use object_store::PutPayload;
use object_store::client::HttpResponse;

use super::objects::{COPY_OF, METADATA, MTIME, kept, with_mtime};
use super::{S3, made, sweep};
use crate::Result;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object, Page};
use crate::object::store::{Copies, Made, Marker, OpenPart, Store, Sweep, Target, TimeSet, Traits, mtime};

/// The largest object that is copied in one request, in bytes.
pub(super) const MAX_COPY: u64 = 5 << 30;

/// The traits of all stores that speak the protocol, with the settings of this one.
pub(super) fn traits(hides_digests: bool, equal_parts: bool) -> Traits {
    Traits {
        marker: Marker::Below,
        drops_dots: false,
        metadata: METADATA,
        time_form: mtime::Form::Seconds,
        // A listing has no metadata of the objects.
        lists_times: false,
        copies: Copies::UpTo(MAX_COPY),
        conditional_delete: false,
        own_directories: true,
        refuses_absent: true,
        hides_digests,
        equal_parts,
        marks_uploads: true,
        renumbers_parts: false,
        checks_crc: false,
    }
}

#[async_trait]
impl Store for S3 {
    fn traits(&self) -> &Traits {
        &self.traits
    }

    fn address(&self) -> String {
        self.requests.address()
    }

    async fn head(&self, key: &str) -> Result<Object, Failure> {
        self.describe(key).await.map(|(object, _)| object)
    }

    async fn head_and_headers(&self, key: &str) -> Result<(Object, HeaderMap), Failure> {
        let (object, headers) = self.describe(key).await?;
        Ok((object, self.with_tags(key, headers).await))
    }

    fn kept(&self, mut headers: HeaderMap) -> HeaderMap {
        headers.remove(MTIME);
        headers.remove(COPY_OF);
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
        self.put_object(key, content, headers, before).await
    }

    fn creates_atomically(&self) -> bool {
        self.learned.refuses()
    }

    async fn put_marker(&self, key: &str) -> Result<(), Failure> {
        self.put_empty(key).await
    }

    async fn delete(&self, key: &str, only: Option<&Object>) -> Result<(), Failure> {
        self.delete_object(key, only).await
    }

    async fn is_locked(&self, key: &str) -> Result<bool, Failure> {
        // There, a lock keeps a marker's version and takes the removal.
        if self.is_amazon {
            return Ok(false);
        }
        self.has_lock(key).await
    }

    async fn set_time(&self, key: &str, time: &str) -> Result<TimeSet, Failure> {
        let (object, headers) = self.describe(key).await?;
        if object.is_folder {
            return Ok(TimeSet::Folder);
        }
        let headers = with_mtime(headers, time)?;
        match self.copied_against_condition(&object, &headers).await {
            true => Ok(TimeSet::Done),
            false => Ok(TimeSet::ByCopy(Box::new(object), headers)),
        }
    }

    fn headers_with_time(&self, key: &str, time: &str) -> Option<HeaderMap> {
        // What another program has stored meanwhile would get these headers.
        if !self.learned.refuses_copies.is_known() {
            return None;
        }
        with_mtime(kept(&self.headers_of_new(key, HeaderMap::new())), time).ok()
    }

    async fn copy(
        &self,
        from: &Object,
        to: &str,
        headers: Option<HeaderMap>,
        _replace: bool,
    ) -> Result<Option<String>, Failure> {
        let failure = match self.copy_object(from, to, headers.clone()).await {
            Ok(e_tag) => return Ok(Some(e_tag)),
            Err(failure) => failure,
        };
        // A copy onto itself can have another entity tag than what it was made of.
        if from.key == to
            && failure.may_have_met_itself()
            && let Some(headers) = &headers
            && let Some(e_tag) = self.changed_to(from, headers).await?
        {
            return Ok(Some(e_tag));
        }
        Err(failure)
    }

    fn changes_type(&self, from: &str, to: &str) -> bool {
        self.headers.content_type().differs(from, to)
    }

    async fn head_and_retyped(&self, key: &str, to: &str) -> Result<(Object, Option<HeaderMap>), Failure> {
        let (object, headers) = self.describe(key).await?;
        Ok((object, self.headers.retyped(key, to, headers)))
    }

    async fn mark_of_copy(&self, from: &Object) -> Result<Option<HeaderMap>, Failure> {
        let Some(e_tag) = &from.e_tag else { return Ok(None) };
        let (_, mut headers) = self.describe(&from.key).await?;
        if let Ok(value) = HeaderValue::from_str(e_tag.trim_matches('"')) {
            headers.insert(COPY_OF, value);
        }
        Ok(Some(headers))
    }

    async fn is_copy(&self, copy: &Object, of: &Object) -> Result<bool, Failure> {
        let Some(e_tag) = &of.e_tag else { return Ok(false) };
        let (_, headers) = self.describe(&copy.key).await?;
        Ok(headers.get(COPY_OF).is_some_and(|mark| mark.as_bytes() == e_tag.trim_matches('"').as_bytes()))
    }

    async fn completed(&self, key: &str, headers: HeaderMap) -> HeaderMap {
        self.with_tags(key, headers).await
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

    fn copies_parts(&self) -> Option<bool> {
        self.is_copying_parts()
    }

    async fn copy_part(
        &self,
        from: &Object,
        piece: (u64, u64),
        key: &str,
        upload: &str,
        number: usize,
    ) -> Result<String, Failure> {
        self.copy_range(from, piece, key, upload, number).await
    }

    async fn complete(
        &self,
        upload: &str,
        parts: &BTreeMap<usize, String>,
        target: &Target<'_>,
    ) -> Result<Option<String>, Failure> {
        self.complete_upload(target.key, upload, parts, target.length, target.before).await
    }

    async fn made(&self, made: &Made<'_>) -> Result<Option<Option<String>>, Failure> {
        let now = self.look(made.key).await?;
        Ok(now.filter(|now| made::is_made(now, made, self.traits.hides_digests)).map(|now| now.e_tag))
    }

    async fn abort(&self, key: &str, upload: &str) -> Result<(), Failure> {
        self.abort_upload(key, upload).await
    }

    async fn sweep(&self, place: &Sweep<'_>) -> Result<u64> {
        sweep::sweep(self, place).await
    }
}
