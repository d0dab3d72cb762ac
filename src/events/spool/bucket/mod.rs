//! The spool below a path of a storage, for servers without a disk.
//!
//! The plan. Each run of a server has a folder of its own there, and nothing in it is ever changed: each batch of records is an object
//! (`writer`). Beside the folders stands an object for each, which its owner writes anew all the time (`keeper`). Whoever finds that
//! an owner does so no more copies what is needed from its folder into the own one, and removes it (`adopt`). A server that starts does
//! the same at once with the folders that earlier runs of its node left, and before that no change is accepted. So there is one way for a
//! restart and for pods that never come back, and what a server that is long gone has sent may arrive whenever it likes: it meets nobody
//! else's names. `docs/decisions/events.md` says why.
//!
//! Where things are, below the path: `NODE.RUN/NUMBER.events`, `owners/NODE.RUN`, and while a folder is being copied
//! `owners/NODE.RUN.claim`.

mod adopt;
mod answers;
mod carry;
mod heard;
mod keeper;
mod kept;
mod queue;
mod tidy;
mod writer;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wharf_backends::{ByteRange, CreateMode, Entry, Error, ErrorKind, Result, Storage, StoragePath};

use self::keeper::Keeper;
use self::writer::{Command, Writer};
use super::Pages;
use super::shared::Shared;
use super::state::At;
use super::writer::Order;
use crate::events::id::Id;

/// How the name of a segment ends.
const SUFFIX: &str = ".events";
/// The folder of what owners write.
const OWNERS: &str = "owners";
/// How the name of a claim ends.
const CLAIM: &str = ".claim";
/// The digits of a run.
const RUN: usize = 16;
/// Longer than any segment: whoever may write there must not have this server read without end.
const LONGEST: u64 = 16 << 20;
/// For so long after the beginning of a renewal the folder is the owner's. What others wait for is longer by more than a request takes.
const LEASE: Duration = Duration::from_secs(45);
/// The longest time of one request, and of all there is to one object.
const PATIENCE: Duration = Duration::from_secs(15);

/// Finds the storage, as it is configured now.
pub(in crate::events) type FindPlace = Box<dyn Fn() -> Option<Arc<dyn Storage>> + Send + Sync>;

/// Is told of events of others that it is not known whether they happened. `true`: their server is certain to be gone.
pub(in crate::events) type Adopted = Box<dyn Fn(Vec<Id>, bool) + Send + Sync>;

/// The storage with all folders, and which of them is the own one.
pub(super) struct Bucket {
    find: std::sync::OnceLock<FindPlace>,
    root: StoragePath,
    node: String,
    /// The folder that each segment is in, by the first number from which on it is in this one.
    folders: Mutex<Vec<(u64, String)>>,
    /// Until when the folder is certain to be the own one.
    lease: Mutex<Option<Instant>>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("root", &self.root).field("node", &self.node).finish_non_exhaustive()
    }
}

/// A name that no other run has.
fn run_of(node: &str) -> String {
    let mut random = [0; RUN / 2];
    // Without random bytes of the system nothing else would work either; then the time alone distinguishes.
    if rand::fill(&mut random).is_err() {
        random = crate::events::model::micros(std::time::SystemTime::now()).to_be_bytes();
    }
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{node}.{digits}")
}

/// The node of a folder, if that is one.
fn node_of(folder: &str) -> Option<&str> {
    let (node, run) = folder.rsplit_once('.')?;
    (run.len() == RUN && run.bytes().all(|byte| byte.is_ascii_hexdigit()) && !node.is_empty()).then_some(node)
}

/// The number of a segment, if that is one.
fn number_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(SUFFIX).filter(|number| number.len() == 16)?, 16).ok()
}

/// Has an operation end in time. What it has sent may still arrive.
async fn patiently<T>(path: &StoragePath, operation: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, operation).await {
        Ok(result) => result,
        Err(_) => Err(Error::with_source(ErrorKind::Unavailable, path, "there was no answer in time")),
    }
}

impl Bucket {
    fn storage(&self) -> Result<Arc<dyn Storage>> {
        let found = self.find.get().and_then(|find| find());
        found.ok_or_else(|| {
            Error::with_source(ErrorKind::Unavailable, &self.root, "there is no such backend any more")
        })
    }

    fn folders(&self) -> std::sync::MutexGuard<'_, Vec<(u64, String)>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the own folder.
    fn own(&self) -> String {
        self.folders().last().map(|(_, folder)| folder.clone()).unwrap_or_default()
    }

    /// Whether a segment is in the own folder, and not in one that was the own one before.
    fn is_in_own(&self, segment: u64) -> bool {
        self.folders().last().is_some_and(|(first, _)| *first <= segment)
    }

