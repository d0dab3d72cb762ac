//! `users_from: [{ directory: PATH }]`: a file for each user, or for several, with the keys of `users`.
//!
//! The plan. All files are read when the world is built. Later looks read only files that are new or have changed, by their stamp
//! (or that of a secret which they name), and tell whose account changed. A file that is wrong changes nothing: its users are as
//! they were. Of a user whom several files define, the first file by name counts, and the others stand by: if the first is
//! removed, the next counts.
//!
//! Looks come one at a time; logins meanwhile see the state before or after a look.

mod files;
mod state;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use self::files::{Reading, Seen};
use self::state::State;
use super::{Account, Look, Source};
use crate::accounts::build::Maker;
use crate::config::{Entries, Found, Password};
use crate::host::Host;

/// How many files are read together when the world is built. What is in a file takes more memory than the account that is made
/// of it, and nobody sees the state between two parts. With 2048, the start took 1.6 times as long for 100,000 files. Tests have
/// few files.
const PART: usize = if cfg!(test) { 3 } else { 16 * 1024 };

/// Accounts of a directory.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    identity: String,
    entries: Entries,
    maker: Arc<Maker>,
    /// The users of the configuration file, who count more.
    above: Arc<HashMap<String, Arc<Account>>>,
    /// The sources that are asked before this one.
    earlier: Vec<Arc<dyn Source>>,
    state: RwLock<State>,
}

impl Directory {
    /// Reads all files. Of those that are wrong, the users of an earlier reading stay, if there is one. Blocks.
    ///
    /// # Errors
    /// If the directory can't be read: then nobody knows whom it still has.
    pub(super) fn open(
        path: &Path,
        entries: &Entries,
        maker: &Arc<Maker>,
        above: &Arc<HashMap<String, Arc<Account>>>,
        earlier: &[Arc<dyn Source>],
        before: Option<&dyn Source>,
    ) -> io::Result<Self> {
        let directory = Self {
            path: path.to_owned(),
            identity: identity(path),
            entries: entries.clone(),
            maker: Arc::clone(maker),
            above: Arc::clone(above),
            earlier: earlier.to_vec(),
            state: RwLock::default(),
        };
        let mut seen = files::all(path)?.files.into_iter();
        loop {
            let part: Vec<_> = seen.by_ref().take(PART).collect();
            if part.is_empty() {
                return Ok(directory);
            }
            directory.take(files::Look { files: part, all: None }, before);
        }
    }

    /// Where else a user is defined, so that the file of this directory does not count.
    fn shadow(&self, user: &str) -> Option<&str> {
        if self.above.contains_key(user) {
            return Some("the configuration file");
        }
        self.earlier.iter().find(|source| source.find(user).is_some()).map(|source| source.identity())
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at these files, or at all. Returns whose accounts may have changed.
    fn look_at_files(&self, names: Option<&BTreeSet<String>>) -> Vec<String> {
        match names {
            Some(names) => self.take(files::named(&self.path, names), None),
            None => match files::all(&self.path) {
                Ok(seen) => self.take(seen, None),
                Err(error) => {
                    // Whoever was known stays so: a disk that is gone for a moment must not end all sessions.
                    let path = self.path.display();
                    tracing::error!(%path, %error, "can't look for users in this directory: they stay as they are");
                    self.state.write().unwrap_or_else(PoisonError::into_inner).unreadable = true;
                    Vec::new()
                }
            },
        }
    }

    /// Takes over what a look has seen. Returns whose accounts may have changed.
    fn take(&self, seen: files::Look, before: Option<&dyn Source>) -> Vec<String> {
        let (mut stale, mut gone) = (Vec::new(), Vec::new());
        {
            let state = self.state();
            for Seen { name, stamp } in seen.files {
                match stamp {
                    Some(stamp) if state.is_as_before(&name, &stamp) => {}
                    Some(stamp) => stale.push((name, stamp)),
                    None => gone.push(name),
                }
            }
            if let Some(all) = &seen.all {
                gone.extend(
                    state.names().filter(|name| !all.contains(&***name)).map(|name| name.to_string()),
                );
            }
        }
        let readings = files::read(&self.path, stale, &self.entries);
        let mut changed = BTreeSet::new();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if seen.all.is_some() {
            state.unreadable = false;
        }
        for name in gone {
            state.remove(&name, self.maker.views(), &mut changed);
        }
        for Reading { name, stamp, found } in readings {
            let kept = before.map(|before| before.accounts_of(&name)).unwrap_or_default();
            state.put(&name, stamp, found, kept, &self.maker, &mut changed);
        }
        if !changed.is_empty() {
            state.set_shadowed(|user| self.shadow(user).is_some());
        }
        state.report_twice(&changed, |user| self.shadow(user), &self.path);
        changed.into_iter().collect()
    }
}

/// What is in each file, by its path.
pub(super) fn contents(path: &Path, entries: &Entries) -> io::Result<Vec<(String, Found)>> {
    let files = files::all(path)?.files.into_iter();
    let files = files.filter_map(|Seen { name, stamp }| Some((name, stamp?))).collect();
    let readings = files::read(path, files, entries).into_iter();
    Ok(readings.map(|reading| (path.join(&reading.name).display().to_string(), reading.found)).collect())
}

/// Whether a file of this name in a directory of users is one of theirs.
pub(super) fn is_file_of_users(name: &str) -> bool {
    files::counts(name)
}

/// It distinguishes this source from others.
pub(super) fn identity(path: &Path) -> String {
    format!("directory {}", path.display())
}

impl Source for Directory {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn find(&self, name: &str) -> Option<Arc<Account>> {
        self.state().find(name)
    }

    fn for_each_password(&self, each: &mut dyn FnMut(&Password)) {
        self.state().accounts().filter_map(|account| account.password.as_ref()).for_each(each);
    }

    fn has_hosts(&self) -> bool {
        !self.state().hosts.is_empty()
    }

    fn knows_host(&self, host: &Host) -> bool {
        self.state().hosts.get(host).is_some()
    }

    fn look(&self, at: &Look) -> Vec<String> {
        match at {
            Look::All => self.look_at_files(None),
            Look::Files { directory, names } if *directory == self.path => self.look_at_files(Some(names)),
            Look::Files { .. } => Vec::new(),
        }
    }

    fn wrong(&self) -> usize {
        self.state().wrong()
    }

    fn known(&self) -> Vec<Arc<Account>> {
        self.state().accounts().cloned().collect()
    }

    fn users(&self) -> usize {
        self.state().accounts().count()
    }

    fn accounts_of(&self, file: &str) -> Vec<Arc<Account>> {
        self.state().accounts_of(file)
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
