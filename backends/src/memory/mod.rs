//! Files in memory: for scratch space, demonstrations and tests.
//!
//! All sessions of a backend share one tree. The capacity counts everything that is held: the allocated chunks of
//! finished files and of uploads while they grow, content that a reader still holds after the file was removed, and a
//! fixed amount for each name, so that empty files can't exhaust the memory either.

mod content;
mod partial;
mod upload;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use futures_util::stream;

use self::content::{Budget, Charge, Content as FileContent};
use self::partial::Kept;
use self::upload::{Base, MemoryUpload};
use crate::tree::{Tree, TreeFile};
use crate::{
    Body, ByteRange, Capabilities, Content, CreateMode, Entry, EntryStream, Error, Metadata, Partials,
    Result, Storage, StoragePath, Upload,
};

/// How many entries of a listing are copied while the tree is locked.
const LIST_PAGE: usize = 1000;

/// A storage that ends with the process.
#[derive(Debug)]
pub struct MemoryStorage {
    shared: Arc<Shared>,
}

impl TreeFile for Arc<FileContent> {
    fn metadata(&self) -> Metadata {
        Metadata::file(self.len(), None).with_version(&self.edition())
    }
}

#[derive(Debug)]
struct Shared {
    tree: Mutex<Tree<Arc<FileContent>, Charge>>,
    /// Uploads that were broken off.
    kept: Mutex<Kept>,
    budget: Arc<Budget>,
}

impl Shared {
    /// A panic while the lock was held can't leave a half-changed tree: each change is one insertion or removal. So a
    /// poisoned lock is taken over.
    fn tree(&self) -> MutexGuard<'_, Tree<Arc<FileContent>, Charge>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryStorage {
    /// An empty storage that holds at most `capacity` bytes.
    pub fn new(capacity: u64) -> Self {
        let budget = Arc::new(Budget::new(capacity));
        Self { shared: Arc::new(Shared { tree: Mutex::default(), kept: Mutex::default(), budget }) }
    }

    /// Bytes in use, counted as for the capacity.
    pub fn used(&self) -> u64 {
        self.shared.budget.used()
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    fn capabilities(&self) -> Capabilities {
        Capabilities::DISK
    }

    async fn available(&self) -> Result<Option<u64>> {
        Ok(Some(self.shared.budget.available()))
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.shared.tree().stat(path)
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.shared.tree().enter(path)?;
        let shared = Arc::clone(&self.shared);
        let path = path.clone();
        // Page by page, so that a huge directory is never copied whole, and never locks out others for long.
        let pages = stream::try_unfold(Some(String::new()), move |after| {
            let page = after.map(|after| shared.tree().page(&path, &after, LIST_PAGE));
            async move {
                let Some(page) = page.transpose()? else { return Ok::<_, Error>(None) };
                let next =
                    (page.len() == LIST_PAGE).then(|| page.last().map(|entry| entry.name.clone())).flatten();
                Ok(Some((page, next)))
            }
        });
        Ok(Box::pin(flatten_pages(pages)))
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let (metadata, content) = {
            let tree = self.shared.tree();
            let (metadata, content) = tree.open(path)?;
            (metadata, Arc::clone(content))
        };
        let length = range.length_in(content.len(), path)?;
        let stream = Box::pin(content.stream(range.offset, length));
        Ok(Body { metadata, content: Content::Stream(stream) })
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let base = {
            let tree = self.shared.tree();
            let existing = tree.may_store(path)?;
            mode.allows(existing.map(|old| old.len()), path)?;
            match (mode, existing) {
                (CreateMode::New, _) => Base::Nothing,
                (CreateMode::Resume(length @ 1..), Some(old)) => {
                    Base::Beginning { of: Arc::clone(old), edition: old.edition(), length }
                }
                (CreateMode::Replace | CreateMode::Resume(_), _) => Base::Anything,
                (CreateMode::Append, _) => Base::End,
            }
        };
        Ok(Box::new(MemoryUpload::new(Arc::clone(&self.shared), path.clone(), base)))
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.shared.tree().remove_file(path)
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        let charge = self.shared.budget.charge_name(path)?;
        self.shared.tree().create_directory(path, charge)
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.shared.tree().remove_directory(path)
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        self.shared.tree().rename(from, to, replace)
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.shared.tree().set_modified(path, modified)
    }

    fn partials(&self) -> Option<&dyn Partials> {
        Some(self)
    }

    async fn sweep(&self) -> Result<u64> {
        Ok(self.shared.sweep_kept())
    }
}

fn flatten_pages(
    pages: impl futures_core::Stream<Item = Result<Vec<Entry>>>,
) -> impl futures_core::Stream<Item = Result<Entry>> {
    use futures_util::{StreamExt, TryStreamExt};
    pages.map_ok(|page| stream::iter(page).map(Ok)).try_flatten()
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
