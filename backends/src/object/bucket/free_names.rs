//! Which names in a directory are directories, learned at once where several are asked for.
//!
//! Whether a name is a directory's costs a request beside each upload. Whoever stores one file after the other in a directory
//! asks the same of all of them: the second question within moments is for all names of the directory, and its answer holds for
//! the others for some seconds. A directory with more names than a few pages tell is asked name by name.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::StoragePath;

/// How long an answer holds: another server may make directories.
const FRESH: Duration = Duration::from_secs(3);

/// Directories that are remembered; they take some MiB if each has many directories.
const MOST: usize = 128;

/// How to find out whether a name is a directory's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// It is none, as was seen moments ago.
    None,
    /// The store is asked for this name.
    Name,
    /// The store is asked for all names of the directory, and the answer is told to [`FreeNames::learned`], with this time.
    All(Instant),
}

/// What is known of the names in a directory.
struct Names {
    /// When somebody asked: no answer that is told is older.
    at: Instant,
    state: State,
}

enum State {
    /// For one name.
    Asked,
    /// For all, and there is no answer yet. Those that were made here meanwhile are noted.
    Asking(HashSet<Box<str>>),
    /// These are all directories.
    Known(HashSet<Box<str>>),
    /// They are too many, or the store does not tell.
    Unknown,
}

#[derive(Default)]
pub(crate) struct FreeNames(Mutex<HashMap<StoragePath, Names>>);

impl FreeNames {
    fn directories(&self) -> MutexGuard<'_, HashMap<StoragePath, Names>> {
        // What a panic left half-done here costs requests at worst.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How to find out whether `path` is a directory.
    pub(crate) fn question(&self, path: &StoragePath) -> Question {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else { return Question::Name };
        let mut directories = self.directories();
        match directories.get_mut(&parent) {
            Some(names) if names.at.elapsed() < FRESH => match &names.state {
                State::Known(known) if !known.contains(name) => Question::None,
                State::Asked => {
                    let at = Instant::now();
                    *names = Names { at, state: State::Asking(HashSet::new()) };
                    Question::All(at)
                }
                State::Known(_) | State::Asking(_) | State::Unknown => Question::Name,
            },
            _ => {
                if directories.len() >= MOST {
                    directories.retain(|_, names| names.at.elapsed() < FRESH);
                }
                if directories.len() < MOST {
                    directories.insert(parent, Names { at: Instant::now(), state: State::Asked });
                }
                Question::Name
            }
        }
    }

    /// Notes the answer of the store to the question of this time: all names of directories in `parent`, or `None` if it can't be
    /// had. One that comes so late that it was asked again says nothing.
    pub(crate) fn learned(&self, parent: &StoragePath, asked: Instant, told: Option<HashSet<Box<str>>>) {
        if let Some(names) = self.directories().get_mut(parent)
            && names.at == asked
            && let State::Asking(made) = &mut names.state
        {
            let made = std::mem::take(made);
            names.state = match told {
                Some(mut known) => {
                    known.extend(made);
                    State::Known(known)
                }
                None => State::Unknown,
            };
        }
    }

    /// Notes that `path` is a directory.
    pub(crate) fn directory(&self, path: &StoragePath) {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else { return };
        if let Some(Names { state: State::Known(names) | State::Asking(names), at }) =
            self.directories().get_mut(&parent)
            && at.elapsed() < FRESH
            && !names.contains(name)
        {
            names.insert(name.into());
        }
    }
}

#[cfg(test)]
#[path = "free_names_tests.rs"]
mod tests;
