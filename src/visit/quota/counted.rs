//! A storage whose changes are counted, and kept within the quota of whoever makes them.
//!
//! The plan. Each change of a path waits for its turn, looks at what is there (unless that is known), has the looks that are
//! under way know of it, is made, and is counted in every place that the path lies in. What fails leaves the counts as they were. Where
//! nobody knows what became of it (the store gave no answer, or the task is gone), the places are looked at anew.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_backends::{
    Beside, CreateMode, Error, ErrorKind, Intake, Metadata, Result, Storage, StoragePath, Supply, Upload,
};

use super::books::Books;
use super::change::{Change, Move, is_of_nothing, look, size_behind};
use super::ledger::Ledger;
use super::origin::Origin;
use super::{Hold, QuotaState, Usage};
use crate::config::Quota;
use crate::visit::changes;

/// A quota, and the place that it is for.
#[derive(Debug, Clone)]
pub(in crate::visit) struct Limit {
    pub(in crate::visit) ledger: Arc<Ledger>,
    pub(in crate::visit) quota: Quota,
}

/// A storage as somebody changes it who may have a quota.
#[derive(Debug, Clone)]
pub(in crate::visit) struct Counted {
    pub(super) storage: Arc<dyn Storage>,
    origin: Origin,
    /// The places of the backend; `None`: there are none, and never will be.
    books: Option<Arc<Books>>,
    pub(super) limit: Option<Limit>,
}

/// What is known of an upload before it begins.
#[derive(Debug)]
pub(in crate::visit) struct Incoming {
    origin: Origin,
    books: Arc<Books>,
    path: StoragePath,
    /// What was there, and the state of the path then.
    old: Option<(Option<Metadata>, u64)>,
    hold: Option<Hold>,
}

impl Counted {
    /// Nothing is counted there.
    pub(in crate::visit) fn free(storage: &Arc<dyn Storage>) -> Self {
        let origin = Origin { storage: Arc::clone(storage), location: None };
        Self { storage: Arc::clone(storage), origin, books: None, limit: None }
    }

    pub(in crate::visit) fn new(origin: Origin, books: Arc<Books>, limit: Option<Limit>) -> Self {
        Self { storage: Arc::clone(&origin.storage), origin, books: Some(books), limit }
    }

    /// The places that anything changes in, unless there are none. A session whose backend was replaced changes none.
    pub(super) fn books(&self) -> Option<&Arc<Books>> {
        self.books.as_ref().filter(|books| !books.is_empty() && books.are_of(&self.origin))
    }

    /// The name of the backend; empty where nobody knows it.
    pub(in crate::visit) fn backend(&self) -> &str {
        self.books.as_ref().map_or("", |books| &*books.backend)
    }

    /// Waits for the first count of a place, which is now the next to be counted.
    pub(super) async fn wait(&self, ledger: &Arc<Ledger>) {
        if let Some(books) = self.books.as_ref().filter(|_| !ledger.is_known()) {
            books.hurry(ledger);
        }
        ledger.wait().await;
    }

    /// An upload is about to begin, of which a client has announced so many bytes, or 0; `None` if nobody counts it.
    ///
    /// # Errors
    /// [`ErrorKind::QuotaExceeded`] if it is known by now that it passes the quota; those of a look at what is there.
    pub(in crate::visit) async fn expect(
        &self,
        path: &StoragePath,
        mode: CreateMode,
        announced: u64,
    ) -> Result<Option<Incoming>> {
        let Some(books) = self.books() else { return Ok(None) };
        if books.around(path).is_empty() {
            return Ok(None);
        }
        let (mut old, mut hold) = (None, None);
        if let Some(Limit { ledger, quota }) = &self.limit {
            self.wait(ledger).await;
            let stamp = changes::stamp(&self.storage, path);
            let found = look(&*self.storage, path).await?;
            // What a link leads to is what an upload by that name replaces.
            let size = size_behind(found.as_ref());
            old = Some((found, stamp));
            hold = Some(Hold::new(Arc::clone(ledger), *quota, (mode, size), announced, path)?);
        }
        let (origin, books) = (self.origin.clone(), Arc::clone(books));
        Ok(Some(Incoming { origin, books, path: path.clone(), old, hold }))
    }

