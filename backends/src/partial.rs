//! Uploads that were broken off, and are kept for their owners.
//!
//! Nobody but its owner hears of one: under its name, everybody else finds what was there before. It is known by its owner and its path
//! alone, in the store alone, so that whichever server the owner comes back to can go on with it.
//!
//! The newest upload of a name is the one that counts: where an older one of the same owner is still under way, because nobody has
//! noticed that its line is lost, [`finish`](crate::Upload::finish) of the older one is a [`Conflict`](crate::ErrorKind::Conflict).

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::{Body, ByteRange, CreateMode, Metadata, Result, StoragePath, Upload};

/// Whose an upload is, and for how long it is kept after its line broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// The owner.
    pub owner: String,
    /// How long it is kept, from its last byte on.
    pub keep_for: Duration,
}

/// An upload that was broken off, and is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// Whose it is.
    pub owner: String,
    /// The path of the file that it would become.
    pub path: StoragePath,
    /// How many bytes its owner is told of. It is one less than has arrived: a client that was cut off behind the last byte of its
    /// file would take a file of the same length for a complete one, and never come back to finish it.
    pub size: u64,
    /// When its last byte was kept.
    pub modified: SystemTime,
    /// When it is removed.
    pub ends: SystemTime,
    /// Nobody has left it, and its server is not known to be gone: more of it may come.
    pub under_way: bool,
}

impl Partial {
    /// It, if so much has arrived that there is something to go on from.
    pub(crate) fn of(
        keeping: Keeping,
        path: StoragePath,
        arrived: u64,
        modified: SystemTime,
        now: SystemTime,
    ) -> Option<Self> {
        let ends = modified.checked_add(keeping.keep_for).unwrap_or(modified);
        let size = told(arrived)?;
        (ends > now).then_some(Self { owner: keeping.owner, path, size, modified, ends, under_way: false })
    }

    /// What its owner sees under its name.
    pub fn metadata(&self) -> Metadata {
        Metadata { is_partial: true, ..Metadata::file(self.size, Some(self.modified)) }
    }
}

/// How many bytes an owner is told of where so many have arrived; `None` if that is nothing to go on from.
pub(crate) fn told(arrived: u64) -> Option<u64> {
    arrived.checked_sub(1).filter(|told| *told > 0)
}

/// The storage of uploads that were broken off.
#[async_trait]
pub trait Partials: Send + Sync {
    /// Whether [`read`](Self::read) works, also while an upload goes on. What a store holds in parts can't be read before it is
    /// whole.
    fn can_read(&self) -> bool;

    /// Starts an upload that stays if it [is left](Upload::leave), or if the server is killed. What was kept under this path for
    /// this owner is thrown away. The mode is [`CreateMode::New`] or [`CreateMode::Replace`].
    ///
    /// # Errors
    /// As [`Storage::create`](crate::Storage::create).
    async fn begin(&self, path: &StoragePath, keeping: &Keeping, mode: CreateMode)
    -> Result<Box<dyn Upload>>;

    /// The upload that is kept under this path for this owner, also one that [is under way](Partial::under_way), because nobody
    /// has noticed yet that its line is lost: its owner can go on with that, too. It may wait for a moment until that is noticed.
    ///
    /// # Errors
    /// Those of the storage.
    async fn find(&self, path: &StoragePath, owner: &str) -> Result<Option<Partial>>;

    /// The same without one that is under way, and without waiting: as long as an upload goes on, what stands under its name is
    /// what was there before.
    ///
    /// # Errors
    /// Those of the storage.
    async fn find_left(&self, path: &StoragePath, owner: &str) -> Result<Option<Partial>> {
        Ok(self.find(path, owner).await?.filter(|partial| !partial.under_way))
    }

    /// All that are kept in a directory for this owner. Those that are under way are left out, unless the storage knows that nothing
    /// has come for a while.
    ///
    /// # Errors
    /// Those of the storage.
    async fn find_in(&self, directory: &StoragePath, owner: &str) -> Result<Vec<Partial>>;

    /// Goes on with an upload behind its first `offset` bytes. The next bytes are those of the file from there on, also where the
    /// storage already has some of them. The mode is as for [`begin`](Self::begin).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if nothing is kept;
    /// [`ErrorKind::InvalidRange`](crate::ErrorKind::InvalidRange) if less than `offset` bytes are, or if what is kept can't be cut
    /// there, which it always can behind [all that its owner is told of](Partial::size); as for [`begin`](Self::begin).
    async fn resume(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        offset: u64,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>>;

    /// Throws away what is kept. Says whether there was anything.
    ///
    /// # Errors
    /// Those of the storage.
    async fn remove(&self, path: &StoragePath, owner: &str) -> Result<bool>;

    /// All that are kept, whoever owns them. Those that are under way are left out, as in [a directory](Self::find_in).
    ///
    /// # Errors
    /// Those of the storage.
    async fn all(&self) -> Result<Vec<Partial>>;

    /// The bytes of what is kept.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound); [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) unless it
    /// [can be read](Self::can_read).
    async fn read(&self, path: &StoragePath, owner: &str, range: ByteRange) -> Result<Body>;
}

/// Digits that stand for a text in a name of ours: names of owners and files may be longer than a name can be, and hold
/// characters that a name can't.
pub(crate) fn digits(text: &str, length: usize) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        digits.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        digits.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    digits.truncate(length);
    digits
}

/// Digits that stand for an owner, a directory, and a name in it.
pub(crate) fn place(owner: &str, path: &StoragePath) -> (String, String, String) {
    let directory = path.parent().unwrap_or_else(StoragePath::root);
    (digits(owner, 16), digits(directory.as_str(), 16), digits(path.name().unwrap_or_default(), 32))
}
