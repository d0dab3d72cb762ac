//! Files in a bucket: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! # The folders
//! Each may import those below it and no other:
//!
//! | folder | holds | imports |
//! |---|---|---|
//! | this file | the storage; the one place that opens a cloud | all of them |
//! | `rename/` | renames of files and directories | `copy/`, `list/`, `bucket/` |
//! | `copy/` | copies of any size; the time of a file, which may take a copy | `upload/`, `download/`, `bucket/` |
//! | `upload/` | writing, resuming and appending; how an upload ends | `download/`, `bucket/` |
//! | `download/` | reading, and reading ahead | `bucket/` |
//! | `list/` | the entries of a directory; all keys below one | `bucket/` |
//! | `bucket/` | a bucket with its keys, what was seen there lately, and what a path names | `store/` |
//! | `s3/`, `google/`, `azure/` | a cloud each: its settings, requests, documents, signatures | `wire/`, `store/` |
//! | `wire/` | how requests go out: connections, retries, XML, endpoints | `store/` |
//! | `store/` | the seam: what every cloud does, where they differ, what an object and a failure are | `settings/` |
//! | `settings/` | what an operator says of any bucket | |
//!
//! `settings/` may be imported by all. An operation never asks which cloud it works on: it calls `Store`, and asks its `Traits`.
//!
//! # Objects and files
//! A file is an object whose key is the backend's prefix and the path. A directory is whatever keys have in
//! common; one that was made on purpose has a marker, so that it is there while it is empty:
//!
//! | cloud | marker of `dir` |
//! |---|---|
//! | S3, Google | an empty object with the key `dir/` |
//! | Azure | an empty blob `dir` with the metadata `hdi_isfolder=true` |
//!
//! An empty object `dir` beside keys `dir/…` is taken for a marker too.
//!
//! What a store can't do as a disk does:
//! - A directory without a marker vanishes with its last file.
//! - A rename copies and then removes. On S3 a file that appears under the target's name during a rename that
//!   may not replace is replaced, and so is one that appears while the last request of a large upload is
//!   under way.
//! - Whether a name is a directory's, or below a file's, is asked beside an upload. Where that is left out, or somebody
//!   else was faster, a name can become both: the file is listed, and what is below the directory is still there.
//! - Resuming and appending copy what is kept inside the store on S3; elsewhere they read it and write it again.
//! - The time of a file is when it was stored. Another one can be set, as metadata: on S3 by a copy of the object onto
//!   itself, and there listings don't show it.

mod ambient;
mod azure;
mod bucket;
mod copy;
mod download;
mod google;
mod list;
mod partial;
#[cfg(test)]
mod played;
mod rename;
mod s3;
mod settings;
mod store;
mod upload;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

pub use ambient::ambient_files;
pub use azure::AzureSettings;
pub use google::GcsSettings;
pub use s3::{CustomerKey, Profile, Role, S3Options, S3Settings};
pub use settings::{Authorities, ContentType, ObjectOptions, SettingsError, Tuning};
pub use wire::endpoint::{EndpointError, can_be_a_name, is_exposed, parse_endpoint};

use self::bucket::Bucket;
use self::store::{Opened, Sweep};
use crate::{
    Body, ByteRange, Capabilities, CreateMode, EachFile, EntryStream, ErrorKind, Metadata, Partials, Result,
    Storage, StoragePath, Upload,
};

/// A bucket as a storage. Cloning it shares the connections.
#[derive(Clone)]
pub struct ObjectStorage {
    bucket: Arc<Bucket>,
}

impl ObjectStorage {
    /// A bucket of S3 or of a store that speaks its protocol. Nothing is contacted yet.
    ///
    /// # Errors
    /// A sentence for the author of the settings.
    pub fn s3(settings: S3Settings) -> Result<Self, SettingsError> {
        s3::open(settings).and_then(Self::new)
    }

    /// A bucket of Google Cloud Storage. Nothing is contacted yet.
    ///
    /// # Errors
    /// A sentence for the author of the settings.
    pub fn gcs(settings: GcsSettings) -> Result<Self, SettingsError> {
        google::open(settings).and_then(Self::new)
    }

    /// A container of Azure Blob Storage. Nothing is contacted yet.
    ///
    /// # Errors
    /// A sentence for the author of the settings.
    pub fn azure(settings: AzureSettings) -> Result<Self, SettingsError> {
        azure::open(settings).and_then(Self::new)
    }

    fn new(opened: Opened) -> Result<Self, SettingsError> {
        Ok(Self { bucket: Arc::new(Bucket::new(opened)?) })
    }
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectStorage").field(&self.bucket).finish()
    }
}

#[async_trait]
impl Storage for ObjectStorage {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            remote: true,
            implicit_directories: true,
            set_modified: true,
            lists_set_times: self.bucket.traits().lists_times,
            rename_directories: true,
        }
    }

    async fn check(&self) -> Result<()> {
        let root = StoragePath::root();
        let prefix = self.bucket.keys.directory(&root)?;
        self.bucket.holds_keys(&root, &prefix).await.map(drop)
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.bucket.stat(path).await
    }

    async fn enter(&self, path: &StoragePath) -> Result<()> {
        self.bucket.enter(path).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        list::list(&self.bucket, path).await
    }

    async fn files_below(&self, directory: &StoragePath, each: EachFile<'_>) -> Result<()> {
        list::flat::files(&self.bucket, directory, each).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        download::open(&self.bucket, path, range).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        Ok(Box::new(upload::create(&self.bucket, path, mode).await?))
    }

    async fn put(&self, path: &StoragePath, content: Bytes) -> Result<()> {
        upload::put(&self.bucket, path, content).await
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.bucket.remove_file(path).await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.bucket.create_directory(path).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.bucket.remove_directory(path).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        rename::rename(&self.bucket, from, to, replace).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        copy::times::set_modified(&self.bucket, path, modified).await
    }

    fn partials(&self) -> Option<&dyn Partials> {
        Some(self)
    }

    async fn sweep(&self) -> Result<u64> {
        let swept = match partial::sweep(&self.bucket).await {
            // The documents of uploads may be there all the same.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::warn!(bucket = self.bucket.name, %error, "can't look for uploads that are kept");
                partial::Swept { is_incomplete: true, ..partial::Swept::default() }
            }
            swept => swept?,
        };
        let abandoned_after = self.bucket.tuning.abandoned_after;
        let sweep = Sweep {
            kept: &swept.kept,
            name: &self.bucket.name,
            root: self.bucket.keys.root(),
            abandoned_after: match swept.is_incomplete {
                true => abandoned_after.max(partial::LONGEST),
                false => abandoned_after,
            },
            is_under_way: upload::multipart::is_under_way,
        };
        Ok(swept.removed + self.bucket.store.sweep(&sweep).await?)
    }
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
