//! The view of each user.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use wharf_backends::{Storage, StoragePath};

use super::{Mount, MountTable, UserView};
use crate::accounts::Identity;
use crate::config::{Account, Chmod, Config};

/// Each configured storage by its name.
pub type Storages = BTreeMap<String, Arc<dyn Storage>>;

/// What each user sees, made once when the server starts.
#[derive(Debug)]
pub struct Views {
    users: HashMap<String, UserView>,
    anonymous: Option<UserView>,
}

/// An account names a backend that is not there. The check of a configuration rules it out.
#[derive(Debug, thiserror::Error)]
#[error("backend {0:?} is not defined")]
pub struct UnknownBackend(String);

impl Views {
    /// The views of all users of a configuration, on these storages.
    ///
    /// # Errors
    /// [`UnknownBackend`].
    pub fn new(config: &Config, storages: &Storages) -> Result<Self, UnknownBackend> {
        let given = Given::of(config);
        let mut users = HashMap::new();
        for user in &config.users {
            let chmod = user.chmod.unwrap_or(config.server.chmod);
            let view = view(&user.account, storages, &given)?;
            let creates_parents = user.create_parents.unwrap_or(config.server.create_parents);
            let view = view.setting_modes(chmod == Chmod::Apply).creating_parents(creates_parents);
            users.insert(user.name.clone(), view);
        }
        let sets_modes = config.server.chmod == Chmod::Apply;
        let anonymous = match &config.anonymous {
            Some(anonymous) => {
                let view = view(&anonymous.account, storages, &given)?.setting_modes(sets_modes);
                Some(view.creating_parents(config.server.create_parents))
            }
            None => None,
        };
        Ok(Self { users, anonymous })
    }

    /// The view of somebody who logged in; `None` if there is no such user any more.
    pub fn of(&self, identity: &Identity) -> Option<UserView> {
        match identity {
            Identity::User(name) => self.users.get(name).cloned(),
            Identity::Anonymous => self.anonymous.clone(),
        }
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

fn view(account: &Account, storages: &Storages, given: &Given<'_>) -> Result<UserView, UnknownBackend> {
    let storage =
        |name: &str| storages.get(name).map(Arc::clone).ok_or_else(|| UnknownBackend(name.to_owned()));
    let root = Mount {
        at: StoragePath::root(),
        storage: storage(&account.backend)?,
        root: given.confined(&account.backend, &account.path),
        permissions: account.permissions,
    };
    let mut others = Vec::new();
    for mount in &account.mounts {
        others.push(Mount {
            at: mount.at.clone(),
            storage: storage(&mount.backend)?,
            root: given.confined(&mount.backend, &mount.path),
            permissions: mount.permissions,
        });
    }
    Ok(UserView::new(MountTable::new(root, others)))
}
