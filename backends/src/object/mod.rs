//! Files in a bucket: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
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

mod azure;
mod bucket;
mod build;
mod copy;
mod download;
mod google;
mod list;
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

pub use azure::AzureSettings;
pub use google::GcsSettings;
pub use s3::{CustomerKey, Profile, Role, S3Options, S3Settings};
pub use settings::{Authorities, ContentType, ObjectOptions, SettingsError, Tuning};
pub use wire::endpoint::is_exposed;
pub use wire::environment::ambient_files;

use self::bucket::Client;
use crate::{
    Body, ByteRange, Capabilities, CreateMode, EntryStream, Metadata, Result, Storage, StoragePath, Upload,
};

/// A bucket as a storage. Cloning it shares the connections.
#[derive(Clone)]
pub struct ObjectStorage {
    client: Arc<Client>,
}

impl ObjectStorage {
    /// A bucket of S3 or of a store that speaks its protocol. Nothing is contacted yet.
    ///
    /// # Errors
    /// A sentence for whoever wrote the settings.
    pub fn s3(settings: S3Settings) -> Result<Self, SettingsError> {
        build::s3(settings).map(Self::new)
    }

    /// A bucket of Google Cloud Storage. Nothing is contacted yet.
    ///
    /// # Errors
    /// A sentence for whoever wrote the settings.
    pub fn gcs(settings: GcsSettings) -> Result<Self, SettingsError> {
        build::gcs(settings).map(Self::new)
    }

    /// A container of Azure Blob Storage. Nothing is contacted yet.
    ///
    /// # Errors
    /// A sentence for whoever wrote the settings.
    pub fn azure(settings: AzureSettings) -> Result<Self, SettingsError> {
        build::azure(settings).map(Self::new)
    }

    fn new(client: Client) -> Self {
        Self { client: Arc::new(client) }
    }
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectStorage").field(&self.client).finish()
    }
}

#[async_trait]
impl Storage for ObjectStorage {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            implicit_directories: true,
            set_modified: true,
            // A listing of S3 has no metadata of the objects.
            lists_set_times: self.client.s3().is_none(),
            rename_directories: true,
        }
    }

    async fn check(&self) -> Result<()> {
        let root = StoragePath::root();
        let prefix = self.client.keys.directory(&root)?;
        self.client.holds_keys(&root, &prefix).await.map(drop)
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.client.stat(path).await
    }

    async fn enter(&self, path: &StoragePath) -> Result<()> {
        self.client.enter(path).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        list::list(&self.client, path).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        download::open(&self.client, path, range).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        Ok(Box::new(upload::create(&self.client, path, mode).await?))
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.client.remove_file(path).await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.client.create_directory(path).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.client.remove_directory(path).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        rename::rename(&self.client, from, to, replace).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        copy::times::set_modified(&self.client, path, modified).await
    }

    async fn sweep(&self) -> Result<u64> {
        upload::sweep::sweep(&self.client).await
    }
}
