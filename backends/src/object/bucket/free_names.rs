//! Which names in a directory are directories, learned for all names at once if several are needed.
//!
//! To find out whether a name is a directory's costs a request for each upload. A client that stores one file after the other in
//! a directory causes the same question for each of them. So the second question within moments asks for all names of the
//! directory, and its answer holds for some seconds. If a few pages do not list all names, each name is asked for by itself.

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
    /// Not at all: moments ago the name was no directory's.
    None,
    /// Ask the store for this name.
    Name,
    /// Ask the store for all names of the directory, and give the answer to [`FreeNames::learned`], with this time.
    All(Instant),
}

/// What is known of the names in a directory.
struct Names {
    /// The time of the question: the answer is not older.
    at: Instant,
    state: State,
}

enum State {
    /// One name was asked for.
    Asked,
    /// All names were asked for, and there is no answer yet. It holds the directories that this server has made meanwhile.
    Asking(HashSet<Box<str>>),
    /// These are all directories.
    Known(HashSet<Box<str>>),
    /// The directories are too many, or the store does not list them.
    Unknown,
}

#[derive(Default)]
pub(crate) struct FreeNames(Mutex<HashMap<StoragePath, Names>>);

impl FreeNames {
    fn directories(&self) -> MutexGuard<'_, HashMap<StoragePath, Names>> {
        // State that a panic left half-done costs some requests at worst.
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

    /// Notes the store's answer to the question of the time `asked`: all names of directories in `parent`, or `None` without an
    /// answer. An answer that comes after the next question has no effect.
    pub(crate) fn learned(&self, parent: &StoragePath, asked: Instant, listed: Option<HashSet<Box<str>>>) {
        if let Some(names) = self.directories().get_mut(parent)
            && names.at == asked
            && let State::Asking(made_meanwhile) = &mut names.state
        {
            let made_meanwhile = std::mem::take(made_meanwhile);
            names.state = match listed {
                Some(mut known) => {
                    known.extend(made_meanwhile);
                    State::Known(known)
                }
                None => State::Unknown,
            };
        }
    }

    /// Begins to ask for all names in `directory`, which is about to be made, and returns the time for
    /// [`learned`](Self::learned). If they are asked for or known already, that has no effect.
    pub(crate) fn asking(&self, directory: &StoragePath) -> Instant {
        let at = Instant::now();
        let mut directories = self.directories();
        if directories.len() >= MOST {
            directories.retain(|_, names| names.at.elapsed() < FRESH);
        }
        let is_known = directories.get(directory).is_some_and(|names| names.at.elapsed() < FRESH);
        if !is_known && directories.len() < MOST {
            directories.insert(directory.clone(), Names { at, state: State::Asking(HashSet::new()) });
        }
        at
    }

    /// Ends the question of the time `asked` that has no answer: the next one is asked for anew.
    pub(crate) fn not_learned(&self, directory: &StoragePath, asked: Instant) {
        let mut directories = self.directories();
        let is_asking = |names: &Names| names.at == asked && matches!(names.state, State::Asking(_));
        if directories.get(directory).is_some_and(is_asking) {
            directories.remove(directory);
        }
    }

    /// Forgets the names in `directory` and below: it is removed, or gets what was somewhere else.
    pub(crate) fn forget(&self, directory: &StoragePath) {
        self.directories().retain(|path, _| !path.starts_with(directory));
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
