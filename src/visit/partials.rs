//! Uploads that were broken off and are kept for their owner (`resume_uploads`), as the owner sees them.
//!
//! To its owner, what is kept stands under its name, in place of a file that may be there for everybody else: its size is what a client
//! goes on from. It can be gone on with, thrown away, and looked at; it is no file that can be read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, future};
use wharf_backends::{
    ByteRange, CreateMode, Digest, DigestAlgorithm, Entry, EntryStream, Error, ErrorKind, Keeping, Metadata,
    Partial, Partials, Result, StoragePath, Upload,
};

use super::entries::merged;
use super::quota::Counted;
use super::view::{Place, UserView};
use super::{Permissions, changes};

/// What a client is told that wants to read what is not whole.
const NOT_WHOLE: &str = "it is an upload that was broken off; go on with it, or remove it.";

/// How one upload comes about.
pub(super) enum Begin<'a> {
    /// As any other.
    Plain,
    /// It stays if its line breaks.
    Kept(&'a dyn Partials, Keeping),
    /// It goes on with what is kept.
    Resumed(&'a dyn Partials, Keeping, u64),
}

/// An upload that is about to begin.
pub(super) struct Beginning<'a> {
    pub(super) begin: Begin<'a>,
    /// The mode in which it is counted and looked at.
    pub(super) mode: CreateMode,
    pub(super) owned: Option<Owned>,
    /// So many bytes are kept until then.
    pub(super) kept: Option<u64>,
}

impl Begin<'_> {
    /// Begins it in this mode, which is that of an upload from the first byte unless it is [`Plain`](Self::Plain).
    pub(super) async fn run(&self, place: &Place<'_>, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let whole = match mode {
            CreateMode::New => CreateMode::New,
            _ => CreateMode::Replace,
        };
        match self {
            Self::Plain => place.storage().create(&place.path, mode).await,
            Self::Kept(partials, keeping) => partials.begin(&place.path, keeping, whole).await,
            Self::Resumed(partials, keeping, offset) => {
                partials.resume(&place.path, keeping, *offset, whole).await
            }
        }
    }
}

/// Whose what is kept at a place is, where it is counted.
#[derive(Clone)]
pub(super) struct Owned {
    counted: Counted,
    owner: Arc<str>,
    path: StoragePath,
}

impl Owned {
    /// So many bytes were kept until now, and so many are from now on.
    pub(super) fn changes(&self, before: Option<u64>, now: Option<u64>) {
        if before.is_some() || now.is_some() {
            self.counted.note_kept(&self.path, &self.owner, before, now);
        }
    }
}

impl UserView {
    /// The same view of a user of this name, for whom uploads may be kept.
    #[must_use]
    pub fn owned_by(self, owner: &str) -> Self {
        let keeps = self.mounts.all().any(|mount| mount.resume_uploads.is_some());
        Self { owner: keeps.then(|| owner.into()), ..self }
    }

