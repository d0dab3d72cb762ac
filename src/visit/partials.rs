//! Uploads that were broken off and are kept for their owner (`resume_uploads`), as the owner sees them.
//!
//! To its owner, what is kept stands under its name, in place of a file that may be there for everybody else: its size is what a client
//! goes on from. It can be gone on with, thrown away, and looked at; it is no file that can be read. While an upload is under way the
//! owner has the file of before, as everybody else: only who asks for the size of an upload that does not move hears of it, as its
//! line may be lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, future};
use wharf_backends::{
    ByteRange, Digest, DigestAlgorithm, Entry, EntryStream, Error, ErrorKind, Keeping, Metadata, Partial,
    Partials, Result, StoragePath,
};

use super::entries::merged;
use super::quota::Counted;
use super::told::{self, Client};
use super::view::{Place, UserView};
use super::{Permissions, changes};

/// What a client is told that wants to read what is not whole.
const NOT_WHOLE: &str = "it is an upload that was broken off; go on with it, or remove it.";

/// What a client is told that wants to throw away what nobody is known to have left.
const NOT_LEFT: &str = "an upload of it may still be under way; go on with it, or try again later.";

/// Of an upload from which nothing has come for so long, the line may be lost.
const QUIET: Duration = Duration::from_secs(5);

/// How often an upload that looks as if it were under way is looked at, and for how long at least: what a slow client sends comes to a
/// disk once a second. The clock of a file server is not relied upon.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS_LAST: Duration = Duration::from_millis(2500);

/// The same for one in a bucket, of which another server may only show whole parts.
const LOOK_AT_STORE: Duration = Duration::from_secs(1);
const LOOKS_AT_STORE_LAST: Duration = Duration::from_secs(10);

/// Whose what is kept at a place is, where it is counted.
#[derive(Clone)]
pub(super) struct Owned {
    counted: Counted,
    owner: Arc<str>,
    path: StoragePath,
    pub(super) key: told::Key,
}

impl Owned {
    /// So many bytes were kept until now, and so many are from now on.
    pub(super) fn changes(&self, before: Option<u64>, now: Option<u64>) {
        if before.is_some() || now.is_some() {
            self.counted.note_kept(&self.path, &self.owner, before, now);
        }
    }

    /// Nobody knows what is kept now.
    pub(super) fn is_doubtful(&self) {
        self.counted.doubt_kept(&self.path);
    }
}

/// What a client is told that asks how much is there.
#[derive(Debug)]
pub(crate) enum Kept {
    /// So much is kept of an upload that was broken off, or looks like that.
    Size(u64),
    /// The upload is under way.
    Running,
    /// It is kept, and can't be gone on with.
    Unusable,
}

impl UserView {
    /// The same view of a user of this name, for whom uploads may be kept.
    #[must_use]
    pub fn owned_by(self, owner: &str) -> Self {
        let keeps = self.mounts.all().any(|mount| mount.resume_uploads.is_some());
        Self { owner: keeps.then(|| owner.into()), ..self }
    }

    /// The same view of this client.
    pub(super) fn seen_by(self, client: Client) -> Self {
        Self { client: Some(client), ..self }
    }

