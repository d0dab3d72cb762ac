//! What stands at the place of an upload before it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;
use wharf_backends::{
    ByteRange, ByteStream, CreateMode, Error, ErrorKind, Metadata, Result, Storage, StoragePath,
};

use super::copy;

/// The beginning of a file that an upload goes on with, for whoever has to see the whole file. It can be read whatever the user may
/// read.
#[derive(Clone)]
pub struct Standing {
    storage: Arc<dyn Storage>,
    at: StoragePath,
    /// The path that the user knows.
    path: StoragePath,
    bytes: u64,
    /// What is known of it, if there is anything.
    before: Option<Metadata>,
    /// It was to be an append, and there was nothing to append to: the storage is asked for what it can't decide by itself, to
    /// replace an empty file if that is empty still.
    begins: bool,
    /// It is an upload that is kept for this owner.
    owner: Option<String>,
}

/// Those of this server that begin the same file, one after the other: by the storage and the path.
static BEGINNINGS: LazyLock<Mutex<Beginnings>> = LazyLock::new(Mutex::default);

type Beginnings = HashMap<(usize, StoragePath), Weak<Turns>>;

type Turns = tokio::sync::Mutex<()>;

impl Standing {
    /// What an upload of this mode goes on with, and the mode in which it sees all of the file: an append, which adds to whatever is
    /// there in the end, becomes an upload that goes on from what is there now, and fails if that changes.
    pub(super) async fn of(
        storage: &Arc<dyn Storage>,
        at: &StoragePath,
        path: &StoragePath,
        mode: CreateMode,
    ) -> Result<(Self, CreateMode)> {
        let before = match mode {
            CreateMode::New | CreateMode::Replace | CreateMode::Resume(0) => None,
            CreateMode::Resume(_) | CreateMode::Append => match storage.stat(at).await {
                Ok(found) => Some(found),
                // Whatever comes there after this look, a resume does not go on from it.
                Err(error) if error.kind() == ErrorKind::NotFound && mode == CreateMode::Append => None,
                Err(error) => return Err(error.at(path)),
            },
        };
        let appends = mode == CreateMode::Append;
        let (bytes, mode) = match (mode, &before) {
            (CreateMode::Resume(offset), _) => (offset, mode),
            (CreateMode::Append, Some(found)) if found.size > 0 => {
                (found.size, CreateMode::Resume(found.size))
            }
            // Of an empty file nothing is gone on with, so whoever else begins it is looked for in the end.
            (CreateMode::Append, Some(_)) => (0, CreateMode::Replace),
            (CreateMode::Append, None) => (0, CreateMode::New),
            (CreateMode::New | CreateMode::Replace, _) => (0, mode),
        };
        let begins = appends && bytes == 0;
        let standing = Self {
            storage: Arc::clone(storage),
            at: at.clone(),
            path: path.clone(),
            bytes,
            before,
            begins,
            owner: None,
        };
        Ok((standing, mode))
    }

    /// What is kept of an upload, which nobody else can change: if somebody goes on with it meanwhile, this one can't be finished.
    pub(super) fn of_partial(
        storage: &Arc<dyn Storage>,
        (at, path): (&StoragePath, &StoragePath),
        owner: String,
        bytes: u64,
    ) -> Self {
        let (storage, at, path) = (Arc::clone(storage), at.clone(), path.clone());
        Self { storage, at, path, bytes, before: None, begins: false, owner: Some(owner) }
    }

    /// How many bytes of it stay.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// These bytes.
    ///
    /// # Errors
    /// Those of the storage; [`ErrorKind::Conflict`] if something else stands there by now.
    pub async fn open(&self) -> Result<ByteStream> {
        let range = ByteRange { offset: 0, length: Some(self.bytes) };
        if let Some(owner) = &self.owner {
            let missing = || Error::new(ErrorKind::Conflict, &self.path);
            let partials = self.storage.partials().ok_or_else(missing)?;
            let body = partials.read(&self.at, owner, range).await;
            return Ok(body.map_err(|error| error.at(&self.path))?.into_stream());
        }
        let body = self.storage.open(&self.at, range).await.map_err(|error| error.at(&self.path))?;
        self.is(&body.metadata)?;
        Ok(body.into_stream())
    }

    /// The turn to look whether it is as it was, and to finish: of two that begin one file at once, the second has to see what the
    /// first has made of it. `None` if the storage looks to that.
    pub(super) async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        if !self.begins {
            return None;
        }
        let key = (Arc::as_ptr(&self.storage).cast::<()>().addr(), self.at.clone());
        let turns = {
            let mut all = BEGINNINGS.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, turns| turns.strong_count() > 0);
            let known = all.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turns = Arc::default();
                all.insert(key, Arc::downgrade(&turns));
                turns
            })
        };
        Some(turns.lock_owned().await)
    }

    /// It still stands there. The storage looks for itself whether it is what the upload went on from when it began; here it has
    /// to be what was read, too: somebody may put another file there for just as long as it is read.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`], and those of the storage.
    pub(super) async fn is_as_it_was(&self) -> Result<()> {
        if self.owner.is_some() || (self.before.is_none() && self.bytes == 0) {
            return Ok(());
        }
        match self.storage.stat(&self.at).await {
            Ok(found) => self.is(&found),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(changed(&self.path)),
            Err(error) => Err(error.at(&self.path)),
        }
    }

    fn is(&self, found: &Metadata) -> Result<()> {
        match &self.before {
            Some(before) if copy::is_same(before, found) => Ok(()),
            None if self.bytes == 0 => Ok(()),
            // Of bytes that nobody has looked at nothing is known.
            _ => Err(changed(&self.path)),
        }
    }
}

/// Somebody else was faster.
pub(super) fn changed(path: &StoragePath) -> Error {
    Error::with_source(ErrorKind::Conflict, path, "what stood there was scanned, and is not there any more")
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("at", &self.at).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
