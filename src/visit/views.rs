//! The view of each user.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use wharf_backends::StoragePath;

use super::quota::{Counted, Ledger, Limit, Origin};
use super::{Mount, MountTable, Permissions, Quotas, UserView};
use crate::config::{Account, Backend, Quota};
use crate::storages::Storages;

/// The name of a backend, and a directory there.
type Place = (String, StoragePath);

/// Makes what users see of what is configured for them.
pub struct Views {
    storages: Storages,
    /// Where each backend keeps what it stores, if that outlives it.
    locations: HashMap<String, Arc<str>>,
    given: RwLock<Given>,
    /// The places with quotas that are given to somebody, and to how many: they are counted for as long.
    limited: Mutex<HashMap<Place, (usize, Arc<Ledger>)>>,
    quotas: Arc<Quotas>,
}

/// An account names a backend that is not there. The check of a configuration rules it out.
#[derive(Debug, thiserror::Error)]
#[error("backend {0:?} is not defined")]
pub struct UnknownBackend(String);

impl Views {
    /// On these storages, of which nobody was given a directory yet.
    pub(crate) fn new(
        backends: &BTreeMap<String, Arc<dyn Backend>>,
        storages: &Storages,
        quotas: &Arc<Quotas>,
    ) -> Self {
        let location = |(name, backend): (&String, &Arc<dyn Backend>)| {
            let location = backend.location()?;
            Some((name.clone(), format!("{} {location}", backend.kind()).into()))
        };
        Self {
            storages: storages.clone(),
            locations: backends.iter().filter_map(location).collect(),
            given: RwLock::default(),
            limited: Mutex::default(),
            quotas: Arc::clone(quotas),
        }
    }

    /// These storages are the ones in use from now on.
    pub(crate) fn follow(&self) {
        self.quotas.follow(|backend| self.origin(backend).ok());
    }

    /// Somebody has this tree from now on.
    ///
    /// # Errors
    /// [`UnknownBackend`]; then nothing is given.
    pub fn give(&self, account: &Account) -> Result<(), UnknownBackend> {
        for (backend, _) in directories(account) {
            self.storage(backend)?;
        }
        let mut given = self.given.write().unwrap_or_else(PoisonError::into_inner);
        directories(account).for_each(|(backend, path)| given.add(backend, path));
        drop(given);
        // What they hold is counted before somebody comes.
        for (backend, path, _) in places(account).filter(|(.., quota)| quota.is_some()) {
            let ledger = self.quotas.place(&self.quotas.of(backend, &self.origin(backend)?), path);
            let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
            limited.entry((backend.to_owned(), path.clone())).or_insert((0, ledger)).0 += 1;
        }
        Ok(())
    }

    /// Whoever had this tree has it no more.
    pub fn take_back(&self, account: &Account) {
        let mut given = self.given.write().unwrap_or_else(PoisonError::into_inner);
        directories(account).for_each(|(backend, path)| given.remove(backend, path));
        drop(given);
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        for (backend, path, _) in places(account).filter(|(.., quota)| quota.is_some()) {
            let Entry::Occupied(mut entry) = limited.entry((backend.to_owned(), path.clone())) else {
                continue;
            };
            entry.get_mut().0 -= 1;
            if entry.get().0 == 0 {
                entry.remove();
            }
        }
    }

    /// What somebody sees who has this tree.
    ///
    /// # Errors
    /// [`UnknownBackend`].
    pub fn of(&self, account: &Account) -> Result<UserView, UnknownBackend> {
        let own = (&*account.backend, &account.path, account.quota);
        let root = self.mount(&StoragePath::root(), own, account.permissions)?;
        let root = Mount { resume_uploads: account.resume_uploads, ..root };
        let others = account.mounts.iter().map(|mount| {
            let own = (&*mount.backend, &mount.path, mount.quota);
            let resume_uploads = mount.resume_uploads;
            let mount = self.mount(&mount.at, own, mount.permissions)?;
            Ok(Mount { resume_uploads, ..mount })
        });
        Ok(UserView::new(MountTable::new(root, others.collect::<Result<_, _>>()?)))
    }

    fn storage(&self, backend: &str) -> Result<&Arc<dyn wharf_backends::Storage>, UnknownBackend> {
        self.storages.get(backend).ok_or_else(|| UnknownBackend(backend.to_owned()))
    }

    fn origin(&self, backend: &str) -> Result<Origin, UnknownBackend> {
        let storage = Arc::clone(self.storage(backend)?);
        Ok(Origin { storage, location: self.locations.get(backend).cloned() })
    }

    fn mount(
        &self,
        at: &StoragePath,
        (backend, path, quota): (&str, &StoragePath, Option<Quota>),
        permissions: Permissions,
    ) -> Result<Mount, UnknownBackend> {
        let storage = self.storage(backend)?;
        let root = self.given.read().unwrap_or_else(PoisonError::into_inner).confined(backend, path);
        let origin = self.origin(backend)?;
        let books = self.quotas.of(backend, &origin);
        let limit = quota.map(|quota| Limit { ledger: self.quotas.place(&books, path), quota });
        let counted = Counted::new(origin, books, limit);
        let (at, backend) = (at.clone(), backend.into());
        Ok(Mount { backend, counted, ..Mount::new(at, Arc::clone(storage), root, permissions) })
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views").field("backends", &self.storages.keys()).finish_non_exhaustive()
    }
}

/// All directories of backends that an account has.
fn directories(account: &Account) -> impl Iterator<Item = (&str, &StoragePath)> {
    places(account).map(|(backend, path, _)| (backend, path))
}

/// The same, with their quotas.
fn places(account: &Account) -> impl Iterator<Item = (&str, &StoragePath, Option<Quota>)> {
    let mounts = account.mounts.iter().map(|mount| (mount.backend.as_str(), &mount.path, mount.quota));
    mounts.chain([(account.backend.as_str(), &account.path, account.quota)])
}

/// All directories of backends that are given to somebody, and to how many.
#[derive(Debug, Default)]
struct Given(HashMap<String, BTreeMap<StoragePath, usize>>);

impl Given {
    fn add(&mut self, backend: &str, path: &StoragePath) {
        // Most of the time the backend is there already.
        if !self.0.contains_key(backend) {
            self.0.insert(backend.to_owned(), BTreeMap::new());
        }
        if let Some(paths) = self.0.get_mut(backend) {
            *paths.entry(path.clone()).or_default() += 1;
        }
    }

    fn remove(&mut self, backend: &str, path: &StoragePath) {
        let Some(paths) = self.0.get_mut(backend) else { return };
        if let Some(count) = paths.get_mut(path) {
            *count -= 1;
            if *count == 0 {
                paths.remove(path);
            }
        }
    }

    /// A directory of a backend, confined to itself and to each given one that it lies in: whoever has that may put a link in
    /// its place, which must lead nowhere that they may not go.
    fn confined(&self, backend: &str, path: &StoragePath) -> StoragePath {
        let paths = self.0.get(backend);
        let is_given =
            |outer: &StoragePath| outer == path || paths.is_some_and(|paths| paths.contains_key(outer));
        let around: Vec<_> =
            std::iter::successors(Some(path.clone()), StoragePath::parent).filter(is_given).collect();
        let inside = |outer: StoragePath, given: StoragePath| given.confined_to(&outer);
        let itself = around.into_iter().rev().fold(StoragePath::root(), inside);
        itself.clone().confined_to(&itself)
    }
}
