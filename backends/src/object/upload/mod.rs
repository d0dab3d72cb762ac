//! Writing an object: gathered in memory, sent in parts while more comes, visible when it is finished.

pub(crate) mod append;
pub(crate) mod completion;
pub(crate) mod end;
pub(crate) mod held;
mod left;
pub(crate) mod multipart;
pub(crate) mod parts;
pub(crate) mod pieces;
pub(crate) mod turn;
pub(crate) mod writes;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue};

use self::append::{HEAD, Tail};
use self::end::Condition;
use self::held::Held;
use self::multipart::Multipart;
use self::parts::PartSizes;
use self::pieces::{equal_pieces, kept_pieces};
use crate::object::bucket::Bucket;
use crate::object::bucket::name_check::NameCheck;
use crate::object::download;
use crate::object::settings::Tuning;
use crate::object::store::marks;
use crate::object::store::object::Object;
use crate::{
    ByteStream, CreateMode, Error, ErrorKind, Intake, Metadata, Result, StoragePath, Supply, Upload,
};

pub(crate) struct ObjectUpload {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) path: StoragePath,
    pub(crate) key: String,
    pub(crate) condition: Condition,
    pub(crate) held: Held,
    pub(crate) sizes: PartSizes,
    /// The number of bytes so far.
    pub(crate) length: u64,
    /// There is none while everything fits into one request.
    pub(crate) multipart: Option<Multipart>,
    /// The headers of the object that the upload extends, if there is one.
    pub(crate) headers: HeaderMap,
    /// What its object is recognised by.
    mark: Option<u128>,
    /// Set for an append, whose bytes go to the end of the file as it is when the append ends.
    pub(crate) tail: Option<Tail>,
    /// The number of the first part that what it is put behind gets.
    pub(crate) first: usize,
    /// The question whether the name is free; an upload that extends a file needs no answer.
    name: Option<NameCheck>,
    /// Every byte so far is held, being sent or sent. What failed or was dropped half-way may have lost some, and
    /// then nothing may be finished.
    pub(crate) intact: bool,
    /// What the store has of it stays if the store can't be reached at its end: somebody can go on with it.
    pub(crate) stays: bool,
}

/// Starts an upload. It asks the store only for a reason: this server has seen something else under this name, or the upload
/// extends a file.
pub(crate) async fn create(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    mode: CreateMode,
) -> Result<ObjectUpload> {
    if path.is_root() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let key = bucket.keys.file(path)?;
    bucket.check_place(path).await?;
    let mut upload = ObjectUpload::new(bucket, path, key, Condition::Anything);
    let kept = match mode {
        CreateMode::Replace | CreateMode::Resume(0) => {
            upload.name = Some(NameCheck::ask(bucket, path));
            return Ok(upload);
        }
        CreateMode::New => {
            upload.condition = Condition::Nothing;
            if bucket.known.is_file(path) {
                upload.check_nothing().await?;
            }
            upload.name = Some(NameCheck::ask(bucket, path));
            return Ok(upload);
        }
        CreateMode::Append => {
            let seen = upload.look().await?;
            if seen.is_none() {
                upload.name = Some(NameCheck::ask(bucket, path));
            }
            upload.tail = Some(Tail::behind(seen));
            return Ok(upload);
        }
        CreateMode::Resume(kept) => kept,
    };
    match upload.look().await? {
        Some(object) => {
            if kept > object.size {
                return Err(Error::new(ErrorKind::InvalidRange, path));
            }
            upload.condition = Condition::This(Box::new(object.clone()));
            upload.keep(object, kept).await?;
        }
        None => return Err(Error::new(ErrorKind::NotFound, path)),
    }
    Ok(upload)
}

/// Stores a file whose name is known to be the caller's.
pub(crate) async fn put(bucket: &Arc<Bucket>, path: &StoragePath, content: Bytes) -> Result<()> {
    let key = bucket.keys.file(path)?;
    let mut upload = ObjectUpload::new(bucket, path, key, Condition::Anything);
    upload.write(content).await?;
    Box::new(upload).finish().await.map(drop)
}