    fn partials<'a>(&self, place: &Place<'a>) -> Option<(&'a dyn Partials, Keeping)> {
        let owner = self.owner.as_ref()?;
        let keep_for: Duration = place.mount.resume_uploads?;
        let partials = place.mount.storage.partials()?;
        Some((partials, Keeping { owner: owner.to_string(), keep_for }))
    }

    /// What is kept at a place.
    pub(super) async fn partial(&self, place: &Place<'_>) -> Result<Option<Partial>> {
        match self.partials(place) {
            Some((partials, keeping)) => partials.find(&place.path, &keeping.owner).await,
            None => Ok(None),
        }
    }

    /// The same for whoever may store files: how much of an upload of their own has arrived is no secret to them.
    pub(super) async fn own_partial(&self, place: &Place<'_>) -> Result<Option<Metadata>> {
        if !place.may(Permissions::UPLOAD) && !place.may(Permissions::OVERWRITE) {
            return Ok(None);
        }
        Ok(self.partial(place).await?.map(|partial| partial.metadata()))
    }

    /// Whether an upload is kept under a path for this user.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn keeps(&self, path: &StoragePath) -> Result<bool> {
        let place = self.authorize(path, Permissions::empty())?;
        Ok(self.own_partial(&place).await.map_err(|error| error.at(path))?.is_some())
    }

    fn owned(&self, place: &Place<'_>) -> Option<Owned> {
        let owner = Arc::clone(self.owner.as_ref()?);
        let (counted, path) = (place.mount.counted.clone(), place.path.clone());
        place.mount.resume_uploads.map(|_| Owned { counted, owner, path })
    }

    /// How an upload of a mode comes about, unless it is one like any other. What is kept and is not gone on with is thrown away when
    /// the upload begins.
    pub(super) async fn beginning<'a>(
        &self,
        place: &Place<'a>,
        mode: CreateMode,
        (may_keep, shows_whole): (bool, bool),
    ) -> Result<Option<Beginning<'a>>> {
        let Some((partials, keeping)) = self.partials(place) else { return Ok(None) };
        let may_begin = may_keep && place.may(Permissions::UPLOAD);
        // Whoever has to see the whole file needs its beginning, too.
        let can_keep = may_begin && (!shows_whole || partials.can_read());
        let owned = self.owned(place);
        let found = match mode {
            CreateMode::Resume(1..) | CreateMode::Append => {
                if !can_keep {
                    return Ok(None);
                }
                partials.find(&place.path, &keeping.owner).await?
            }
            // To know how much is thrown away takes a look, which only a quota is worth.
            _ if place.mount.counted.has_limit() => partials.find(&place.path, &keeping.owner).await?,
            _ => None,
        };
        let kept = found.map(|found| found.size);
        let resumed = |offset, size| {
            let begin = Begin::Resumed(partials, keeping.clone(), offset);
            Beginning { begin, mode: CreateMode::Resume(offset), owned: owned.clone(), kept: Some(size) }
        };
        Ok(match (mode, kept) {
            (CreateMode::Append, Some(size)) => Some(resumed(size, size)),
            (CreateMode::Resume(offset @ 1..), Some(size)) => Some(resumed(offset, size)),
            (CreateMode::Append | CreateMode::Resume(1..), None) => None,
            (CreateMode::New | CreateMode::Replace | CreateMode::Resume(_), _) => {
                if !can_keep {
                    partials.remove(&place.path, &keeping.owner).await?;
                    if let Some(owned) = &owned {
                        owned.changes(kept, None);
                    }
                    return Ok(None);
                }
                Some(Beginning { begin: Begin::Kept(partials, keeping), mode, owned, kept })
            }
        })
    }

    /// The entries of a directory with those of uploads that are kept.
    pub(super) async fn with_partials(&self, place: &Place<'_>, stored: EntryStream) -> Result<EntryStream> {
        let Some((partials, keeping)) = self.partials(place) else { return Ok(stored) };
        let found = partials.find_in(&place.path, &keeping.owner).await?;
        if found.is_empty() {
            return Ok(stored);
        }
        let entry = |partial: Partial| Some((partial.path.name()?.to_owned(), partial.metadata()));
        let found: BTreeMap<String, Metadata> = found.into_iter().filter_map(entry).collect();
        let entries = found.iter().map(|(name, metadata)| {
            let (name, metadata) = (name.clone(), metadata.clone());
            Entry { name, metadata }
        });
        let entries = entries.collect();
        let others = stored.try_filter(move |entry| future::ready(!found.contains_key(&entry.name))).boxed();
        Ok(merged(entries, others))
    }

    /// What is kept at a place can't be read.
    pub(super) async fn refuse_partial(&self, place: &Place<'_>, path: &StoragePath) -> Result<()> {
        match self.partial(place).await.map_err(|error| error.at(path))? {
            Some(_) => Err(not_whole(path)),
            None => Ok(()),
        }
    }

    /// Throws away what is kept at a place. Says whether there was anything.
    pub(super) async fn remove_partial(&self, place: &Place<'_>) -> Result<bool> {
        let Some((partials, keeping)) = self.partials(place) else { return Ok(false) };
        let Some(found) = partials.find(&place.path, &keeping.owner).await? else { return Ok(false) };
        let removed = partials.remove(&place.path, &keeping.owner).await?;
        changes::note(&place.mount.storage, &place.path);
        if let Some(owned) = self.owned(place) {
            owned.changes(Some(found.size), None);
        }
        Ok(removed)
    }

    /// The checksum of a part of what is kept, if anything is.
    pub(super) async fn partial_digest(
        &self,
        place: &Place<'_>,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Option<Vec<u8>>> {
        let Some((partials, keeping)) = self.partials(place) else { return Ok(None) };
        if partials.find(&place.path, &keeping.owner).await?.is_none() {
            return Ok(None);
        }
        if !partials.can_read() {
            return Err(not_whole(path));
        }
        let body = partials.read(&place.path, &keeping.owner, range).await?;
        Digest::of_stream(algorithm, body.into_stream()).await.map(Some)
    }
}

/// Why something can't be done with an upload that was broken off.
#[derive(Debug, thiserror::Error)]
#[error("an upload that was broken off")]
struct NotWhole;

fn not_whole(path: &StoragePath) -> Error {
    Error::with_source(ErrorKind::Conflict, path, NotWhole).advising(NOT_WHOLE)
}

/// Whether an error is that of somebody who takes an upload of their own for a file.
pub(super) fn is_refusal(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<NotWhole>())
}