    pub(super) fn partials<'a>(&self, place: &Place<'a>) -> Option<(&'a dyn Partials, Keeping)> {
        let owner = self.owner.as_ref()?;
        let keep_for: Duration = place.mount.resume_uploads?;
        let partials = place.mount.storage.partials()?;
        Some((partials, Keeping { owner: owner.to_string(), keep_for }))
    }

    /// What is kept at a place, or on its way there.
    pub(super) async fn partial(&self, place: &Place<'_>) -> Result<Option<Partial>> {
        match self.partials(place) {
            Some((partials, keeping)) => partials.find(&place.path, &keeping.owner).await,
            None => Ok(None),
        }
    }

    /// What nobody sends any more. Nothing else is ever thrown away for a name that something else has, or because a client wants it.
    async fn is_left(&self, place: &Place<'_>) -> Result<Option<Partial>> {
        match self.partials(place) {
            Some((partials, keeping)) => partials.find_left(&place.path, &keeping.owner).await,
            None => Ok(None),
        }
    }

    /// What stands in the place of the file for whoever wants to have or to change that: nobody sends it any more, or it is what this
    /// client was told of instead of the file, and nothing has come since.
    async fn left(&self, place: &Place<'_>) -> Result<Option<Partial>> {
        if self.told(place).is_none() {
            return self.is_left(place).await;
        }
        let partial = self.partial(place).await?;
        Ok(partial.filter(|partial| !partial.under_way || self.was_told(place, partial)))
    }

    /// What stands in the place of the file for whoever looks at it.
    async fn shown(&self, place: &Place<'_>) -> Result<Option<Partial>> {
        // Of a store it is not known when something came.
        if place.storage().capabilities().remote {
            return self.left(place).await;
        }
        let partial = self.partial(place).await?;
        Ok(partial.filter(|partial| is_shown(partial) || self.was_told(place, partial)))
    }

    /// By what it is known what a client was told of a place.
    pub(super) fn key(&self, place: &Place<'_>, path: &StoragePath) -> Option<told::Key> {
        let owner = self.owner.as_ref()?;
        place.mount.resume_uploads?;
        Some(told::Key::new(&place.mount.storage, path, owner))
    }

    /// What this client was told of a place.
    pub(super) fn told(&self, place: &Place<'_>) -> Option<Partial> {
        self.key(place, &place.path)?.told(self.client?)
    }

    /// Whether this client was told of it as it is. One of which more has come since then is under way, and not lost.
    fn was_told(&self, place: &Place<'_>, partial: &Partial) -> bool {
        self.told(place).is_some_and(|told| told.size == partial.size && told::is_of(&told, partial))
    }

    fn tell(&self, place: &Place<'_>, partial: &Partial) {
        if let (Some(key), Some(client)) = (self.key(place, &place.path), self.client) {
            key.was_told(client, partial);
        }
    }

    /// Whoever may store files may know how much of an upload of their own has arrived, and throw it away.
    fn may_keep(place: &Place<'_>) -> bool {
        place.may(Permissions::UPLOAD) || place.may(Permissions::OVERWRITE)
    }

    /// What is kept, for whoever may store files. A client that has asked for this very name goes by that (`tells`); what it sees among
    /// other things tells it nothing, as it may have looked for something else.
    pub(super) async fn own_partial(&self, place: &Place<'_>, tells: bool) -> Result<Option<Metadata>> {
        if !Self::may_keep(place) {
            return Ok(None);
        }
        let partial = self.shown(place).await?;
        if let Some(partial) = partial.as_ref().filter(|_| tells) {
            self.tell(place, partial);
        }
        Ok(partial.map(|partial| partial.metadata()))
    }

    /// Whether an upload is kept under a path for this user, or on its way there.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn keeps(&self, path: &StoragePath) -> Result<bool> {
        let place = self.authorize(path, Permissions::empty())?;
        if !Self::may_keep(&place) {
            return Ok(false);
        }
        Ok(self.partial(&place).await.map_err(|error| error.at(path))?.is_some())
    }

    /// How much is kept of an upload of this user, for a client that may want to go on with it. One that looks as if it were under way
    /// is looked at for a while: as long as more of it comes, its line is not lost. `shows_whole`: somebody has to see all of a file.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn kept(&self, path: &StoragePath, shows_whole: bool) -> Result<Option<Kept>> {
        let place = self.authorize(path, Permissions::empty())?;
        if !Self::may_keep(&place) {
            return Ok(None);
        }
        let at = |error: Error| error.at(path);
        let can_read = place.mount.storage.partials().is_some_and(|partials| partials.can_read());
        let Some(mut partial) = self.partial(&place).await.map_err(at)? else { return Ok(None) };
        let is_remote = place.storage().capabilities().remote;
        let began = Instant::now();
        while partial.under_way && !looks_lost(&partial, is_remote, began.elapsed()) {
            tokio::time::sleep(if is_remote { LOOK_AT_STORE } else { LOOK }).await;
            let Some(now) = self.partial(&place).await.map_err(at)? else { return Ok(None) };
            if now.under_way && (now.size, now.modified) != (partial.size, partial.modified) {
                if let (Some(key), Some(client)) = (self.key(&place, &place.path), self.client) {
                    key.does_not_count_for(client);
                }
                return Ok(Some(Kept::Running));
            }
            partial = now;
        }
        if shows_whole && !can_read {
            return Ok(Some(Kept::Unusable));
        }
        self.tell(&place, &partial);
        Ok(Some(Kept::Size(partial.size)))
    }

    pub(super) fn owned(&self, place: &Place<'_>) -> Option<Owned> {
        let owner = Arc::clone(self.owner.as_ref()?);
        let (counted, path) = (place.mount.counted.clone(), place.path.clone());
        let key = self.key(place, &path)?;
        Some(Owned { counted, owner, path, key })
    }

    /// The entries of a directory with those of uploads that are kept.
    pub(super) async fn with_partials(&self, place: &Place<'_>, stored: EntryStream) -> Result<EntryStream> {
        let Some((partials, keeping)) = self.partials(place) else { return Ok(stored) };
        let mut found = partials.find_in(&place.path, &keeping.owner).await?;
        let is_remote = place.storage().capabilities().remote;
        found.retain(|partial| !partial.under_way || (!is_remote && is_shown(partial)));
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
        match self.left(place).await.map_err(|error| error.at(path))? {
            Some(_) => Err(not_whole(path)),
            None => Ok(()),
        }
    }

    /// Throws away what is kept under a path for this user, who may do so with what is their own; says how many bytes that were. What
    /// may be under way is not touched: a client that was told of it is refused, as it does not mean the file of before either.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) async fn remove_kept(&self, path: &StoragePath) -> Result<Option<u64>> {
        let place = self.authorize(path, Permissions::empty())?;
        if self.mounts.is_fixed(path) || !(Self::may_keep(&place) || place.may(Permissions::DELETE)) {
            return Ok(None);
        }
        let removed = async {
            match self.left(&place).await? {
                Some(found) if found.under_way => Err(refused(path, NOT_LEFT)),
                Some(found) => self.remove_partial(&place, &found).await,
                None => Ok(None),
            }
        };
        removed.await.map_err(|error| error.at(path))
    }

    async fn remove_partial(&self, place: &Place<'_>, found: &Partial) -> Result<Option<u64>> {
        let Some((partials, keeping)) = self.partials(place) else { return Ok(None) };
        let removed = partials.remove(&place.path, &keeping.owner).await?;
        changes::note(&place.mount.storage, &place.path);
        let Some(owned) = self.owned(place).filter(|_| removed) else { return Ok(None) };
        if let Some(client) = self.client {
            owned.key.does_not_count_for(client);
        }
        owned.changes(Some(found.size), None);
        Ok(Some(found.size))
    }

    /// A file has got this name: what was kept of another one is thrown away. That is done as well as it can be, because the name is
    /// that of the file already.
    pub(super) async fn is_replaced(&self, place: &Place<'_>) {
        let removed = async {
            match self.is_left(place).await? {
                Some(found) => self.remove_partial(place, &found).await.map(drop),
                None => Ok(()),
            }
        };
        if let Err(cause) = removed.await {
            let (path, cause) = (place.path.as_str(), cause.to_string());
            tracing::warn!(
                path,
                cause,
                "can't remove what is kept of an upload under a name that something else has now"
            );
        }
        if let Some(key) = self.key(place, &place.path) {
            key.is_over();
        }
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
        let Some(kept) = self.left(place).await? else { return Ok(None) };
        if !partials.can_read() {
            return Err(not_whole(path));
        }
        // All of it is what its owner was told of.
        let all = kept.size.saturating_sub(range.offset);
        let range = ByteRange { length: range.length.or(Some(all)), ..range };
        let body = partials.read(&place.path, &keeping.owner, range).await?;
        Digest::of_stream(algorithm, body.into_stream()).await.map(Some)
    }
}