impl ObjectUpload {
    fn new(bucket: &Arc<Bucket>, path: &StoragePath, key: String, condition: Condition) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            path: path.clone(),
            key,
            condition,
            held: Held::new(&bucket.buffers),
            sizes: sizes_of_parts(bucket),
            length: 0,
            multipart: None,
            headers: HeaderMap::new(),
            mark: None,
            tail: None,
            first: 1,
            name: None,
            intact: true,
            stays: false,
        }
    }

    /// An upload of an object that is copied through this server, with these headers.
    pub(crate) fn of_copy(bucket: &Arc<Bucket>, path: &StoragePath, key: &str, headers: HeaderMap) -> Self {
        Self { headers, ..Self::new(bucket, path, key.to_owned(), Condition::Anything) }
    }

    /// Stores this content, and returns the entity tag.
    pub(crate) async fn store_all(mut self, content: ByteStream) -> Result<Option<String>> {
        let sent = self.send_all(content).await;
        self.store(sent).await.map(|(e_tag, _)| e_tag)
    }

    /// The object that the upload extends.
    pub(crate) async fn look(&mut self) -> Result<Option<Object>> {
        let (found, headers) = self.bucket.head_and_kept(&self.path, &self.key).await?.unzip();
        self.headers = headers.unwrap_or_default();
        match found {
            Some(object) if object.is_folder => Err(Error::new(ErrorKind::IsADirectory, &self.path)),
            found => Ok(found),
        }
    }

    /// Gives the object to be a mark of its own, if it has none yet.
    fn draw_mark(&mut self) {
        self.mark.get_or_insert_with(|| u128::from(fastrand::u64(..)) << 64 | u128::from(fastrand::u64(..)));
    }

    /// Begins with the first bytes of an object.
    pub(crate) async fn keep(&mut self, object: Object, kept: u64) -> Result<()> {
        // The headers of the old object are kept, and with them its mark would be.
        self.draw_mark();
        let copies = self.bucket.store.copies_parts();
        let pieces = match copies {
            Some(false) => Vec::new(),
            _ if self.sizes.are_equal() => {
                let size = self.sizes.next();
                equal_pieces(kept - kept % size, size)
            }
            _ => kept_pieces(kept),
        };
        if let Some((_, last)) = pieces.last() {
            self.length = last + 1;
            self.sizes.skip(pieces.len() as u64, self.length);
            if self.sizes.left() == 0 {
                return Err(self.too_large());
            }
            self.multipart().copy(object.clone(), pieces).await?;
            // Nothing of the client's is sent before it is known whether the store can do so.
            if copies.is_none()
                && let Err(error) = self.multipart().await_all().await
            {
                if self.bucket.store.copies_parts() != Some(false) {
                    return Err(error);
                }
                drop(self.multipart.take());
                self.sizes = sizes_of_parts(&self.bucket);
                self.length = 0;
            }
        }
        // Bytes that are no whole part are sent again.
        if self.length < kept {
            let rest = download::section(&self.bucket, &self.path, &object, (self.length, kept));
            self.send_all(rest).await?;
        }
        Ok(())
    }

    pub(crate) fn too_large(&self) -> Error {
        let text = match self.sizes.are_equal() {
            _ if self.bucket.tuning.max_parts < Tuning::MAX_PARTS => {
                "the file is too large for the `max_parts` of its size that the store takes; a larger `part_size` allows larger files"
            }
            true => {
                "the file is too large for the size of its parts; a larger `part_size` allows larger files"
            }
            false => {
                "the file is too large for the size of its parts; a larger `limits.buffer_memory` allows larger ones"
            }
        };
        Error::with_source(ErrorKind::QuotaExceeded, &self.path, text)
    }

    /// The headers of the object to be: those of the one that it extends, and its mark.
    pub(crate) fn headers_of_object(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        let name = HeaderName::try_from(format!("{}{}", self.bucket.traits().metadata, marks::NAME));
        if let (Some(mark), Ok(name)) = (self.mark, name)
            && let Ok(value) = HeaderValue::try_from(marks::format(mark))
        {
            headers.insert(name, value);
        }
        headers
    }

    async fn send_all(&mut self, mut bytes: ByteStream) -> Result<()> {
        while let Some(chunk) = bytes.next().await {
            self.write(chunk?).await?;
        }
        Ok(())
    }

    pub(crate) fn multipart(&mut self) -> &mut Multipart {
        let begun = match self.multipart.take() {
            Some(begun) => begun,
            None => Multipart::begin(&self.bucket, &self.path, &self.key, self.headers_of_object()),
        };
        self.multipart.insert(begun)
    }

    /// Starts to send the held bytes as a part, as soon as enough earlier parts are done.
    pub(crate) async fn send(&mut self) -> Result<()> {
        if self.sizes.left() == 0 {
            return Err(self.too_large());
        }
        let tuning = &self.bucket.tuning;
        // Parts that have grown go one by one rather than take several times the memory.
        let grown = (self.sizes.next() / tuning.part_size).max(1);
        let places = tuning.upload_concurrency / usize::try_from(grown).unwrap_or(usize::MAX);
        let is_tail = self.tail.is_some();
        let multipart = self.multipart();
        if is_tail {
            multipart.go_on_behind(HEAD);
        }
        while multipart.under_way() >= places.max(1) {
            multipart.await_one().await?;
        }
        // Not before: an upload whose line breaks while it waits keeps these bytes.
        let (part, share) = self.held.take(&self.path).await?;
        self.multipart().send(part, share).await
    }

    /// Starts to send a part that has its full size.
    async fn send_full(&mut self) -> Result<()> {
        if self.tail.is_some() && self.multipart.is_none() && !self.holds_head() {
            return self.hold_head().await;
        }
        self.send().await?;
        self.sizes.advance();
        Ok(())
    }

    /// Waits until the name is known to be free.
    pub(crate) async fn has_name(&mut self) -> Result<()> {
        match &mut self.name {
            Some(name) => name.passed().await,
            None => Ok(()),
        }
    }
}

