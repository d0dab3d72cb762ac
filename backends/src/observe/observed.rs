//! A storage whose operations are told to an observer, and shown as spans.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use super::span::{self, Note, Piece, SpanKind};
use super::{Observers, Outcome};
use crate::threads::{DiskThreads, Operation};
use crate::{
    Beside, Body, ByteRange, Capabilities, CreateMode, DigestAlgorithm, EachFile, EntryStream, Intake,
    Metadata, Partials, Result, Storage, StoragePath, Supply, Upload,
};

/// A storage whose operations are observed. Bytes pass by: how long a transfer takes is the client's affair.
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Storage>,
    observers: Observers,
}

impl Observed {
    /// This storage, observed by these; the storage itself if nobody observes it.
    pub fn by(observers: &Observers, inner: Arc<dyn Storage>) -> Arc<dyn Storage> {
        match observers.0 {
            Some(_) => Arc::new(Self { inner, observers: observers.clone() }),
            None => inner,
        }
    }

    async fn watch<T>(
        &self,
        operation: Operation,
        path: &StoragePath,
        done: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        Watched::begin(&self.observers, operation, Some(path)).until(done).await
    }
}

/// An operation under way. If it is dropped before its end, nobody has waited for that.
struct Watched<'a> {
    observers: &'a Observers,
    operation: Operation,
    began: Instant,
    piece: Piece,
    outcome: Outcome,
}

impl<'a> Watched<'a> {
    fn begin(observers: &'a Observers, operation: Operation, path: Option<&StoragePath>) -> Self {
        let piece = span::begin(operation.as_str(), SpanKind::Inside);
        piece.tell(|span| {
            if let Some(backend) = observers.name() {
                span.note("wharf.backend", Note::Text(backend));
            }
            if let Some(path) = path {
                span.note("file.path", Note::Text(path.as_str()));
            }
        });
        Self { observers, operation, began: Instant::now(), piece, outcome: Outcome::Abandoned }
    }

    async fn until<T>(mut self, done: impl Future<Output = Result<T>>) -> Result<T> {
        let result = self.piece.within(done).await;
        self.outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(error) => {
                self.piece.tell(|span| {
                    span.note("error.type", Note::Text(error.kind().as_str()));
                    span.fail(&error.to_string());
                });
                Outcome::Failed(error.kind())
            }
        };
        result
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.observers.operation(self.operation, self.outcome, self.began.elapsed());
    }
}

#[async_trait]
impl Storage for Observed {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }

    async fn available(&self) -> Result<Option<u64>> {
        Watched::begin(&self.observers, Operation::Available, None).until(self.inner.available()).await
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.watch(Operation::Stat, path, self.inner.stat(path)).await
    }

    async fn enter(&self, path: &StoragePath) -> Result<()> {
        self.watch(Operation::Stat, path, self.inner.enter(path)).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.watch(Operation::List, path, self.inner.list(path)).await
    }

    async fn files_below(&self, directory: &StoragePath, each: EachFile<'_>) -> Result<()> {
        self.inner.files_below(directory, each).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        self.watch(Operation::Open, path, self.inner.open(path, range)).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let inner = self.watch(Operation::Begin, path, self.inner.create(path, mode)).await?;
        Ok(Box::new(ObservedUpload { inner, observers: self.observers.clone() }))
    }

    async fn put(&self, path: &StoragePath, content: Bytes) -> Result<()> {
        self.watch(Operation::Finish, path, self.inner.put(path, content)).await
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.watch(Operation::Remove, path, self.inner.remove_file(path)).await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.watch(Operation::MakeDirectory, path, self.inner.create_directory(path)).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.watch(Operation::Remove, path, self.inner.remove_directory(path)).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        self.watch(Operation::Rename, from, self.inner.rename(from, to, replace)).await
    }

    async fn may_move(&self, path: &StoragePath) -> Result<()> {
        self.inner.may_move(path).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.watch(Operation::SetAttributes, path, self.inner.set_modified(path, modified)).await
    }

    fn keeps_modes(&self) -> bool {
        self.inner.keeps_modes()
    }

    async fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.watch(Operation::SetAttributes, path, self.inner.set_mode(path, mode)).await
    }

    fn partials(&self) -> Option<&dyn Partials> {
        self.inner.partials()
    }

    fn disk(&self) -> Option<&DiskThreads> {
        self.inner.disk()
    }

    async fn is_there(&self) -> Result<()> {
        self.inner.is_there().await
    }

    async fn sweep(&self) -> Result<u64> {
        Watched::begin(&self.observers, Operation::Sweep, None).until(self.inner.sweep()).await
    }

    async fn digest(
        &self,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Vec<u8>> {
        self.watch(Operation::Digest, path, self.inner.digest(path, algorithm, range)).await
    }
}

/// An upload whose end is observed.
struct ObservedUpload {
    inner: Box<dyn Upload>,
    observers: Observers,
}

#[async_trait]
impl Upload for ObservedUpload {
    // The future of the upload itself, without one around it: this is called for each piece of a file.
    fn write<'a, 'b>(&'a mut self, bytes: Bytes) -> futures_util::future::BoxFuture<'b, Result<()>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.inner.write(bytes)
    }

    fn intake<'a, 'b>(&'a mut self, supply: Supply) -> futures_util::future::BoxFuture<'b, Result<Intake>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.inner.intake(supply)
    }

    fn mark(&mut self) -> Option<u128> {
        self.inner.mark()
    }

    async fn prepare(&mut self, beside: Option<Box<dyn Beside>>) -> Result<()> {
        self.inner.prepare(beside).await
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        Watched::begin(&self.observers, Operation::Finish, None).until(self.inner.finish()).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Watched::begin(&self.observers, Operation::Abort, None).until(self.inner.abort()).await
    }

    async fn leave(self: Box<Self>) -> Result<Option<u64>> {
        Watched::begin(&self.observers, Operation::Abort, None).until(self.inner.leave()).await
    }
}

#[cfg(test)]
#[path = "observed_tests.rs"]
mod tests;
