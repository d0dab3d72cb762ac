//! Changes that are under way: what is told of them before they are made, and after.

use std::sync::Arc;

use wharf_backends::{EntryKind, Error, ErrorKind, Metadata, Result, Storage, StoragePath};

use super::books::hash;
use super::{Ledger, Usage};

/// A change of a path, from the moment before it is made. If nobody says what came of it, its places are looked at anew.
pub(super) struct Change {
    ledgers: Vec<Arc<Ledger>>,
    path: u64,
    old: Option<u64>,
}

impl Change {
    /// What is at the path is about to change: a file of the old size, or nothing.
    pub(super) fn begin(ledgers: Vec<Arc<Ledger>>, path: &StoragePath, old: Option<u64>) -> Self {
        let path = hash(path);
        ledgers.iter().for_each(|ledger| ledger.touch(path, old));
        Self { ledgers, path, old }
    }

    /// A file of the new size is there now, or nothing. What was held of a place for that is held no more.
    pub(super) fn ends(&mut self, new: Option<u64>, held: impl Fn(&Arc<Ledger>) -> Usage) {
        for ledger in std::mem::take(&mut self.ledgers) {
            ledger.change(self.path, Usage::of(self.old), Usage::of(new), held(&ledger));
        }
    }

    /// Nothing has changed.
    pub(super) fn is_none(&mut self) {
        std::mem::take(&mut self.ledgers).iter().for_each(|ledger| ledger.untouch(self.path));
    }

    /// The change has failed: what is there is looked at, if the failure does not say. `size` is that of what counts.
    pub(super) async fn fails(
        &mut self,
        error: &Error,
        storage: &dyn Storage,
        path: &StoragePath,
        size: fn(Option<&Metadata>) -> Option<u64>,
    ) {
        match error.kind() {
            kind if is_of_nothing(kind) => self.is_none(),
            // A store that does not answer is not asked again.
            ErrorKind::Unavailable | ErrorKind::Other => {}
            _ if self.ledgers.is_empty() => {}
            _ => match storage.stat(path).await {
                Ok(found) => self.ends(size(Some(&found)), |_| Usage::default()),
                Err(error) if error.kind() == ErrorKind::NotFound => self.ends(None, |_| Usage::default()),
                Err(_) => {}
            },
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        for ledger in &self.ledgers {
            ledger.untouch(self.path);
            ledger.doubt();
        }
    }
}

/// A directory on its way, from the moment before it is moved. If nobody says what came of it, its places are looked at anew.
pub(super) struct Move(Vec<Arc<Ledger>>);

impl Move {
    pub(super) fn begin(mut ledgers: Vec<Arc<Ledger>>) -> Self {
        ledgers.sort_by_key(Arc::as_ptr);
        ledgers.dedup_by(|a, b| Arc::ptr_eq(a, b));
        ledgers.iter().for_each(|ledger| ledger.begin_move());
        Self(ledgers)
    }

    /// It is over. Each place holds so much less and more; `true`: and that is all that is to be said.
    pub(super) fn ends(&mut self, difference: impl Fn(&Arc<Ledger>) -> (Usage, Usage, bool)) {
        for ledger in std::mem::take(&mut self.0) {
            let (less, more, is_sure) = difference(&ledger);
            ledger.end_move(less, more);
            if !is_sure {
                ledger.doubt();
            }
        }
    }
}

impl Drop for Move {
    fn drop(&mut self) {
        self.ends(|_| (Usage::default(), Usage::default(), false));
    }
}

/// Whether a failure proves that nothing was done. A bucket that refuses to remove what was copied says that it is not permitted.
pub(super) fn is_of_nothing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::NotEmpty
            | ErrorKind::InvalidName
            | ErrorKind::InvalidRange
            | ErrorKind::InvalidTime
            | ErrorKind::Unsupported
    )
}

/// The size of what counts as a file.
pub(super) fn size_of(found: Option<&Metadata>) -> Option<u64> {
    found.filter(|found| found.kind == EntryKind::File && !found.is_link).map(|found| found.size)
}

/// The size of the file that an upload replaces or adds to: what a link leads to is one.
pub(super) fn size_behind(found: Option<&Metadata>) -> Option<u64> {
    found.filter(|found| found.kind == EntryKind::File).map(|found| found.size)
}

/// What stands at a path, if anything does.
pub(super) async fn look(storage: &dyn Storage, path: &StoragePath) -> Result<Option<Metadata>> {
    match storage.stat(path).await {
        Ok(found) => Ok(Some(found)),
        // Whoever goes on hears of what is wrong with the path.
        Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether two names may be those of one entry: on a disk without upper and lower case, or of one file with two names.
pub(super) fn may_be_one(
    (from, source): (&StoragePath, Option<&Metadata>),
    (to, target): (&StoragePath, Option<&Metadata>),
) -> bool {
    let (Some(source), Some(target)) = (source, target) else { return false };
    let is_one_version = source.version.is_some() && source.version == target.version;
    // All directories on the way may be written in another way, too. What else a disk takes for one letter is told by the version.
    is_one_version || from.as_str().to_lowercase() == to.as_str().to_lowercase()
}