/// How the uploads of a bucket are cut.
pub(crate) fn sizes_of_parts(bucket: &Bucket) -> PartSizes {
    let (most, size, largest) =
        (u64::from(bucket.tuning.max_parts), bucket.tuning.part_size, bucket.buffers.largest_part());
    let traits = bucket.traits();
    let sizes = match traits.equal_parts {
        true => PartSizes::equal(most, size),
        false => PartSizes::new(most, size, largest),
    };
    if traits.marks_uploads { sizes.marked() } else { sizes }
}

#[async_trait]
impl Upload for ObjectUpload {
    async fn intake(&mut self, _: Supply) -> Result<Intake> {
        // To make room can move what was received to a file, half-way, too.
        let intact = std::mem::replace(&mut self.intact, false);
        // If many wait for memory, smaller parts give each its turn sooner.
        if self.bucket.buffers.is_tight() && self.held.len() < Tuning::MIN_PART_SIZE {
            self.sizes.shrink();
        }
        let part_size = self.sizes.next();
        let room = self.held.reserve(&self.path, part_size).await?;
        self.intact = intact;
        Ok(Intake::Reserved(room))
    }

    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        let intact = std::mem::replace(&mut self.intact, false);
        // Failures of parts show here rather than after the whole file has been sent.
        if let Some(multipart) = &mut self.multipart {
            multipart.check()?;
        }
        if let Some(name) = &mut self.name {
            name.refusal()?;
        }
        while !bytes.is_empty() {
            // Content that fits into one part is sent in one request, so the first part waits for the byte after it.
            if self.held.len() >= self.sizes.next() {
                self.send_full().await?;
            }
            let part_size = self.sizes.next();
            let missing = usize::try_from(part_size.saturating_sub(self.held.len())).unwrap_or(usize::MAX);
            let some = bytes.split_to(bytes.len().min(missing));
            self.length += some.len() as u64;
            self.held.push(&self.path, some, part_size).await?;
            // Not where others wait for the memory.
            let sends = self.multipart.is_some() || self.bucket.buffers.is_tight();
            if sends && self.held.len() >= part_size {
                self.send_full().await?;
            }
        }
        self.intact = intact;
        Ok(())
    }

    fn mark(&mut self) -> Option<u128> {
        // What is under way keeps the one with which it began.
        if self.multipart.is_none() {
            self.draw_mark();
        }
        self.mark
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        // What extends a file keeps its headers, and what is sent in parts has marks.
        let is_new = self.headers.is_empty() && self.tail.is_none() && self.multipart.is_none();
        let mark = self.mark;
        let (e_tag, length) = self.store(Ok(())).await?;
        match is_new {
            true => bucket.known.stored_new(&path, length, e_tag.as_deref()),
            false => bucket.known.stored(&path, length, e_tag.as_deref()),
        }
        Ok(Metadata { mark, e_tag, ..Metadata::file(length, None) })
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        match self.multipart.take() {
            Some(multipart) => multipart.abort().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
