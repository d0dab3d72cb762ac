//! Whole blobs, and blobs that are put together of blocks.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::ETAG;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use object_store::PutPayload;
use object_store::client::HttpResponse;
use serde::Deserialize;

use super::Azure;
use super::metadata::as_sent;
use crate::object::store::OpenPart;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, quoted};
use crate::object::wire::patience::patience;
use crate::object::wire::requests::Request;
use crate::object::wire::xml::Document;
use crate::observe;

/// The metadata of a directory's marker, as a header.
const FOLDER: HeaderName = HeaderName::from_static("x-ms-meta-hdi_isfolder");

impl Document for BlockList {
    const ROOTS: &'static [&'static str] = &["BlockList"];
}

/// Get Block List.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct BlockList {
    committed_blocks: CommittedBlocks,
    uncommitted_blocks: UncommittedBlocks,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct UncommittedBlocks {
    block: Vec<UncommittedBlock>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct UncommittedBlock {
    name: String,
    size: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CommittedBlocks {
    block: Vec<CommittedBlock>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CommittedBlock {
    name: String,
}

/// The id of a block, by its tag.
pub(super) fn block_id(tag: &str) -> String {
    BASE64_STANDARD.encode(tag)
}

impl Azure {
    /// Stores a whole blob with these headers, if what is there before is what it has to be, and returns its entity tag.
    pub(super) async fn put_blob(
        &self,
        key: &str,
        content: PutPayload,
        headers: HeaderMap,
        before: Before<'_>,
    ) -> Result<Option<String>, Failure> {
        let mut request = blob(key, before)?
            .patience(patience(&self.requests.tuning, content.content_length() as u64))
            .persistent()
            .body(content);
        request.headers.extend(as_sent(&self.headers.of_new(key, headers)));
        Ok(e_tag_of(&self.requests.send(request).await?))
    }

    /// Stores the marker of a directory, where nothing is: a file has the same key, and one may have come since it was looked
    /// for.
    pub(super) async fn put_folder(&self, key: &str) -> Result<(), Failure> {
        let mut request = blob(key, Before::Nothing)?;
        request.headers.insert(FOLDER, HeaderValue::from_static("true"));
        self.requests.send(request).await.map(drop)
    }

    /// Sends a block, and returns its tag: all blocks of a blob have ids of one length. It begins with the id of the upload and the
    /// number of the part, as the store keeps neither.
    pub(super) async fn put_block(
        &self,
        key: &str,
        upload: &str,
        number: usize,
        content: PutPayload,
    ) -> Result<String, Failure> {
        let tag = format!("{upload}{number:08x}{:08x}", fastrand::u32(..));
        let request = Self::on_object(Method::PUT, key, observe::Request::Part)?
            .query("comp", "block")
            .query("blockid", block_id(&tag))
            .patience(patience(&self.requests.tuning, content.content_length() as u64))
            .persistent()
            .body(content);
        self.requests.send(request).await?;
        Ok(tag)
    }

    /// Makes a blob of these blocks, with these headers, and returns its entity tag.
    pub(super) async fn put_block_list(
        &self,
        key: &str,
        headers: HeaderMap,
        blocks: impl Iterator<Item = &String>,
        length: u64,
    ) -> Result<Option<String>, Failure> {
        let mut list = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
        for block in blocks {
            list.extend(["<Uncommitted>", &block_id(block), "</Uncommitted>"]);
        }
        list.push_str("</BlockList>");
        let mut request = Self::on_object(Method::PUT, key, observe::Request::Complete)?
            .query("comp", "blocklist")
            .patience(patience(&self.requests.tuning, length))
            .persistent()
            .body(PutPayload::from(list.into_bytes()));
        request.headers.extend(as_sent(&self.headers.of_new(key, headers)));
        Ok(e_tag_of(&self.requests.send(request).await?))
    }

    /// The blocks of an upload that belong to no object yet, but for those of which there are two: whoever went on in front of a block
    /// has sent it anew, and nobody can tell which of the two is the newer one.
    pub(super) async fn uncommitted_blocks(
        &self,
        key: &str,
        upload: &str,
    ) -> Result<BTreeMap<usize, OpenPart>, Failure> {
        let request = Self::on_object(Method::GET, key, observe::Request::List)?
            .query("comp", "blocklist")
            .query("blocklisttype", "uncommitted");
        let list: BlockList = self.requests.document(request).await?;
        let of_upload = |block: UncommittedBlock| {
            let tag = String::from_utf8(BASE64_STANDARD.decode(block.name).ok()?).ok()?;
            let number = tag.strip_prefix(upload)?.get(..8)?;
            Some((usize::from_str_radix(number, 16).ok()?, OpenPart { tag, size: block.size }))
        };
        Ok(once(list.uncommitted_blocks.block.into_iter().filter_map(of_upload)))
    }

    /// The ids of the blocks that an object is made of.
    pub(super) async fn committed_blocks(&self, key: &str) -> Result<Vec<String>, Failure> {
        let request = Self::on_object(Method::GET, key, observe::Request::List)?
            .query("comp", "blocklist")
            .query("blocklisttype", "committed");
        let list: BlockList = self.requests.document(request).await?;
        Ok(list.committed_blocks.block.into_iter().map(|block| block.name).collect())
    }
}

/// The parts whose numbers come once. Of the others, nothing but the number stays, with a tag and a size that no part has.
fn once(parts: impl Iterator<Item = (usize, OpenPart)>) -> BTreeMap<usize, OpenPart> {
    let mut once = BTreeMap::new();
    for (number, part) in parts {
        once.entry(number)
            .and_modify(|known| *known = OpenPart { tag: String::new(), size: u64::MAX })
            .or_insert(part);
    }
    once
}

/// A request that stores a blob under a condition.
fn blob(key: &str, before: Before<'_>) -> Result<Request, Failure> {
    let request =
        Azure::on_object(Method::PUT, key, observe::Request::Put)?.header("x-ms-blob-type", "BlockBlob")?;
    match before {
        Before::Anything => Ok(request),
        Before::Nothing => request.header("if-none-match", "*"),
        Before::This(object) => match &object.e_tag {
            Some(e_tag) => request.header("if-match", e_tag),
            None => Ok(request),
        },
    }
}

fn e_tag_of(response: &HttpResponse) -> Option<String> {
    let e_tag = response.headers().get(ETAG).and_then(|value| value.to_str().ok());
    e_tag.map(|e_tag| quoted(e_tag.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They may be of two uploads, of which only one has sent what stands before it.
    #[test]
    fn of_two_blocks_of_one_number_neither_counts() {
        let part = |tag: &str| OpenPart { tag: tag.to_owned(), size: 5 };
        let parts = [(1, part("a")), (2, part("b")), (3, part("c")), (2, part("d")), (2, part("e"))];
        let once = once(parts.into_iter());
        let sizes: Vec<_> = once.into_iter().map(|(number, part)| (number, part.size, part.tag)).collect();
        let expected = [(1, 5, "a"), (2, u64::MAX, ""), (3, 5, "c")];
        assert_eq!(sizes, expected.map(|(number, size, tag)| (number, size, tag.to_owned())));
    }
}
