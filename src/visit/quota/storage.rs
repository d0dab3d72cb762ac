//! [`Counted`] as a storage.

use std::time::SystemTime;

use async_trait::async_trait;
use wharf_backends::threads::DiskThreads;
use wharf_backends::{
    Body, ByteRange, Capabilities, CreateMode, DigestAlgorithm, EachFile, EntryStream, Metadata, Partials,
    Result, Storage, StoragePath, Upload,
};

use super::Usage;
use super::change::{Change, look, may_be_one, size_of};
use super::counted::{Counted, CountedUpload, Moved};
use crate::visit::changes;

#[async_trait]
impl Storage for Counted {
    fn capabilities(&self) -> Capabilities {
        self.storage.capabilities()
    }

    async fn check(&self) -> Result<()> {
        self.storage.check().await
    }

    async fn available(&self) -> Result<Option<u64>> {
        self.storage.available().await
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.storage.stat(path).await
    }

    async fn enter(&self, path: &StoragePath) -> Result<()> {
        self.storage.enter(path).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.storage.list(path).await
    }

    async fn files_below(&self, directory: &StoragePath, each: EachFile<'_>) -> Result<()> {
        self.storage.files_below(directory, each).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        self.storage.open(path, range).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let Some(incoming) = self.expect(path, mode, 0).await? else {
            return self.storage.create(path, mode).await;
        };
        let upload = self.storage.create(path, mode).await?;
        Ok(Box::new(CountedUpload { upload, incoming, takes: true }))
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        let ledgers = self.books().map(|books| books.around(path)).unwrap_or_default();
        let Some(books) = self.books().filter(|_| !ledgers.is_empty()) else {
            return self.storage.remove_file(path).await;
        };
        let _turn = books.turn(path).await;
        let found = look(&*self.storage, path).await?;
        let mut change = Change::begin(ledgers, path, size_of(found.as_ref()));
        let removed = self.storage.remove_file(path).await;
        changes::note(&self.storage, path);
        match &removed {
            Ok(()) => change.ends(None, |_| Usage::default()),
            Err(error) => change.fails(error, &*self.storage, path, size_of).await,
        }
        removed
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.storage.create_directory(path).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.storage.remove_directory(path).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        let Some(books) = self.books().filter(|_| from != to) else {
            return self.storage.rename(from, to, replace).await;
        };
        let (sources, targets) = (books.around(from), books.around(to));
        let is_outside = sources.is_empty() && targets.is_empty();
        if is_outside && books.below(from).is_empty() && books.below(to).is_empty() {
            return self.storage.rename(from, to, replace).await;
        }
        // Whoever wants both waits for them in one order.
        let (first, second) = if from.as_str() < to.as_str() { (from, to) } else { (to, from) };
        let _turns = (books.turn(first).await, books.turn(second).await);
        let source = look(&*self.storage, from).await?;
        if source.as_ref().is_some_and(|source| source.is_directory() && !source.is_link) {
            return self.rename_directory(books, from, to, replace).await;
        }
        let target = look(&*self.storage, to).await?;
        let (moved, replaced) = (size_of(source.as_ref()), size_of(target.as_ref()));
        let _held = match &self.limit {
            Some(limit) if !sources.iter().any(|ledger| std::sync::Arc::ptr_eq(ledger, &limit.ledger)) => {
                self.wait(&limit.ledger).await;
                let more = Usage::of(moved).minus(Usage::of(replaced));
                Some(Moved::new(&limit.ledger, limit.quota, more, to)?)
            }
            _ => None,
        };
        let is_doubtful = may_be_one((from, source.as_ref()), (to, target.as_ref()));
        let mut goes = Change::begin(sources, from, moved);
        let mut comes = Change::begin(targets, to, replaced);
        let renamed = self.storage.rename(from, to, replace).await;
        changes::note(&self.storage, from);
        changes::note(&self.storage, to);
        match &renamed {
            // Both are the names of one file, of which nothing was removed: that is not counted, but looked at.
            Ok(()) if is_doubtful && !matches!(look(&*self.storage, from).await, Ok(None)) => {}
            // What comes first: there is never less than there is.
            Ok(()) => {
                comes.ends(moved, |_| Usage::default());
                goes.ends(None, |_| Usage::default());
            }
            // A copy may be there, and what was copied, too.
            Err(error) => {
                comes.fails(error, &*self.storage, to, size_of).await;
                goes.fails(error, &*self.storage, from, size_of).await;
            }
        }
        renamed
    }

    async fn may_move(&self, path: &StoragePath) -> Result<()> {
        self.storage.may_move(path).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.storage.set_modified(path, modified).await
    }

    fn keeps_modes(&self) -> bool {
        self.storage.keeps_modes()
    }

    async fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.storage.set_mode(path, mode).await
    }

    fn partials(&self) -> Option<&dyn Partials> {
        self.storage.partials()
    }

    fn disk(&self) -> Option<&DiskThreads> {
        self.storage.disk()
    }

    async fn is_there(&self) -> Result<()> {
        self.storage.is_there().await
    }

    async fn sweep(&self) -> Result<u64> {
        self.storage.sweep().await
    }

    async fn digest(
        &self,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Vec<u8>> {
        self.storage.digest(path, algorithm, range).await
    }
}
