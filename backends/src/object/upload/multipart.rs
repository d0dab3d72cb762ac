//! A multipart upload on the store: its parts, its end, and what is left of it if it has none.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crc_fast::{CrcAlgorithm, Digest as Crc};
use http::HeaderMap;
use object_store::PutPayload;
use tokio::task::{JoinHandle, JoinSet};

use super::pieces::copy_pieces;
use crate::buffers::Share;
use crate::object::bucket::Bucket;
use crate::object::store::marks::is_marked;
use crate::object::store::object::Object;
use crate::{Error, ErrorKind, Result, StoragePath, observe};

/// How many uploads may be kept from the sweep because it is not known what became of them.
const MOST_UNDECIDED: usize = 10_000;

/// An upload in parts, of which several are sent at a time.
pub(crate) struct Multipart {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) path: StoragePath,
    pub(crate) key: String,
    /// The headers of the new object.
    pub(crate) headers: HeaderMap,
    pub(crate) id: Id,
    sending: JoinSet<Result<Vec<(usize, String)>>>,
    /// The tags of the parts that the store has, by their numbers.
    pub(crate) arrived: BTreeMap<usize, String>,
    /// The numbers of the parts that were sent, counted from 1.
    pub(crate) sent: BTreeSet<usize>,
    /// The number of the next part.
    next: usize,
    /// The CRC32C of all parts so far, where the store has no other digest of what was put together of parts.
    pub(crate) crc: Option<Crc>,
    /// Its id while it is in the list of uploads under way.
    noted: Option<String>,
    /// The store did not say what its completion came to.
    pub(crate) was_undecided: bool,
}

pub(crate) enum Id {
    /// A task of its own asks for the id: if the upload is dropped meanwhile, it still has to be aborted.
    Asked(JoinHandle<Result<String>>),
    Known(String),
    /// The store was asked to make an object of it, and has not said that it did or refused: whatever becomes of it, an abort
    /// could take the object's own bytes on some stores.
    Undecided,
    /// The upload is finished, or was never begun.
    None,
}

impl Multipart {
    /// Begins one, for an object with these headers.
    pub(crate) fn begin(bucket: &Arc<Bucket>, path: &StoragePath, key: &str, headers: HeaderMap) -> Self {
        let asked = {
            let (bucket, path, key) = (Arc::clone(bucket), path.clone(), key.to_owned());
            let headers = headers.clone();
            async move { bucket.store.begin(&key, headers).await.map_err(|failure| failure.at(&path)) }
        };
        Self {
            bucket: Arc::clone(bucket),
            path: path.clone(),
            key: key.to_owned(),
            headers,
            id: Id::Asked(tokio::spawn(observe::carry(asked))),
            sending: JoinSet::new(),
            arrived: BTreeMap::new(),
            sent: BTreeSet::new(),
            next: 1,
            crc: bucket.traits().checks_crc.then(|| Crc::new(CrcAlgorithm::Crc32Iscsi)),
            noted: None,
            was_undecided: false,
        }
    }

    /// One that was begun before, with the tags of the parts that the store has.
    pub(crate) fn known(
        bucket: &Arc<Bucket>,
        (path, key): (&StoragePath, &str),
        headers: HeaderMap,
        id: String,
        arrived: BTreeMap<usize, String>,
    ) -> Self {
        open_uploads().insert(id.clone());
        Self {
            bucket: Arc::clone(bucket),
            path: path.clone(),
            key: key.to_owned(),
            headers,
            id: Id::Known(id.clone()),
            sending: JoinSet::new(),
            sent: arrived.keys().copied().collect(),
            next: arrived.len() + 1,
            arrived,
            // What the parts before have is not known.
            crc: None,
            noted: Some(id),
            was_undecided: false,
        }
    }

    /// Leaves it on the store as it is.
    pub(crate) fn let_go(&mut self) {
        self.id = Id::None;
    }

