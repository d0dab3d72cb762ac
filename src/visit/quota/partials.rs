//! What uploads take up that were broken off and are kept: their owners' places hold them.

use wharf_backends::{EachFile, Result, Storage, StoragePath};

use super::change::Change;
use super::counted::Counted;
use super::{Quotas, Usage};

/// A name that no file has, for what is counted of an upload.
fn name_of(path: &StoragePath, owner: &str) -> StoragePath {
    StoragePath::parse(&format!("{path}/kept for {owner}")).unwrap_or_else(|_| path.clone())
}

impl Counted {
    /// Whether there is a quota.
    pub(in crate::visit) fn is_counted(&self, path: &StoragePath) -> bool {
        self.limit.is_some() || self.books().is_some_and(|books| !books.around(path).is_empty())
    }

    /// So many bytes of an upload were kept until now, and so many are from now on.
    pub(in crate::visit) fn note_kept(
        &self,
        path: &StoragePath,
        owner: &str,
        before: Option<u64>,
        now: Option<u64>,
    ) {
        let Some(books) = self.books() else { return };
        let ledgers = books.around(path);
        if !ledgers.is_empty() {
            Change::begin(ledgers, &name_of(path, owner), before).ends(now, |_| Usage::default());
        }
    }
}

impl Counted {
    /// Nobody knows what is kept at a path now: its places are looked at anew.
    pub(in crate::visit) fn doubt_kept(&self, path: &StoragePath) {
        let Some(books) = self.books() else { return };
        books.around(path).iter().for_each(|ledger| ledger.doubt());
    }
}

impl Quotas {
    /// What was kept of somebody's upload was removed, by nobody who has a session.
    pub(crate) fn kept_was_removed(&self, backend: &str, path: &StoragePath, owner: &str, bytes: u64) {
        for books in self.all().iter().filter(|books| books.backend == backend) {
            let ledgers = books.around(path);
            Change::begin(ledgers, &name_of(path, owner), Some(bytes)).ends(None, |_| Usage::default());
        }
    }

    /// Somebody's upload that was kept is there no more, and nobody knows since when.
    pub(crate) fn kept_is_gone(&self, backend: &str, path: &StoragePath) {
        for books in self.all().iter().filter(|books| books.backend == backend) {
            books.around(path).iter().for_each(|ledger| ledger.doubt());
        }
    }
}

/// Tells of every file below a directory, and of every upload that is kept there.
pub(super) async fn all_below(
    storage: &dyn Storage,
    directory: &StoragePath,
    each: EachFile<'_>,
) -> Result<()> {
    let files = storage.files_below(directory, each).await;
    if let Some(partials) = storage.partials() {
        for partial in partials.all().await? {
            // What is under way is held by its upload.
            if partial.path.starts_with(directory) && !partial.under_way {
                each(&name_of(&partial.path, &partial.owner), partial.size);
            }
        }
    }
    files
}