    /// What is used of the quota, if there is one. It waits for the first count, for a while.
    pub(in crate::visit) async fn state(&self, at: &StoragePath) -> Option<QuotaState> {
        let Limit { ledger, quota } = self.limit.as_ref()?;
        self.wait(ledger).await;
        let (used, is_counted) = ledger.used();
        Some(QuotaState { at: at.clone(), quota: *quota, used, is_counted })
    }

    /// A whole directory gets another name.
    pub(super) async fn rename_directory(
        &self,
        books: &Arc<Books>,
        from: &StoragePath,
        to: &StoragePath,
        replace: bool,
    ) -> Result<()> {
        let (sources, targets) = (books.around(from), books.around(to));
        let others = |these: &[Arc<Ledger>], those: &[Arc<Ledger>]| -> Vec<_> {
            let is_in = |ledger: &Arc<Ledger>| those.iter().any(|other| Arc::ptr_eq(other, ledger));
            these.iter().filter(|ledger| !is_in(ledger)).cloned().collect()
        };
        let (left, entered) = (others(&sources, &targets), others(&targets, &sources));
        let mut moved = Usage::default();
        if !left.is_empty() || !entered.is_empty() {
            let each = &mut |_: &StoragePath, size| moved = moved.plus(Usage::of(Some(size)));
            self.storage.files_below(from, each).await?;
        }
        let _held = match &self.limit {
            Some(Limit { ledger, quota }) if entered.iter().any(|other| Arc::ptr_eq(other, ledger)) => {
                self.wait(ledger).await;
                Some(Moved::new(ledger, *quota, moved, to)?)
            }
            _ => None,
        };
        // Places inside are left behind, or found by what comes.
        let inside = [books.below(from), books.below(to)].concat();
        let mut moving = Move::begin([&*sources, &targets, &inside].concat());
        let renamed = self.storage.rename(from, to, replace).await;
        changes::note_all();
        let is_in = |ledger: &Arc<Ledger>, these: &[Arc<Ledger>]| {
            these.iter().any(|other| Arc::ptr_eq(other, ledger))
        };
        let nothing = Usage::default();
        match &renamed {
            // What was in it may have changed since it was counted.
            Ok(()) => moving.ends(|ledger| {
                if is_in(ledger, &entered) {
                    (nothing, moved, false)
                } else if is_in(ledger, &left) {
                    (moved, nothing, false)
                } else {
                    (nothing, nothing, !is_in(ledger, &inside))
                }
            }),
            Err(error) if self.is_of_no_move(error) => moving.ends(|_| (nothing, nothing, true)),
            Err(error) => {
                // A bucket may have copied some of it, which counts at once: until the places are looked at, there may be more.
                let mut came = Usage::default();
                if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Other) {
                    let each = &mut |_: &StoragePath, size| came = came.plus(Usage::of(Some(size)));
                    if let Err(cause) = self.storage.files_below(to, each).await {
                        tracing::debug!(%cause, "can't count what a move has left behind");
                    }
                }
                moving.ends(|ledger| (nothing, if is_in(ledger, &targets) { came } else { nothing }, false));
            }
        }
        renamed
    }

    /// Whether a failure proves that nothing of a directory was moved. In a bucket one of its files may be missing.
    fn is_of_no_move(&self, error: &Error) -> bool {
        let is_missing = error.kind() == ErrorKind::NotFound;
        is_of_nothing(error.kind()) && !(is_missing && self.storage.capabilities().remote)
    }
}

/// What a move holds of a quota while it is under way.
pub(super) struct Moved<'a> {
    ledger: &'a Ledger,
    usage: Usage,
}