    /// Waits for the id of the upload.
    pub(crate) async fn id(&mut self) -> Result<String> {
        if let Id::Asked(task) = &mut self.id {
            let answer = task.await;
            self.id = Id::None;
            let id = answer.map_err(|error| Error::with_source(ErrorKind::Other, &self.path, error))??;
            self.id = Id::Known(id.clone());
            open_uploads().insert(id.clone());
            self.noted = Some(id);
        }
        match &self.id {
            Id::Known(id) => Ok(id.clone()),
            Id::Asked(_) | Id::Undecided | Id::None => {
                Err(Error::with_source(ErrorKind::Other, &self.path, "the upload is not open"))
            }
        }
    }

    /// Waits until the store has a part that marks the upload as ours, before it gets one that does not: so the upload is
    /// found if nobody is left to abort it.
    async fn await_mark(&mut self) -> Result<()> {
        while self.bucket.traits().marks_uploads && self.arrived.is_empty() && self.under_way() > 0 {
            self.await_one().await?;
        }
        Ok(())
    }

    /// How many parts the store has, from the first one on, without a gap.
    pub(crate) fn in_order(&self) -> usize {
        (1..).zip(self.arrived.keys()).take_while(|(number, part)| number == *part).count()
    }

    /// How many requests are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.sending.len()
    }

    /// Gives the next part a number behind this one, and behind all that were sent.
    pub(crate) fn go_on_behind(&mut self, number: usize) {
        self.next = self.next.max(number + 1);
    }

    /// The number of the next part, if it is behind this one.
    pub(crate) fn next_behind(&self, number: usize) -> usize {
        self.next.max(number + 1)
    }

    /// Leaves these parts out of the object, all of which have arrived.
    pub(crate) fn forget(&mut self, numbers: RangeInclusive<usize>) {
        self.sent.retain(|number| !numbers.contains(number));
        self.arrived.retain(|number, _| !numbers.contains(number));
        // Parts that are joined in another order than they were sent in have another checksum.
        self.crc = None;
    }

    /// Starts to send the next part. What it takes in memory is given back when it is sent.
    pub(crate) async fn send(&mut self, part: PutPayload, share: Share) -> Result<()> {
        self.next += 1;
        self.send_as(self.next - 1, part, share).await
    }

    /// Starts to send a part with this number.
    pub(crate) async fn send_as(&mut self, number: usize, part: PutPayload, share: Share) -> Result<()> {
        let id = self.id().await?;
        if !is_marked(part.content_length() as u64) {
            self.await_mark().await?;
        }
        let (bucket, path, key) = (Arc::clone(&self.bucket), self.path.clone(), self.key.clone());
        self.sent.insert(number);
        if let Some(crc) = &mut self.crc {
            part.iter().for_each(|bytes| crc.update(bytes));
        }
        self.sending.spawn(observe::carry(async move {
            let sent = bucket.store.put_part(&key, &id, number, part).await;
            drop(share);
            Ok(vec![(number, sent.map_err(|failure| failure.at(&path))?)])
        }));
        Ok(())
    }

    /// Starts to copy these ranges of an object, each into a part; they have their last bytes with them.
    pub(crate) async fn copy(&mut self, from: Object, pieces: Vec<(u64, u64)>) -> Result<()> {
        let first = self.next;
        self.next += pieces.len();
        self.copy_as(first, from, pieces).await
    }

    /// The same into parts the first of which has this number.
    pub(crate) async fn copy_as(
        &mut self,
        first: usize,
        from: Object,
        pieces: Vec<(u64, u64)>,
    ) -> Result<()> {
        let id = self.id().await?;
        let (bucket, path, key) = (Arc::clone(&self.bucket), self.path.clone(), self.key.clone());
        self.sent.extend(first..first + pieces.len());
        self.sending.spawn(observe::carry(async move {
            match copy_pieces(&*bucket.store, &from, pieces, &key, &id, first).await {
                Ok(tags) => Ok((first..).zip(tags).collect()),
                Err(failure) if failure.is_precondition() || failure.code() == Some("NoSuchKey") => {
                    Err(Error::new(ErrorKind::Conflict, &path))
                }
                Err(failure) => Err(failure.at(&path)),
            }
        }));
        Ok(())
    }

    /// Waits for a request.
    pub(crate) async fn await_one(&mut self) -> Result<()> {
        match self.sending.join_next().await {
            Some(done) => self.note(done),
            None => Ok(()),
        }
    }

    /// Waits for all of them.
    pub(crate) async fn await_all(&mut self) -> Result<()> {
        while self.under_way() > 0 {
            self.await_one().await?;
        }
        Ok(())
    }

    /// Takes note of the requests that are answered: failures show while more is written rather than at the end.
    pub(crate) fn check(&mut self) -> Result<()> {
        while let Some(done) = self.sending.try_join_next() {
            self.note(done)?;
        }
        Ok(())
    }

    fn note(&mut self, done: Result<Result<Vec<(usize, String)>>, tokio::task::JoinError>) -> Result<()> {
        let parts = done.unwrap_or_else(|error| Err(Error::with_source(ErrorKind::Other, &self.path, error)));
        match parts {
            Ok(parts) => {
                self.arrived.extend(parts);
                Ok(())
            }
            // Somebody aborted the upload on the store; to the client it is no missing file.
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::with_source(
                ErrorKind::Unavailable,
                &self.path,
                "the upload is gone from the store",
            )),
            Err(error) => Err(error),
        }
    }

    /// Gives it up.
    pub(crate) async fn abort(mut self) -> Result<()> {
        match self.take_remains() {
            Some(remains) => remains.remove().await,
            None => Ok(()),
        }
    }

    fn take_remains(&mut self) -> Option<Remains> {
        let id = match std::mem::replace(&mut self.id, Id::None) {
            Id::None | Id::Undecided => return None,
            id => id,
        };
        Some(Remains {
            bucket: Arc::clone(&self.bucket),
            path: self.path.clone(),
            key: self.key.clone(),
            id,
            sending: std::mem::take(&mut self.sending),
        })
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        if let Some(id) = self.noted.take() {
            let mut open = open_uploads();
            // The fate of the others is not known: while this process lives, the sweep leaves them alone.
            if !self.was_undecided || open.len() > MOST_UNDECIDED {
                open.remove(&id);
            }
        }
        let Some(remains) = self.take_remains() else { return };
        // Without a runtime nothing can be asked of the store.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let path = self.path.clone();
        runtime.spawn(async move {
            if let Err(error) = remains.remove().await {
                tracing::warn!(%path, %error, "an unfinished upload is left on the store");
            }
        });
    }
}

/// The parts in the store of an upload that will never be finished.
struct Remains {
    bucket: Arc<Bucket>,
    path: StoragePath,
    key: String,
    id: Id,
    sending: JoinSet<Result<Vec<(usize, String)>>>,
}

impl Remains {
    async fn remove(mut self) -> Result<()> {
        // A part that arrives behind the abort would stay.
        self.sending.shutdown().await;
        let id = match self.id {
            Id::None | Id::Undecided => return Ok(()),
            Id::Known(id) => id,
            Id::Asked(task) => match task.await {
                Ok(Ok(id)) => id,
                // If it could not be opened there is nothing to remove.
                Ok(Err(_)) => return Ok(()),
                Err(error) => return Err(Error::with_source(ErrorKind::Other, &self.path, error)),
            },
        };
        let aborted = self.bucket.store.abort(&self.key, &id).await;
        aborted.map_err(|failure| failure.at(&self.path))
    }
}

/// The uploads of this process that are under way: however old they get, they are not abandoned.
fn open_uploads() -> MutexGuard<'static, HashSet<String>> {
    static OPEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an upload is one that this process has under way, in whatever storage.
pub(crate) fn is_under_way(id: &str) -> bool {
    open_uploads().contains(id)
}
