//! Where backends keep what they have: two of them may have the same, under different names.

use std::collections::BTreeMap;
use std::path::Path;

use wharf_backends::StoragePath;

use super::super::checked::Account;
use super::backends::Defined;
use super::scan::places;
use crate::config::Ground;

/// A directory of a backend.
pub(super) struct Place {
    backend: String,
    path: StoragePath,
    /// `None` if nobody else can have it.
    ground: Option<Ground>,
}

impl Place {
    pub(super) fn of(backends: &BTreeMap<String, Defined>, backend: &str, path: &StoragePath) -> Self {
        let defined = backends.get(backend).and_then(|defined| defined.value.as_ref());
        let ground = defined.and_then(|backend| backend.ground()).map(|ground| ground.below(path));
        Self { backend: backend.to_owned(), path: path.clone(), ground }
    }

    /// Whether one of both is in the other.
    fn meets(&self, other: &Self) -> bool {
        if self.backend == other.backend {
            return self.path.starts_with(&other.path) || other.path.starts_with(&self.path);
        }
        matches!((&self.ground, &other.ground), (Some(one), Some(other)) if one.meets(other))
    }

    /// Whether somebody has a part of it, or more than that.
    pub(super) fn is_seen_by(&self, account: &Account, backends: &BTreeMap<String, Defined>) -> bool {
        places(account).any(|(backend, path)| Self::of(backends, backend, path).meets(self))
    }

    /// The backends that have a part of it, or more than that.
    pub(super) fn backends_with<'a>(
        &'a self,
        backends: &'a BTreeMap<String, Defined>,
    ) -> impl Iterator<Item = &'a str> {
        let has = |name: &&String| Self::of(backends, name, &StoragePath::root()).meets(self);
        backends.keys().filter(has).map(String::as_str)
    }
}

/// The backend of this machine's disks whose root holds this directory, or lies in it.
pub(super) fn root_that_meets<'a>(
    directory: &Path,
    backends: &'a BTreeMap<String, Defined>,
) -> Option<&'a str> {
    let directory = Ground::of_directory(directory);
    let has = |defined: &Defined| {
        let ground = defined.value.as_ref().and_then(|backend| backend.ground());
        ground.is_some_and(|ground| ground.meets(&directory))
    };
    backends.iter().find(|(_, defined)| has(defined)).map(|(name, _)| name.as_str())
}