impl<'a> Moved<'a> {
    pub(super) fn new(ledger: &'a Ledger, quota: Quota, usage: Usage, path: &StoragePath) -> Result<Self> {
        ledger.hold(quota, usage, path)?;
        Ok(Self { ledger, usage })
    }
}

impl Drop for Moved<'_> {
    fn drop(&mut self) {
        self.ledger.release(self.usage);
    }
}

impl Incoming {
    /// What whoever stores bytes takes them from, if there is a quota.
    pub(in crate::visit) fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    /// The same upload, counted when it is finished. What is written by others than the upload's [`write`](Upload::write) is taken from the
    /// hold by them.
    pub(in crate::visit) fn follow(self, upload: Box<dyn Upload>) -> Box<dyn Upload> {
        Box::new(CountedUpload { upload, incoming: self, takes: false })
    }

    /// What is there now, at the turn of this upload.
    async fn now(&mut self) -> Result<Option<Metadata>> {
        match self.old.take() {
            // Each look at a bucket is a request.
            Some((old, stamp))
                if self.origin.storage.capabilities().remote
                    && changes::stamp(&self.origin.storage, &self.path) == stamp =>
            {
                Ok(old)
            }
            _ => look(&*self.origin.storage, &self.path).await,
        }
    }

    async fn finish(mut self, upload: Box<dyn Upload>) -> Result<Metadata> {
        let books = Arc::clone(&self.books);
        let _turn = books.turn(&self.path).await;
        let fits = async {
            let old = self.now().await?;
            let file = size_behind(old.as_ref());
            if let Some(hold) = &self.hold {
                hold.replaces(file, &self.path)?;
            }
            Ok::<_, Error>(file)
        };
        let old = match fits.await {
            Ok(old) => old,
            Err(refusal) => {
                if let Err(cause) = upload.abort().await {
                    let (path, cause) = (self.path.as_str(), cause.to_string());
                    tracing::warn!(path, cause, "can't clean up after an upload that was refused");
                }
                return Err(refusal);
            }
        };
        // The backend may have been replaced meanwhile.
        let ledgers = if books.are_of(&self.origin) { books.around(&self.path) } else { Vec::new() };
        let mut change = Change::begin(ledgers, &self.path, old);
        let finished = upload.finish().await;
        let storage = &self.origin.storage;
        changes::note(storage, &self.path);
        match &finished {
            Ok(now) => change.ends(Some(now.size), |ledger| {
                let held = self.hold.as_ref().filter(|hold| hold.is_of(ledger));
                held.map(Hold::hand_over).unwrap_or_default()
            }),
            // A part of what was to be added may be there.
            Err(error) => change.fails(error, &**storage, &self.path, size_behind).await,
        }
        finished
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(hold) = &self.hold {
            hold.end();
        }
    }
}

/// An upload that is counted.
pub(super) struct CountedUpload {
    pub(super) upload: Box<dyn Upload>,
    pub(super) incoming: Incoming,
    /// It takes what is written from the hold: nobody else does.
    pub(super) takes: bool,
}

#[async_trait]
impl Upload for CountedUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if let Some(hold) = self.incoming.hold().filter(|_| self.takes) {
            hold.take(bytes.len(), &self.incoming.path)?;
        }
        self.upload.write(bytes).await
    }

    async fn intake(&mut self, supply: Supply) -> Result<Intake> {
        let supply = if self.takes { Supply::Bytes } else { supply };
        self.upload.intake(supply).await
    }

    fn mark(&mut self) -> Option<u128> {
        self.upload.mark()
    }

    async fn prepare(&mut self, beside: Option<Box<dyn Beside>>) -> Result<()> {
        self.upload.prepare(beside).await
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        self.incoming.finish(self.upload).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.upload.abort().await
    }

    async fn leave(self: Box<Self>) -> Result<Option<u64>> {
        self.upload.leave().await
    }
}

#[cfg(test)]
#[path = "counted_tests.rs"]
mod tests;
