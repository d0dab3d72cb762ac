//! The view of each user.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wharf_backends::{Storage, StoragePath};

use super::{Mount, MountTable, UserView};
use crate::auth::Identity;
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
        let mut users = HashMap::new();
        for user in &config.users {
            let chmod = user.chmod.unwrap_or(config.server.chmod);
            let view = view(&user.account, storages)?;
            let creates_parents = user.create_parents.unwrap_or(config.server.create_parents);
            let view = view.setting_modes(chmod == Chmod::Apply).creating_parents(creates_parents);
            users.insert(user.name.clone(), view);
        }
        let sets_modes = config.server.chmod == Chmod::Apply;
        let anonymous = match &config.anonymous {
            Some(anonymous) => {
                let view = view(&anonymous.account, storages)?.setting_modes(sets_modes);
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

fn view(account: &Account, storages: &Storages) -> Result<UserView, UnknownBackend> {
    let storage =
        |name: &str| storages.get(name).map(Arc::clone).ok_or_else(|| UnknownBackend(name.to_owned()));
    let root = Mount {
        at: StoragePath::root(),
        storage: storage(&account.backend)?,
        root: account.path.clone(),
        permissions: account.permissions,
    };
    let mut others = Vec::new();
    for mount in &account.mounts {
        others.push(Mount {
            at: mount.at.clone(),
            storage: storage(&mount.backend)?,
            root: mount.path.clone(),
            permissions: mount.permissions,
        });
    }
    Ok(UserView::new(MountTable::new(root, others)))
}
