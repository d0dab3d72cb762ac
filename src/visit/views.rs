//! The view of each user.

use std::collections::BTreeSet;
use std::sync::Arc;

use wharf_backends::StoragePath;

use super::{Mount, MountTable, Permissions, UserView};
use crate::config::{Account, Config};
use crate::storages::Storages;

/// Makes what users see of what a configuration says of them.
pub struct Views<'a> {
    storages: &'a Storages,
    given: Given<'a>,
}

/// An account names a backend that is not there. The check of a configuration rules it out.
#[derive(Debug, thiserror::Error)]
#[error("backend {0:?} is not defined")]
pub struct UnknownBackend(String);

impl<'a> Views<'a> {
    /// For the accounts of a configuration, on these storages.
    pub fn new(config: &'a Config, storages: &'a Storages) -> Self {
        Self { storages, given: Given::of(config) }
    }

    /// What somebody sees who has this tree.
    ///
    /// # Errors
    /// [`UnknownBackend`].
    pub fn of(&self, account: &Account) -> Result<UserView, UnknownBackend> {
        let root = self.mount(&StoragePath::root(), &account.backend, &account.path, account.permissions)?;
        let others = account
            .mounts
            .iter()
            .map(|mount| self.mount(&mount.at, &mount.backend, &mount.path, mount.permissions));
        Ok(UserView::new(MountTable::new(root, others.collect::<Result<_, _>>()?)))
    }

    fn mount(
        &self,
        at: &StoragePath,
        backend: &str,
        path: &StoragePath,
        permissions: Permissions,
    ) -> Result<Mount, UnknownBackend> {
        let storage = self.storages.get(backend).ok_or_else(|| UnknownBackend(backend.to_owned()))?;
        let root = self.given.confined(backend, path);
        Ok(Mount { at: at.clone(), storage: Arc::clone(storage), root, permissions })
    }
}

/// All directories of backends that are given to somebody.
struct Given<'a>(BTreeSet<(&'a str, &'a StoragePath)>);

impl<'a> Given<'a> {
    fn of(config: &'a Config) -> Self {
        let accounts = config.users.iter().map(|user| &user.account);
        let accounts = accounts.chain(config.anonymous.iter().map(|anonymous| &anonymous.account));
        let of_account = |account: &'a Account| {
            let mounts = account.mounts.iter().map(|mount| (mount.backend.as_str(), &mount.path));
            mounts.chain([(account.backend.as_str(), &account.path)])
        };
        Self(accounts.flat_map(of_account).collect())
    }

    /// A directory of a backend, confined to itself and to each given one that it lies in: whoever has that may put a link in
    /// its place, which must lead nowhere that they may not go.
    fn confined(&self, backend: &str, path: &StoragePath) -> StoragePath {
        let around = self.0.iter().filter(|(other, given)| *other == backend && path.starts_with(given));
        // By their names, a directory comes before what lies in it.
        let inside =
            |outer: StoragePath, (_, given): &(&str, &StoragePath)| (*given).clone().confined_to(&outer);
        let itself = around.fold(StoragePath::root(), inside);
        itself.clone().confined_to(&itself)
    }
}
