//! Which storage stands where in a user's tree.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wharf_backends::{Error, Storage, StoragePath};

use super::Permissions;
use super::quota::Counted;

/// A directory of a backend at a path of a user's tree.
#[derive(Clone)]
pub struct Mount {
    /// Where it stands in the user's tree.
    pub at: StoragePath,
    /// The name of its backend; empty if it has none.
    pub(super) backend: Arc<str>,
    /// The storage that it shows.
    pub storage: Arc<dyn Storage>,
    /// The directory of the storage that it shows; confined to itself.
    pub root: StoragePath,
    /// What the user may do below it.
    pub permissions: Permissions,
    /// How long uploads are kept there whose line broke; `None`: they are not.
    pub resume_uploads: Option<Duration>,
    /// The storage for what changes it.
    pub(super) counted: Counted,
}

impl Mount {
    /// A directory of a storage, whose changes nobody counts.
    pub fn new(
        at: StoragePath,
        storage: Arc<dyn Storage>,
        root: StoragePath,
        permissions: Permissions,
    ) -> Self {
        let counted = Counted::free(&storage);
        Self { at, backend: Arc::default(), storage, root, permissions, resume_uploads: None, counted }
    }

    /// The path in the storage for a path of the user's tree that lies in this mount.
    pub(super) fn backend_path(&self, path: &StoragePath) -> Result<StoragePath, Error> {
        // Not a `join` of the rest: that may be empty, and must never be taken for an absolute path.
        let rest = path.strip_prefix(&self.at).unwrap_or_default();
        // It stays confined to what the root is: links of the storage lead nowhere that the user's own paths don't.
        self.root.join(&format!("./{rest}")).map_err(|error| Error::from(error).at(path))
    }

    /// What a link at `path` of the storage says, as this mount's user may hear it: a path of the user's tree, or one
    /// relative to the link. `None` if it leads to where the user sees nothing.
    pub(super) fn link_target(&self, path: &StoragePath, target: &str) -> Option<String> {
        if target.starts_with('/') {
            let target = StoragePath::parse(target).ok()?;
            let rest = target.strip_prefix(&self.root)?;
            return Some(self.at.join(&format!("./{rest}")).ok()?.as_str().to_owned());
        }
        let parent = path.parent()?;
        // As deep as the link is below the root of the mount, so often the target may go up.
        let inside = parent.strip_prefix(&self.root)?;
        let mut depth = inside.split('/').filter(|name| !name.is_empty()).count();
        for name in target.split('/') {
            match name {
                "" | "." => {}
                ".." => depth = depth.checked_sub(1)?,
                _ => depth += 1,
            }
        }
        Some(target.to_owned())
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {:?} {} ({})", self.at, self.storage, self.root, self.permissions)
    }
}

/// All mounts of a user. There is always one at `/`.
#[derive(Debug)]
pub struct MountTable {
    root: Mount,
    /// The others, those with the longest path first, so that the first match is the right one.
    others: Vec<Mount>,
}

impl MountTable {
    /// A table with what stands at `/` and other mounts, whose places differ from each other and from `/`.
    pub fn new(mut root: Mount, mut others: Vec<Mount>) -> Self {
        root.at = StoragePath::root();
        others.sort_by_key(|mount| std::cmp::Reverse(mount.at.as_str().len()));
        Self { root, others }
    }

    /// The mount that `path` lies in: the one with the longest path.
    pub fn resolve(&self, path: &StoragePath) -> &Mount {
        self.others.iter().find(|mount| path.starts_with(&mount.at)).unwrap_or(&self.root)
    }

    /// As [`resolve`](Self::resolve), of a path as it was written.
    pub(super) fn of_text(&self, path: &str) -> &Mount {
        match self.others.is_empty() {
            true => &self.root,
            false => StoragePath::parse(path).map_or(&self.root, |path| self.resolve(&path)),
        }
    }

    /// All of them, what stands at `/` first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Mount> {
        std::iter::once(&self.root).chain(self.others.iter().rev())
    }

    /// Whether `path` is a directory whatever the storage says: a mount point, or the way to one.
    pub fn is_fixed(&self, path: &StoragePath) -> bool {
        path.is_root() || self.others.iter().any(|mount| mount.at.starts_with(path))
    }

    /// The names in the directory `path` that lead to mounts.
    pub fn fixed_names(&self, path: &StoragePath) -> BTreeSet<String> {
        self.others
            .iter()
            .filter_map(|mount| mount.at.strip_prefix(path)?.split('/').next())
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }
}
