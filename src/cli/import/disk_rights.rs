//! What the modes of directories refuse to somebody. Other servers become the user, and the machine refuses them what its modes say;
//! Wharf works as one account, so what they refuse has to stand in permissions.
//!
//! The plan: the directories of a view are walked, as far as they are on this machine. Each has rights that follow from its owner, its
//! group and its mode. Where they are not those of the directory around it, a mount begins. The walk is bounded for one user and for the
//! whole import; what is behind the bounds counts as the directory around it, which is said.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;

use super::Options;
use super::accounts::{Account, Accounts};
use super::inputs::Finder;
use super::model::{Mount, Quota, Tree, User, View};
use crate::config::Permissions;

/// How deep directories are looked at, and how many of one user.
const MAX_DEPTH: usize = 12;
const MAX_OF_A_USER: usize = 5_000;
/// How many entries are looked at in one import.
const MAX_ENTRIES: usize = 300_000;
/// The most mounts that are made for one user.
const MAX_MOUNTS: usize = 40;

/// What takes the right to write into a directory.
pub(super) const CHANGES: Permissions = Permissions::UPLOAD
    .union(Permissions::OVERWRITE)
    .union(Permissions::RENAME)
    .union(Permissions::DELETE)
    .union(Permissions::MKDIR);

/// Who a server becomes for somebody. Without a number, only what all others may do counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    pub(super) uid: Option<u32>,
    pub(super) gids: BTreeSet<u32>,
    /// Files are only sent if all others may read them.
    pub(super) sends_for_all: bool,
}

impl Identity {
    /// The three bits of a mode that count for this one.
    fn bits(&self, found: &Metadata) -> u32 {
        let mode = found.mode();
        if self.uid == Some(found.uid()) {
            mode >> 6 & 7
        } else if self.gids.contains(&found.gid()) {
            mode >> 3 & 7
        } else {
            mode & 7
        }
    }

    fn may_read(&self, file: &Metadata) -> bool {
        self.bits(file) & 4 != 0 && (!self.sends_for_all || file.mode() & 4 != 0)
    }

    /// What is left of permissions in a directory.
    fn limited(&self, found: &Metadata, permissions: Permissions) -> Permissions {
        let bits = self.bits(found);
        let mut left = permissions;
        if bits & 1 == 0 {
            return Permissions::empty();
        }
        if bits & 2 == 0 {
            left -= CHANGES;
        }
        if bits & 4 == 0 {
            left -= Permissions::LIST;
        }
        // In a directory with the sticky bit, as /tmp, the files of others stay. Wharf does not know whose they are.
        if found.mode() & 0o1000 != 0 && self.uid != Some(found.uid()) {
            left -= Permissions::RENAME | Permissions::DELETE;
        }
        left
    }
}

impl Identity {
    pub(super) fn of(account: &Account, accounts: &Accounts) -> Self {
        let groups = accounts.groups.values();
        let others =
            groups.filter(|(_, members)| members.contains(&account.name)).filter_map(|(gid, _)| *gid);
        let gids = account.gid.into_iter().chain(others).collect();
        Self { uid: account.uid, gids, sends_for_all: false }
    }
}

/// How much of an import is left to look at.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(MAX_ENTRIES))
    }
}

impl Budget {
    /// Takes one entry; whether there was one left.
    pub(super) fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

/// What the walk has to say.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The directory of the user is not on this machine.
    pub(super) is_missing: bool,
    /// Not all of it was looked at.
    pub(super) is_cut_short: bool,
    /// A directory that could not be looked into, and why.
    pub(super) unlooked: Option<String>,
    /// A file that the other server did not send, and Wharf does.
    pub(super) unreadable: Option<String>,
}

/// Takes from a view what the modes of its directories refuse, and makes mounts where that changes. `change` is asked about the
/// permissions of each directory that may be written to.
pub(super) fn apply(
    view: &mut View,
    who: &Identity,
    finder: &Finder,
    budget: &Budget,
    change: impl Fn(Permissions) -> Permissions,
) -> Told {
    let mut told = Told::default();
    let fixed: BTreeSet<String> = view.mounts.iter().map(|mount| mount.at.clone()).collect();
    let mut walk =
        Walk { who, finder, budget, change: &change, fixed: &fixed, told: &mut told, left: MAX_OF_A_USER };
    let mut made = Vec::new();
    if let Tree::Local { path, .. } = &view.tree {
        let granted = view.permissions;
        match walk.begin(path) {
            Some(found) => {
                view.permissions = walk.rights(&found, granted);
                walk.below(path, "", granted, view.permissions, &view.tree, 0, &mut made);
            }
            None => walk.told.is_missing = true,
        }
    }
    for mount in &mut view.mounts {
        let Tree::Local { path, .. } = &mount.tree else { continue };
        let granted = mount.permissions;
        if let Some(found) = walk.begin(path) {
            mount.permissions = walk.rights(&found, granted);
            walk.below(path, &mount.at, granted, mount.permissions, &mount.tree, 0, &mut made);
        }
    }
    view.mounts.extend(made);
    view.mounts.sort_by(|a, b| a.at.cmp(&b.at));
    told
}