    fn folder(&self, name: &str) -> Result<StoragePath> {
        Ok(self.root.child(name)?)
    }

    fn owners(&self) -> Result<StoragePath> {
        Ok(self.root.child(OWNERS)?)
    }

    fn owner(&self, folder: &str) -> Result<StoragePath> {
        Ok(self.owners()?.child(folder)?)
    }

    fn claim(&self, folder: &str) -> Result<StoragePath> {
        Ok(self.owners()?.child(&format!("{folder}{CLAIM}"))?)
    }

    fn segment_in(&self, folder: &str, number: u64) -> Result<StoragePath> {
        Ok(self.folder(folder)?.child(&format!("{number:016x}{SUFFIX}"))?)
    }

    /// Where a segment of this run stands.
    fn segment(&self, number: u64) -> Result<StoragePath> {
        let folder = {
            let folders = self.folders();
            folders.iter().rev().find(|(first, _)| *first <= number).map(|(_, folder)| folder.clone())
        };
        self.segment_in(&folder.unwrap_or_default(), number)
    }

    /// Whether what is written now is certain to be found by whoever adopts this folder, should that happen.
    fn is_mine(&self) -> bool {
        let until = *self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let is_mine = until.is_some_and(|until| Instant::now() < until);
        self.shared.set_lapsed(!is_mine);
        is_mine
    }

