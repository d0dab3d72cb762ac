//! What is known of the files of a directory, and of their users.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::Account;
use crate::accounts::build::Maker;
use crate::config::{FileStamp, Found, Problem, ReadFile};
use crate::host::HostMap;
use crate::visit::Views;

/// What is known.
#[derive(Debug, Default)]
pub(super) struct State {
    files: BTreeMap<Arc<str>, File>,
    /// For each user the files that define it, sorted by their names: the first one counts.
    users: HashMap<String, Vec<Claim>>,
    /// The hosts that some of these belong to.
    pub(super) hosts: HostMap<usize>,
    /// How many files are wrong, how many users are defined more than once, and how many somewhere else, which counts more.
    wrong: usize,
    twice: usize,
    shadowed: usize,
    /// The last look at the directory failed.
    pub(super) unreadable: bool,
}

#[derive(Debug)]
struct File {
    stamp: FileStamp,
    /// The secrets that it names, as they were.
    secrets: Vec<ReadFile>,
    users: Vec<String>,
    is_wrong: bool,
}

/// A file that defines a user.
#[derive(Debug)]
struct Claim {
    file: Arc<str>,
    account: Arc<Account>,
    line: u32,
    column: u32,
}

impl State {
    pub(super) fn find(&self, name: &str) -> Option<Arc<Account>> {
        self.users.get(name)?.first().map(|claim| Arc::clone(&claim.account))
    }

    /// The accounts that count.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.users.values().filter_map(|claims| claims.first()).map(|claim| &claim.account)
    }

    /// The names of all files.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.files.keys()
    }

    /// How much of what is there does not count.
    pub(super) fn wrong(&self) -> usize {
        self.wrong + self.twice + self.shadowed + usize::from(self.unreadable)
    }

    /// Counts the users of whom this holds: that they are defined somewhere else, which counts more.
    pub(super) fn set_shadowed(&mut self, is_shadowed: impl Fn(&str) -> bool) {
        self.shadowed = self.users.keys().filter(|user| is_shadowed(user)).count();
    }

    /// Whether the file, and the secrets that it names, are as they were when they were read.
    pub(super) fn is_as_before(&self, name: &str, stamp: &FileStamp) -> bool {
        self.files
            .get(name)
            .is_some_and(|file| file.stamp == *stamp && !file.secrets.iter().any(ReadFile::has_changed))
    }

    /// The accounts that a file defines.
    pub(super) fn accounts_of(&self, name: &str) -> Vec<Arc<Account>> {
        let users = self.files.get(name).map(|file| file.users.as_slice()).unwrap_or_default();
        let claims = users.iter().filter_map(|user| self.users.get(user)).flatten();
        claims.filter(|claim| &*claim.file == name).map(|claim| Arc::clone(&claim.account)).collect()
    }

    /// The file is not there any more.
    pub(super) fn remove(&mut self, name: &str, views: &Views, changed: &mut BTreeSet<String>) {
        let Some((name, file)) = self.files.remove_entry(name) else { return };
        self.wrong -= usize::from(file.is_wrong);
        self.withdraw(&name, file.users, views, changed);
        tracing::info!(file = &*name, "a file of users is gone");
    }

    fn withdraw(&mut self, file: &str, users: Vec<String>, views: &Views, changed: &mut BTreeSet<String>) {
        for user in users {
            let Some(claims) = self.users.get_mut(&user) else { continue };
            let was_twice = claims.len() > 1;
            claims.retain(|claim| {
                let stays = &*claim.file != file;
                if !stays {
                    views.take_back(&claim.account.tree);
                    claim.account.access.hosts.iter().for_each(|host| self.hosts.discount(host));
                }
                stays
            });
            self.twice -= usize::from(was_twice && claims.len() <= 1);
            if claims.is_empty() {
                self.users.remove(&user);
            }
            changed.insert(user);
        }
    }

    /// A file was read. If it is wrong, its users are as they were, or these, which an earlier world had of it.
    pub(super) fn put(
        &mut self,
        name: &str,
        stamp: FileStamp,
        found: Found,
        kept: Vec<Arc<Account>>,
        maker: &Maker,
        changed: &mut BTreeSet<String>,
    ) {
        let Found { users, mut problems, warnings, files, .. } = found;
        for Problem { file, place, message } in &warnings {
            let (line, column) = place.as_ref().map(|place| (place.line, place.column)).unzip();
            tracing::warn!(file, line, column, "{message}");
        }
        let mut accounts = Vec::new();
        if problems.is_empty() {
            for (user, line, column) in users {
                match maker.user(&user) {
                    Ok(account) => accounts.push((Arc::new(account), line, column)),
                    Err(error) => {
                        let problem =
                            Problem { file: name.to_owned(), place: None, message: error.to_string() };
                        problems.push(problem);
                    }
                }
            }
        }
        let is_wrong = !problems.is_empty();
        for Problem { file, place, message } in &problems {
            let (line, column) = place.as_ref().map(|place| (place.line, place.column)).unzip();
            tracing::error!(
                file,
                line,
                column,
                "a file of users is wrong, so they stay as they were: {message}"
            );
        }
        let before = self.files.remove_entry(name);
        let name = before.as_ref().map_or_else(|| name.into(), |(name, _)| Arc::clone(name));
        let before = before.map(|(_, file)| file);
        self.wrong -= usize::from(before.as_ref().is_some_and(|file| file.is_wrong));
        self.wrong += usize::from(is_wrong);
        let mut file = File { stamp, secrets: files, users: Vec::new(), is_wrong };
        let before = before.map(|file| file.users).unwrap_or_default();
        if is_wrong {
            accounts.iter().for_each(|(account, ..)| maker.views().take_back(&account.tree));
            file.users = before;
            if file.users.is_empty() {
                let still = kept.into_iter().filter(|account| maker.views().give(&account.tree).is_ok());
                accounts = still.map(|account| (account, 0, 0)).collect();
            } else {
                accounts.clear();
            }
        } else {
            self.withdraw(&name, before, maker.views(), changed);
        }
        for (account, line, column) in accounts {
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            file.users.push(account.name.clone());
            changed.insert(account.name.clone());
            account.access.hosts.iter().for_each(|host| self.hosts.count(host));
            let claims = self.users.entry(account.name.clone()).or_default();
            self.twice += usize::from(claims.len() == 1);
            let at = claims.partition_point(|claim| claim.file < name);
            let claim =
                Claim { file: Arc::clone(&name), account, line: number(line), column: number(column) };
            claims.insert(at, claim);
        }
        self.files.insert(name, file);
    }

    /// Reports users that are defined more than once, of those that changed. `shadow` says where else a user is defined, which counts
    /// more than this directory.
    pub(super) fn report_twice<'a>(
        &self,
        changed: &BTreeSet<String>,
        shadow: impl Fn(&str) -> Option<&'a str>,
        directory: &Path,
    ) {
        for user in changed {
            let Some((first, others)) = self.users.get(user).and_then(|claims| claims.split_first()) else {
                continue;
            };
            let report = |claim: &Claim, other: &str| {
                let Claim { file, line, column, .. } = claim;
                let file = directory.join(&**file).display().to_string();
                tracing::error!(
                    file,
                    line,
                    column,
                    user,
                    other,
                    "this user is defined elsewhere, too, which counts"
                );
            };
            if let Some(other) = shadow(user) {
                report(first, other);
            }
            others.iter().for_each(|claim| report(claim, &first.file));
        }
    }
}
