//! A container of Azure's, as the operations see it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::HeaderMap;
use object_store::PutPayload;
use object_store::client::HttpResponse;

use super::blocks::block_id;
use super::{Azure, copy};
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object, Page};
use crate::object::store::{Copies, Made, Marker, OpenPart, Store, Target, TimeSet, Traits, mtime};

const TRAITS: Traits = Traits {
    // A blob whose name ends with a slash is another one to some of its tools.
    marker: Marker::Beside,
    drops_dots: true,
    metadata: "x-ms-meta-",
    time_form: mtime::Form::Rfc3339,
    lists_times: true,
    copies: Copies::Whole,
    conditional_delete: true,
    own_directories: false,
    refuses_absent: false,
    hides_digests: false,
    equal_parts: false,
    // Azure removes unfinished uploads by itself, after a week.
    marks_uploads: false,
    renumbers_parts: false,
    checks_crc: false,
};

#[async_trait]
impl Store for Azure {
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
        headers.remove("x-ms-meta-mtime");
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
        self.put_blob(key, content, headers, before).await
    }

    async fn put_marker(&self, key: &str) -> Result<(), Failure> {
        match self.put_folder(key).await {
            // The marker is there already: somebody else's, or ours, if it was sent twice.
            Err(failure)
                if failure.is_conflict() && self.look(key).await?.is_some_and(|object| object.is_folder) =>
            {
                Ok(())
            }
            stored => stored,
        }
    }

    async fn delete(&self, key: &str, only: Option<&Object>) -> Result<(), Failure> {
        self.delete_blob(key, only).await
    }

    async fn set_time(&self, key: &str, time: &str) -> Result<TimeSet, Failure> {
        match self.set_mtime(key, time).await? {
            true => Ok(TimeSet::Done),
            false => Ok(TimeSet::Folder),
        }
    }

    async fn copy(
        &self,
        from: &Object,
        to: &str,
        _headers: Option<HeaderMap>,
        replace: bool,
    ) -> Result<Option<String>, Failure> {
        copy::copy(self, from, to, replace).await.map(|()| None)
    }

    async fn is_copy(&self, copy: &Object, of: &Object) -> Result<bool, Failure> {
        copy::is_copy(self, of, &copy.key).await
    }

    async fn begin(&self, _key: &str, _headers: HeaderMap) -> Result<String, Failure> {
        // Blocks belong to the name alone, and the blob gets its headers at the end. The id is a part of theirs.
        Ok(format!("{:016x}", fastrand::u64(..)))
    }

    async fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: usize,
        content: PutPayload,
    ) -> Result<String, Failure> {
        self.put_block(key, upload, number, content).await
    }

    async fn open_parts(
        &self,
        key: &str,
        upload: &str,
    ) -> Result<Option<BTreeMap<usize, OpenPart>>, Failure> {
        match self.uncommitted_blocks(key, upload).await {
            // Whoever stores anything under the name takes them away.
            Ok(parts) => Ok(Some(parts).filter(|parts| !parts.is_empty())),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn complete(
        &self,
        _upload: &str,
        parts: &BTreeMap<usize, String>,
        target: &Target<'_>,
    ) -> Result<Option<String>, Failure> {
        self.put_block_list(target.key, target.headers.clone(), parts.values(), target.length).await
    }

    async fn made(&self, made: &Made<'_>) -> Result<Option<Option<String>>, Failure> {
        let Some(now) = self.look(made.key).await?.filter(|now| now.size == made.length) else {
            return Ok(None);
        };
        let blocks = self.committed_blocks(made.key).await?;
        let ours = made.tags.values().map(|tag| block_id(tag));
        Ok(ours.eq(blocks).then_some(now.e_tag))
    }

    async fn abort(&self, _key: &str, _upload: &str) -> Result<(), Failure> {
        // The store drops blocks that no list names, after a week.
        Ok(())
    }
}