    fn renewed(&self, began: Instant) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(began + LEASE);
        self.shared.set_lapsed(false);
    }

    /// Writes an object whose name nobody else uses.
    async fn put(&self, path: &StoragePath, content: Bytes) -> Result<()> {
        patiently(path, async { self.storage()?.put(path, content).await }).await
    }

    /// Writes an object that must not be there.
    async fn put_new(&self, path: &StoragePath, content: Bytes) -> Result<()> {
        patiently(path, async {
            let mut upload = self.storage()?.create(path, CreateMode::New).await?;
            upload.write(content).await?;
            upload.finish().await.map(drop)
        })
        .await
    }

    async fn get(&self, path: &StoragePath, range: ByteRange) -> Result<Bytes> {
        patiently(path, async {
            let mut stream = self.storage()?.open(path, range).await?.into_stream();
            let mut all = BytesMut::new();
            while let Some(chunk) = stream.try_next().await? {
                all.extend_from_slice(&chunk);
            }
            Ok(all.freeze())
        })
        .await
    }

    /// Reads a segment of a folder, or of the own one; `None` if it is gone.
    fn read_segment(
        self: &Arc<Self>,
        folder: Option<&str>,
        number: u64,
    ) -> BoxFuture<'static, Result<(u64, Option<Bytes>)>> {
        let (bucket, path) = (Arc::clone(self), self.segment_of(folder, number));
        let read = async move {
            match bucket.get(&path?, ByteRange { offset: 0, length: Some(LONGEST) }).await {
                Ok(bytes) => Ok((number, Some(bytes))),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok((number, None)),
                Err(error) => Err(error),
            }
        };
        read.boxed()
    }

    fn remove_segment(
        self: &Arc<Self>,
        folder: Option<&str>,
        number: u64,
    ) -> BoxFuture<'static, (u64, Result<()>)> {
        let (bucket, path) = (Arc::clone(self), self.segment_of(folder, number));
        let removed = async move {
            match path {
                Ok(path) => (number, bucket.remove(&path).await),
                Err(error) => (number, Err(error)),
            }
        };
        removed.boxed()
    }

    fn segment_of(&self, folder: Option<&str>, number: u64) -> Result<StoragePath> {
        match folder {
            Some(folder) => self.segment_in(folder, number),
            None => self.segment(number),
        }
    }

    /// Removes a file, which may be gone.
    async fn remove(&self, path: &StoragePath) -> Result<()> {
        patiently(path, async {
            match self.storage()?.remove_file(path).await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    Ok(())
                }
                result => result,
            }
        })
        .await
    }

    /// What is in a folder, which may be gone.
    async fn list(&self, path: &StoragePath) -> Result<Vec<Entry>> {
        let mut entries = match patiently(path, async { self.storage()?.list(path).await }).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed?,
        };
        // There may be very many; each page has its time.
        let mut all = Vec::new();
        while let Some(entry) = patiently(path, entries.try_next()).await? {
            all.push(entry);
        }
        Ok(all)
    }

    /// Makes a folder with those above it, where that is needed.
    async fn make(&self, path: &StoragePath) -> Result<()> {
        let storage = self.storage()?;
        if storage.capabilities().implicit_directories {
            return Ok(());
        }
        let mut at = StoragePath::root();
        for step in path.segments() {
            at = at.child(step)?;
            match storage.create_directory(&at).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes a folder, where one stays behind its last file.
    async fn unmake(&self, path: &StoragePath) -> Result<()> {
        let storage = self.storage()?;
        if storage.capabilities().implicit_directories {
            return Ok(());
        }
        match storage.remove_directory(path).await {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotEmpty) => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes that this server lives.
    async fn sign(&self, folder: &str) -> Result<()> {
        // Its content is for people; others see when it was written.
        let content = format!("{{\"node\":{:?},\"at\":{:?}}}\n", self.node, chrono::Utc::now().to_rfc3339());
        self.put(&self.owner(folder)?, content.into()).await
    }
}

/// Reads parts of segments.
#[derive(Debug)]
struct Segments {
    bucket: Arc<Bucket>,
    runtime: Option<tokio::runtime::Handle>,
}

impl Pages for Segments {
    fn read(&self, at: At) -> io::Result<Vec<u8>> {
        let runtime = self.runtime.as_ref().ok_or_else(|| io::Error::other("there is no runtime"))?;
        let path = self.bucket.segment(at.segment).map_err(to_io)?;
        let range = ByteRange { offset: at.offset, length: Some(at.length as u64) };
        runtime.block_on(self.bucket.get(&path, range)).map(Vec::from).map_err(to_io)
    }
}

fn to_io(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::NotFound => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error.to_string())
}

/// A spool of a bucket that nobody reads or writes yet.
pub(in crate::events) struct Opening {
    bucket: Arc<Bucket>,
    orders: UnboundedReceiver<Order>,
    most: u64,
    names: Vec<String>,
    ended: watch::Sender<bool>,
    runtime: Option<tokio::runtime::Handle>,
}

/// Hears of the end of what was begun.
#[derive(Debug)]
pub(super) struct Begun(watch::Receiver<bool>);

impl Begun {
    pub(super) async fn ended(mut self) {
        // If it has never begun, its sender is gone.
        let _ = self.0.wait_for(|is_over| *is_over).await;
    }
}

impl Opening {
    pub(super) fn new(
        (root, node): (StoragePath, String),
        shared: Arc<Shared>,
        orders: UnboundedReceiver<Order>,
        (most, names): (u64, Vec<String>),
    ) -> Self {
        let folders = Mutex::new(vec![(0, run_of(&node))]);
        let bucket = Arc::new(Bucket {
            find: std::sync::OnceLock::new(),
            root,
            node,
            folders,
            lease: Mutex::new(None),
            shared,
        });
        let runtime = tokio::runtime::Handle::try_current().ok();
        Self { bucket, orders, most, names, ended: watch::Sender::new(false), runtime }
    }

    pub(super) fn pages(&self) -> Arc<dyn Pages> {
        Arc::new(Segments { bucket: Arc::clone(&self.bucket), runtime: self.runtime.clone() })
    }

    pub(super) fn begun(&self) -> Begun {
        Begun(self.ended.subscribe())
    }

    /// Begins to read and to write.
    pub(in crate::events) fn begin(
        self,
        find: FindPlace,
        adopted: Adopted,
        stopping: CancellationToken,
    ) -> AbortHandle {
        let Self { bucket, orders, most, names, ended, .. } = self;
        let _ = bucket.find.set(find);
        let (commands, from_keeper) = unbounded_channel();
        let shared = Arc::clone(&bucket.shared);
        let keeper = Keeper::new(Arc::clone(&bucket), commands, names, most, adopted);
        let task = tokio::spawn(async move {
            let mut keeping = JoinSet::new();
            keeping.spawn(async move { keeper.run(&stopping).await });
            Writer::new(Arc::clone(&bucket), shared, orders, from_keeper, most).run().await;
            keeping.shutdown().await;
            bucket.leave().await;
            ended.send_replace(true);
        });
        task.abort_handle()
    }
}

impl Bucket {
    /// Takes the own folder away if nothing in it is needed.
    async fn leave(&self) {
        if !self.shared.is_open() || !self.shared.state().segments.is_empty() {
            return;
        }
        let own = self.own();
        let left = async {
            self.unmake(&self.folder(&own)?).await?;
            self.remove(&self.owner(&own)?).await
        };
        if let Err(error) = left.await {
            tracing::debug!(%error, "the folder of this server stays in the spool of events");
        }
    }
}

/// Tells the one who writes.
type Commands = UnboundedSender<Command>;

#[cfg(test)]
mod faulty;
#[cfg(test)]
#[path = "takeover_tests.rs"]
mod takeover_tests;
#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
