//! A store that fails as stores do, for tests.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;
use wharf_backends::memory::MemoryStorage;
use wharf_backends::{
    Body, ByteRange, Capabilities, CreateMode, EntryStream, Error, ErrorKind, Metadata, Result, Storage,
    StoragePath, Upload,
};

use super::SUFFIX;

/// Almost as long as a request may take.
const SLOWLY: Duration = Duration::from_secs(14);

/// The way of one server to the store.
#[derive(Debug)]
pub(super) struct Faulty {
    pub(super) inner: Arc<MemoryStorage>,
    /// Nothing arrives.
    pub(super) is_down: AtomicBool,
    /// So many of the next segments are stored, and the answers are lost.
    pub(super) lost_answers: AtomicUsize,
    /// The next segment is stored when this says so.
    pub(super) holds: Mutex<Option<Arc<Notify>>>,
    pub(super) no_lists: AtomicBool,
    pub(super) no_removals: AtomicBool,
    /// No segment can be written.
    pub(super) no_segments: AtomicBool,
    /// To read or to remove a segment takes long.
    pub(super) is_slow: AtomicBool,
    pub(super) segments: AtomicUsize,
    pub(super) removals: AtomicUsize,
    /// Of segments.
    pub(super) reads: AtomicUsize,
}

impl Faulty {
    pub(super) fn new(inner: &Arc<MemoryStorage>) -> Arc<Self> {
        let no = || AtomicBool::new(false);
        let none = || AtomicUsize::new(0);
        Arc::new(Self {
            inner: Arc::clone(inner),
            is_down: no(),
            lost_answers: none(),
            holds: Mutex::new(None),
            no_lists: no(),
            no_removals: no(),
            no_segments: no(),
            is_slow: no(),
            segments: none(),
            removals: none(),
            reads: none(),
        })
    }

    async fn slowly(&self, path: &StoragePath) {
        if self.is_slow.load(Ordering::Relaxed) && path.as_str().ends_with(SUFFIX) {
            tokio::time::sleep(SLOWLY).await;
        }
    }

    fn reach(&self, path: &StoragePath) -> Result<()> {
        match self.is_down.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Unavailable, path)),
            false => Ok(()),
        }
    }
}

struct FaultyUpload {
    pub(super) inner: Box<dyn Upload>,
    of: Arc<Faulty>,
    path: StoragePath,
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { inner, of, path } = *self;
        if !path.as_str().ends_with(SUFFIX) {
            return inner.finish().await;
        }
        of.segments.fetch_add(1, Ordering::Relaxed);
        let held = of.holds.lock().unwrap().take();
        if let Some(held) = held {
            held.notified().await;
        }
        of.reach(&path)?;
        if of.no_segments.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, &path));
        }
        let metadata = inner.finish().await?;
        let is_lost =
            of.lost_answers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match is_lost {
            Ok(_) => Err(Error::new(ErrorKind::Unavailable, &path)),
            Err(_) => Ok(metadata),
        }
    }
}

/// What a spool is given.
#[derive(Debug)]
pub(super) struct Way(pub(super) Arc<Faulty>);

#[async_trait]
impl Storage for Way {
    fn capabilities(&self) -> Capabilities {
        self.0.inner.capabilities()
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.0.reach(path)?;
        self.0.inner.stat(path).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.0.reach(path)?;
        match self.0.no_lists.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Unavailable, path)),
            false => self.0.inner.list(path).await,
        }
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        self.0.reach(path)?;
        self.0.reads.fetch_add(usize::from(path.as_str().ends_with(SUFFIX)), Ordering::Relaxed);
        self.0.slowly(path).await;
        self.0.inner.open(path, range).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        self.0.reach(path)?;
        let inner = self.0.inner.create(path, mode).await?;
        Ok(Box::new(FaultyUpload { inner, of: Arc::clone(&self.0), path: path.clone() }))
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.0.reach(path)?;
        self.0.slowly(path).await;
        if self.0.no_removals.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, path));
        }
        if path.as_str().ends_with(SUFFIX) {
            self.0.removals.fetch_add(1, Ordering::Relaxed);
        }
        self.0.inner.remove_file(path).await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.0.reach(path)?;
        self.0.inner.create_directory(path).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.0.reach(path)?;
        self.0.inner.remove_directory(path).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        self.0.inner.rename(from, to, replace).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.0.inner.set_modified(path, modified).await
    }
}
