//! Which backends there are for the directories of this machine that users see.
//!
//! Homes beside each other share a backend, whose root is the directory above them; a directory that stands alone is the root of
//! a backend of its own. The root of the machine is never the root of a backend unless a user was given just that.

use std::collections::{BTreeMap, BTreeSet};

use super::inputs::rest_below;
use super::model::{Imported, Modes, Tree, View};

/// A backend of a directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) name: String,
    pub(super) root: String,
    pub(super) modes: Modes,
}

/// Where a directory is: the name of the backend and the path in it, empty for the whole of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) backend: String,
    pub(super) path: String,
}

/// All directories, and the backends for them.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) disks: Vec<Disk>,
    by_root: BTreeMap<(String, Modes), usize>,
}

fn trees(view: &View) -> impl Iterator<Item = &Tree> {
    std::iter::once(&view.tree).chain(view.mounts.iter().map(|mount| &mount.tree))
}

fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

impl Places {
    pub(super) fn of(imported: &Imported) -> Self {
        // Those who are left out have a backend, too, so that their entries can be used as they are.
        let views = imported.users.iter().map(|user| &user.view).chain(&imported.anonymous);
        let local = |tree: &Tree| match tree {
            Tree::Local { path, modes } => Some((path.clone(), *modes)),
            Tree::Stored { .. } => None,
        };
        let directories: BTreeSet<(String, Modes)> = views.flat_map(trees).filter_map(local).collect();
        let mut beside: BTreeMap<(&str, Modes), usize> = BTreeMap::new();
        for (path, modes) in &directories {
            *beside.entry((above(path), *modes)).or_default() += 1;
        }
        let shared = |path: &str, modes: Modes| {
            let above = above(path);
            !above.is_empty() && beside.get(&(above, modes)).is_some_and(|count| *count > 1)
        };
        let mut roots: BTreeSet<(&str, Modes)> = directories
            .iter()
            .map(
                |(path, modes)| {
                    if shared(path, *modes) { (above(path), *modes) } else { (path.as_str(), *modes) }
                },
            )
            .collect();
        // What lies in another root needs none of its own.
        let all = roots.clone();
        roots.retain(|(path, modes)| !has_root_above(path, *modes, &all));
        let mut names = Names::default();
        names.taken.extend(imported.stores.iter().map(|store| store.name.clone()));
        let mut places = Self::default();
        for (root, modes) in roots {
            let name = free_name(root, &mut names);
            places.by_root.insert((root.to_owned(), modes), places.disks.len());
            places.disks.push(Disk { name, root: root.to_owned(), modes });
        }
        places
    }

    /// Where this is.
    pub(super) fn spot(&self, tree: &Tree) -> Spot {
        let (path, modes) = match tree {
            Tree::Stored { store, path } => {
                return Spot { backend: store.clone(), path: path.trim_matches('/').to_owned() };
            }
            Tree::Local { path, modes } => (path, *modes),
        };
        let mut root = path.as_str();
        loop {
            let key = (if root.is_empty() { "/".to_owned() } else { root.to_owned() }, modes);
            if let Some(disk) = self.by_root.get(&key).and_then(|index| self.disks.get(*index)) {
                let path = rest_below(path, &disk.root).unwrap_or_default().to_owned();
                return Spot { backend: disk.name.clone(), path };
            }
            if root.is_empty() {
                // Every directory has a backend: this is not reached.
                return Spot { backend: "disk".to_owned(), path: path.clone() };
            }
            root = above(root);
        }
    }
}

fn has_root_above(path: &str, modes: Modes, roots: &BTreeSet<(&str, Modes)>) -> bool {
    let mut path = path;
    while !path.is_empty() {
        path = above(path);
        // A backend of the whole machine is for whoever was given it.
        if !path.is_empty() && roots.contains(&(path, modes)) {
            return true;
        }
    }
    false
}

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// The number that was tried last, by the name without it: homes of one name under thousands of directories are no rarity.
    numbers: BTreeMap<String, usize>,
}

/// A name that no other backend has: the last names of the path.
pub(super) fn free_name(path: &str, names: &mut Names) -> String {
    let clean = |name: &str| -> String {
        let shown =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '-' });
        shown.take(40).collect::<String>().trim_matches(|c| "-.".contains(c)).to_ascii_lowercase()
    };
    let last = path.rsplit('/').map(clean).find(|name| !name.is_empty());
    let base = last.unwrap_or_else(|| "machine".to_owned());
    let number = names.numbers.entry(base.clone()).or_insert(1);
    let mut name = base.clone();
    while !names.taken.insert(name.clone()) {
        *number += 1;
        name = format!("{base}-{number}");
    }
    name
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
