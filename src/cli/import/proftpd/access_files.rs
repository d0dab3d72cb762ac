//! Files `.ftpaccess` in directories, which limit what may be done there. They are not read: their directories are closed.

use std::collections::BTreeMap;
use std::fs;

use super::super::Options;
use super::super::inputs::rest_below;
use super::super::model::{Mount, Quota, Tree, View};
use super::rights::{self, Person, Scope};
use super::syntax::is_on;
use crate::config::Permissions;

/// How deep directories are looked at, how many entries of one user, and the most mounts that are made.
const MAX_DEPTH: usize = 12;
const MAX_OF_A_USER: usize = 5_000;
const MAX_MOUNTS: usize = 40;

struct Walk<'a> {
    scopes: &'a [Scope<'a>],
    person: &'a Person<'a>,
    options: &'a Options,
    left: usize,
    is_cut_short: bool,
    /// The directories with such a file.
    found: BTreeMap<String, Tree>,
}

/// Takes all permissions from directories of a view with such a file; what there is to say.
pub(super) fn close(
    view: &mut View,
    scopes: &[Scope<'_>],
    person: &Person<'_>,
    options: &Options,
) -> Vec<String> {
    let Tree::Local { path: root, .. } = view.tree.clone() else { return Vec::new() };
    let (left, found) = (MAX_OF_A_USER, BTreeMap::new());
    let mut walk = Walk { scopes, person, options, left, is_cut_short: false, found };
    for tree in std::iter::once(&view.tree).chain(view.mounts.iter().map(|mount| &mount.tree)) {
        if let Tree::Local { path, .. } = tree {
            walk.below(path, tree, 0);
        }
    }
    let mut remarks = Vec::new();
    let is_too_much = walk.found.len() > MAX_MOUNTS;
    if walk.is_cut_short {
        remarks.push("there are too many directories to look for .ftpaccess in all of them: look for such files, which are not read".to_owned());
    }
    for (path, tree) in walk.found {
        remarks.push(format!(
            "{path}/.ftpaccess is not read: nobody may do anything in its directory. Write `permissions` as the file has them, or say \
             `AllowOverride off` there if it does not count"
        ));
        let rest = rest_below(&path, &root).unwrap_or_default();
        if is_too_much || rest.is_empty() {
            view.permissions = Permissions::empty();
            view.mounts.clear();
            continue;
        }
        view.mounts.retain(|mount| match &mount.tree {
            Tree::Local { path: other, .. } => rest_below(other, &path).is_none(),
            Tree::Stored { .. } => true,
        });
        if !view.permissions.is_empty() || !view.mounts.is_empty() {
            let (at, permissions, quota) = (format!("/{rest}"), Permissions::empty(), Quota::default());
            view.mounts.push(Mount { at, tree: tree.at(&path), permissions, quota });
        }
    }
    view.mounts.sort_by(|a, b| a.at.cmp(&b.at));
    remarks
}

impl Walk<'_> {
    fn below(&mut self, path: &str, tree: &Tree, depth: usize) {
        let Ok(entries) = fs::read_dir(self.options.finder.locate(path)) else { return };
        let mut names = Vec::new();
        for entry in entries.flatten() {
            if self.left == 0 || depth > MAX_DEPTH || !self.options.budget.take() {
                self.is_cut_short = true;
                break;
            }
            self.left -= 1;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name == ".ftpaccess" && self.is_read(path) {
                self.found.insert(path.to_owned(), tree.clone());
                return;
            }
            // Symbolic links are not followed: what they point to has its own place, or is outside.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                names.push(name);
            }
        }
        names.sort();
        for name in names {
            self.below(&format!("{}/{name}", path.trim_end_matches('/')), tree, depth + 1);
        }
    }

    /// Whether such a file would be read there. It is, if nothing says no.
    fn is_read(&self, path: &str) -> bool {
        let directives =
            rights::around(self.scopes, path).into_iter().flat_map(|block| block.all("allowoverride"));
        for directive in directives {
            let rest = directive.words.get(2..).unwrap_or_default();
            let is_meant = match directive.word(1).to_ascii_lowercase().as_str() {
                "" => true,
                _ if rights::is_regex(rest) => false,
                "user" => self.person.is_named(rest),
                "group" => self.person.is_in(rest),
                _ => false,
            };
            if is_meant {
                return is_on(directive.word(0), true);
            }
        }
        true
    }
}