/// The same for a user, who is told about it.
pub(super) fn apply_to_user(user: &mut User, who: &Identity, options: &Options) {
    let before = (user.view.permissions, user.view.mounts.len());
    let told = apply(&mut user.view, who, &options.finder, &options.budget, |left| left);
    let place = user.place.clone();
    if before != (user.view.permissions, user.view.mounts.len()) {
        let text = "owners and modes of directories refuse some of this there, which `permissions` and `mounts` repeat as it is now";
        user.remark(&place, text);
    }
    for text in told.remarks() {
        user.remark(&place, text);
    }
}

/// The same for the anonymous login; what there is to say. `is_explicit`: the configuration names the directories for uploads, so they
/// need not be there.
pub(super) fn apply_to_anonymous(
    view: &mut View,
    who: &Identity,
    options: &Options,
    is_explicit: bool,
    change: impl Fn(Permissions) -> Permissions,
) -> Vec<String> {
    let told = apply(view, who, &options.finder, &options.budget, change);
    let mut remarks = told.remarks();
    if told.is_missing && !is_explicit && view.permissions.intersects(CHANGES) {
        view.permissions -= CHANGES;
        remarks.push(
            "the directory of the anonymous login is not on this machine, so it is not known which directories its account may write \
             to, and it may write to none: add `mounts` with `upload`"
                .to_owned(),
        );
    }
    remarks
}

impl Told {
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(path) = &self.unreadable {
            remarks.push(format!(
                "the modes of some files, such as {path}, refuse to send them there: Wharf sends all files that its own account may read"
            ));
        }
        if let Some(path) = &self.unlooked {
            remarks.push(format!(
                "some directories could not be looked into, such as {path}, so what the modes in them refuse is not known: import as root"
            ));
        }
        if self.is_cut_short {
            remarks.push("there are too many directories to compare all of their modes: compare what may be written to".to_owned());
        }
        remarks
    }
}

struct Walk<'a> {
    who: &'a Identity,
    finder: &'a Finder,
    budget: &'a Budget,
    change: &'a dyn Fn(Permissions) -> Permissions,
    /// Where mounts were before.
    fixed: &'a BTreeSet<String>,
    told: &'a mut Told,
    /// How many entries of this user are left to look at.
    left: usize,
}

impl Walk<'_> {
    fn begin(&self, path: &str) -> Option<Metadata> {
        fs::metadata(self.finder.locate(path)).ok().filter(Metadata::is_dir)
    }

    fn rights(&self, found: &Metadata, granted: Permissions) -> Permissions {
        let left = self.who.limited(found, granted);
        if left.intersects(CHANGES) { (self.change)(left) } else { left }
    }

    #[expect(clippy::too_many_arguments, reason = "each is one step's own")]
    fn below(
        &mut self,
        path: &str,
        at: &str,
        granted: Permissions,
        around: Permissions,
        tree: &Tree,
        depth: usize,
        made: &mut Vec<Mount>,
    ) {
        if around.is_empty() {
            return;
        }
        let entries = match fs::read_dir(self.finder.locate(path)) {
            Ok(entries) => entries,
            Err(error) => {
                self.told.unlooked.get_or_insert_with(|| format!("{path} ({error})"));
                return;
            }
        };
        let mut names = Vec::new();
        for entry in entries.flatten() {
            if self.left == 0 || self.budget.0.get() == 0 || depth > MAX_DEPTH {
                self.told.is_cut_short = true;
                break;
            }
            self.left -= 1;
            self.budget.0.set(self.budget.0.get() - 1);
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Symbolic links are not followed: what they point to has its own place, or is outside.
            let Ok(found) = entry.metadata() else { continue };
            if found.is_file() && around.contains(Permissions::DOWNLOAD) && !self.who.may_read(&found) {
                self.told.unreadable.get_or_insert_with(|| format!("{at}/{name}"));
            }
            if found.is_dir() {
                names.push((name, found));
            }
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, found) in names {
            let (path, at) = (format!("{path}/{name}"), format!("{at}/{name}"));
            if self.fixed.contains(&at) {
                continue;
            }
            let rights = self.rights(&found, granted);
            if rights != around {
                if made.len() >= MAX_MOUNTS {
                    self.told.is_cut_short = true;
                    return;
                }
                let quota = Quota::default();
                made.push(Mount { at: at.clone(), tree: tree.at(&path), permissions: rights, quota });
            }
            self.below(&path, &at, granted, rights, tree, depth + 1, made);
        }
    }
}

#[cfg(test)]
#[path = "disk_rights_tests.rs"]
mod tests;
