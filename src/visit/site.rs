//! Where in a backend something is changed, for whoever has to ask its storage about it.

use std::sync::Arc;

use wharf_backends::{Result, Storage, StoragePath};

use super::view::{Place, UserView};
use super::{Operation, Permissions};

/// A path of a user's tree, as its backend knows it.
#[derive(Debug, Clone)]
pub struct Site {
    /// The path in the user's tree.
    pub path: StoragePath,
    /// Where the mount stands in the user's tree.
    pub mount: StoragePath,
    /// The name of the backend.
    pub backend: Arc<str>,
    /// Its storage.
    pub storage: Arc<dyn Storage>,
    /// The path there.
    pub stored_at: StoragePath,
}

impl Site {
    fn of(path: &StoragePath, place: Place<'_>) -> Self {
        let Place { mount, path: stored_at } = place;
        let (backend, storage) = (Arc::clone(&mount.backend), Arc::clone(&mount.storage));
        Self { path: path.clone(), mount: mount.at.clone(), backend, storage, stored_at }
    }
}

impl UserView {
    /// Where a user stores a file.
    pub(super) fn site(&self, path: &StoragePath) -> Result<Site> {
        Ok(Site::of(path, self.authorize(path, Permissions::empty())?))
    }

    /// Where an operation changes something, if it is one that does, and its user may do so: of a rename the new place, and the
    /// old one.
    pub(super) fn sites(&self, operation: Operation<'_>) -> Option<(Site, Option<Site>)> {
        let (path, needed, from) = match operation {
            Operation::RemoveFile(path) | Operation::RemoveDirectory(path) => {
                (path, Permissions::DELETE, None)
            }
            Operation::MakeDirectory(path) => (path, Permissions::MKDIR, None),
            Operation::Rename { from, to } => (to, Permissions::empty(), Some(from)),
            Operation::Look(_)
            | Operation::List(_)
            | Operation::Read(..)
            | Operation::Digest(..)
            | Operation::Store(..)
            | Operation::SetTime(..)
            | Operation::SetMode(..) => return None,
        };
        let place = self.authorize_change(path, needed).ok()?;
        let from = match from {
            Some(from) => Some(Site::of(from, self.authorize_change(from, Permissions::RENAME).ok()?)),
            None => None,
        };
        Some((Site::of(path, place), from))
    }
}
