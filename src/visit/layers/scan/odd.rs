//! Storages that are not like others, for tests.

use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use wharf_backends::memory::MemoryStorage;
use wharf_backends::{
    Body, ByteRange, Capabilities, CreateMode, EntryStream, Error, ErrorKind, Intake, Metadata, Result,
    Storage, StoragePath, Supply, Upload,
};

/// How a storage is not like others.
#[derive(Debug)]
pub(super) enum Way {
    /// What it does not have comes when somebody has looked for it.
    ComesBehindLooks(&'static [u8]),
    /// Others go on behind each look, before whoever looked hears of it.
    PausesBehindLooks,
    /// It renames when there is a permit.
    RenamesWhenTold(Semaphore),
    /// Its uploads have room for this many bytes at once, and end if they get more.
    Narrow(usize),
}

#[derive(Debug)]
pub(super) struct Odd {
    pub(super) way: Way,
    memory: MemoryStorage,
    /// How often something was to be renamed.
    pub(super) renames: watch::Sender<usize>,
}

impl Odd {
    pub(super) fn new(way: Way) -> Self {
        Self { way, memory: MemoryStorage::new(64 << 20), renames: watch::Sender::new(0) }
    }
}

#[async_trait]
impl Storage for Odd {
    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        let found = self.memory.stat(path).await;
        match &self.way {
            Way::ComesBehindLooks(content) if found.is_err() => {
                let mut upload = self.memory.create(path, CreateMode::New).await?;
                upload.write(Bytes::from_static(content)).await?;
                upload.finish().await?;
            }
            Way::PausesBehindLooks => tokio::task::yield_now().await,
            _ => {}
        }
        found
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.memory.list(path).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        self.memory.open(path, range).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let upload = self.memory.create(path, mode).await?;
        Ok(match self.way {
            Way::Narrow(room) => Box::new(Narrow { upload, room, path: path.clone() }),
            _ => upload,
        })
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.memory.remove_file(path).await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.memory.create_directory(path).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.memory.remove_directory(path).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        self.renames.send_modify(|renames| *renames += 1);
        if let Way::RenamesWhenTold(told) = &self.way {
            told.acquire().await.unwrap().forget();
        }
        self.memory.rename(from, to, replace).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.memory.set_modified(path, modified).await
    }
}

struct Narrow {
    upload: Box<dyn Upload>,
    room: usize,
    path: StoragePath,
}

#[async_trait]
impl Upload for Narrow {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.len() > self.room {
            return Err(Error::with_source(
                ErrorKind::Other,
                &self.path,
                "there is no room for so many bytes",
            ));
        }
        self.upload.write(bytes).await
    }

    async fn intake(&mut self, _: Supply) -> Result<Intake> {
        Ok(Intake::Reserved(self.room))
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        self.upload.finish().await
    }
}