/// Whether nobody sends it any more, or nothing has come for a while.
fn is_shown(partial: &Partial) -> bool {
    !partial.under_way || partial.modified.elapsed().is_ok_and(|silent| silent >= QUIET)
}

/// Whether an upload of which nothing has come while it was looked at for so long may be one whose line is lost.
fn looks_lost(partial: &Partial, is_remote: bool, looked: Duration) -> bool {
    match is_remote {
        true => looked >= LOOKS_AT_STORE_LAST,
        false => looked >= QUIET || (looked >= LOOKS_LAST && is_shown(partial)),
    }
}

/// Why something can't be done with an upload that was broken off.
#[derive(Debug, thiserror::Error)]
#[error("an upload that was broken off")]
struct NotWhole;

fn not_whole(path: &StoragePath) -> Error {
    refused(path, NOT_WHOLE)
}

fn refused(path: &StoragePath, sentence: &str) -> Error {
    Error::with_source(ErrorKind::Conflict, path, NotWhole).advising(sentence)
}

/// It can't be gone on with in this way: 554, and a sentence.
pub(super) fn not_to_go_on_with(path: &StoragePath, sentence: &str) -> Error {
    Error::with_source(ErrorKind::InvalidRange, path, NotWhole).advising(sentence)
}

/// Whether an error is that of somebody who takes an upload of their own for a file.
pub(super) fn is_refusal(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<NotWhole>())
}

/// What a client is told then: that is all there is to say.
pub(crate) fn sentence(error: &Error) -> Option<&str> {
    error.advice().filter(|_| is_refusal(error))
}

#[cfg(test)]
#[path = "partials_tests.rs"]
mod tests;
