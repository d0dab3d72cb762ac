//! How uploads come about where they may be kept (`resume_uploads`).

use wharf_backends::{CreateMode, Keeping, Partial, Partials, Result, StoragePath, Upload};

use super::Permissions;
use super::partials::{Owned, not_to_go_on_with};
use super::told;
use super::view::{Place, UserView};

/// What a client is told that puts something behind an upload that was broken off, without having asked how much is there of it.
const UNASKED: &str = "its last upload was broken off, and is kept; ask for its SIZE to go on with it, send the file whole, or remove it.";

/// What a client is told that puts something behind an upload of which nobody knows whether more of it comes.
const NOT_LEFT: &str =
    "an upload of it may still be under way; go on with it by REST and STOR, or try again later.";

/// What a client is told that was told of more than is there now.
const GONE: &str = "what was kept of the last upload is gone; send the file whole.";

/// What a client is told that can't go on with what is kept.
const UNUSABLE: &str = "its last upload was broken off, and is kept, but can't be gone on with in this way; send the file whole, or remove it.";

/// How one upload comes about.
pub(super) enum Begin<'a> {
    /// As any other.
    Plain,
    /// As any other, in the place of what is kept for this owner.
    Instead(&'a dyn Partials, String),
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
    /// Whose what is kept is.
    owned: Option<Owned>,
    /// So many bytes are kept until then.
    kept: Option<u64>,
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
            Self::Instead(partials, owner) => {
                let upload = place.storage().create(&place.path, mode).await?;
                match partials.remove(&place.path, owner).await {
                    Ok(_) => Ok(upload),
                    Err(error) => {
                        upload.abort().await?;
                        Err(error)
                    }
                }
            }
            Self::Kept(partials, keeping) => partials.begin(&place.path, keeping, whole).await,
            Self::Resumed(partials, keeping, offset) => {
                partials.resume(&place.path, keeping, *offset, whole).await
            }
        }
    }
}

/// What is kept at the place of an upload that is about to begin. It counts as a part of the upload from here on; if the upload does not
/// begin, it is given back.
pub(super) struct Lent {
    owned: Option<Owned>,
    kept: Option<u64>,
}

impl Lent {
    /// The upload has begun: nothing is kept any more.
    pub(super) fn spend(mut self) {
        self.kept = None;
    }

    /// Whether anything is lent.
    pub(super) fn is_something(&self) -> bool {
        self.kept.is_some()
    }

    /// It has not, and this is kept now, if that is known.
    pub(super) fn give_back(mut self, found: &Result<Option<Partial>>) {
        if let Ok(found) = found {
            self.kept = found.as_ref().map(|found| found.size);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(owned) = self.owned.as_ref().filter(|_| self.kept.is_some()) {
            owned.changes(None, self.kept);
        }
    }
}

impl<'a> Beginning<'a> {
    fn plain(mode: CreateMode) -> Self {
        Self { begin: Begin::Plain, mode, owned: None, kept: None }
    }

    /// Whether it goes on with what is kept.
    pub(super) fn resumes(&self) -> bool {
        matches!(self.begin, Begin::Resumed(..))
    }

    /// What is kept counts as a part of the upload from here on.
    pub(super) fn lend(&self) -> Lent {
        let (owned, kept) = (self.owned.clone(), self.kept);
        if let Some(owned) = &owned {
            owned.changes(kept, None);
        }
        Lent { owned, kept }
    }

    /// It has begun.
    pub(super) fn has_begun(self) -> Option<Owned> {
        if let Some(owned) = self.owned.as_ref().filter(|_| !self.resumes()) {
            owned.key.is_over();
        }
        // What is like any other upload is not kept.
        self.owned.filter(|_| matches!(self.begin, Begin::Kept(..) | Begin::Resumed(..)))
    }
}

impl UserView {
    /// How an upload of a mode comes about. Nothing is changed by that: what is kept and is not gone on with is thrown away when the
    /// upload has begun.
    pub(super) async fn beginning<'a>(
        &self,
        place: &Place<'a>,
        path: &StoragePath,
        mode: CreateMode,
        (may_keep, shows_whole): (bool, bool),
    ) -> Result<Beginning<'a>> {
        let Some((partials, keeping)) = self.partials(place) else { return Ok(Beginning::plain(mode)) };
        if !place.may(Permissions::UPLOAD) && !place.may(Permissions::OVERWRITE) {
            // It is refused.
            return Ok(Beginning::plain(mode));
        }
        let may_begin = may_keep && place.may(Permissions::UPLOAD);
        // Whoever has to see the whole file needs its beginning, too.
        let can_keep = may_begin && (!shows_whole || partials.can_read());
        let owned = self.owned(place);
        let find = async || partials.find(&place.path, &keeping.owner).await.map_err(|error| error.at(path));
        if !matches!(mode, CreateMode::Resume(1..) | CreateMode::Append) {
            // To know how much is thrown away takes a look, which only a quota is worth, whoever's it is.
            let kept = match place.mount.counted.is_counted(&place.path) {
                true => {
                    partials.find_left(&place.path, &keeping.owner).await.map_err(|error| error.at(path))?
                }
                false => None,
            };
            let kept = kept.map(|kept| kept.size);
            let begin = match can_keep {
                true => Begin::Kept(partials, keeping),
                false => Begin::Instead(partials, keeping.owner),
            };
            return Ok(Beginning { begin, mode, owned, kept });
        }
        let told = self.told(place);
        let Some(found) = find().await? else {
            return match told {
                Some(_) => Err(not_to_go_on_with(path, GONE)),
                None => Ok(Beginning::plain(mode)),
            };
        };
        let offset = match (mode, told) {
            (CreateMode::Resume(offset), _) => offset,
            _ if found.under_way => return Err(not_to_go_on_with(path, NOT_LEFT)),
            (_, Some(told)) if told::is_of(&told, &found) => told.size,
            _ => return Err(not_to_go_on_with(path, UNASKED)),
        };
        if !can_keep {
            return Err(not_to_go_on_with(path, UNUSABLE));
        }
        let kept = (!found.under_way).then_some(found.size);
        let begin = Begin::Resumed(partials, keeping, offset);
        Ok(Beginning { begin, mode: CreateMode::Resume(offset), owned, kept })
    }
}
