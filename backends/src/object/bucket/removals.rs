//! Directories that one file after the other is removed from.
//!
//! A name that was not seen has to be looked at before it is removed: it may be no file's, and some stores remove what is not
//! there without a word. No condition of a removal spares the look. `If-Match: *` would tell of a missing file, on stores that
//! know it, but not of an empty object that is a directory's marker, which has to stay; and where the answer to a removal says
//! that nothing was there (Google, Azure), the marker is gone by then. So a removal takes two waits one after the other.
//!
//! A client that removes one file will often remove the next. So from the second one on, a page of the directory is listed while
//! the file is looked at and removed, and each file on it has been seen then: it takes one wait. This costs one request in ten
//! seconds for a directory, and no time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Bucket;
use super::known::FRESH;
use crate::StoragePath;

/// How long after a removal another one follows it: as long as a listing helps, and some more.
const FOLLOWS: Duration = Duration::from_secs(15);

/// Directories that are remembered.
const MOST: usize = 128;

/// The last removals from a directory.
struct Last {
    /// Of a file that had not been seen.
    unseen: Instant,
    /// The last time that others in it were looked at.
    looked: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct Removals(Mutex<HashMap<StoragePath, Last>>);

impl Removals {
    /// Notes that an unseen file is about to be removed, and says whether to look at others in its directory.
    pub(crate) fn is_one_of_many(&self, path: &StoragePath) -> bool {
        let Some(parent) = path.parent() else { return false };
        let now = Instant::now();
        let mut directories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = directories.get_mut(&parent) {
            let follows = now - std::mem::replace(&mut last.unseen, now) < FOLLOWS;
            let is_due = last.looked.is_none_or(|looked| now - looked >= FRESH);
            if follows && is_due {
                last.looked = Some(now);
            }
            return follows && is_due;
        }
        if directories.len() >= MOST {
            directories.retain(|_, last| now - last.unseen < FOLLOWS);
        }
        if directories.len() < MOST {
            directories.insert(parent, Last { unseen: now, looked: None });
        }
        false
    }
}

impl Bucket {
    /// Looks at a page of the directory that contains `path`. A failure has no meaning: then each file is looked at.
    pub(super) async fn see_neighbours(&self, path: &StoragePath) {
        let Some(parent) = path.parent() else { return };
        let Ok(prefix) = self.keys.directory(&parent) else { return };
        let asked = Instant::now();
        let Ok(page) = self.page(&prefix, None, false, None).await else { return };
        // An empty object may be a marker.
        for object in page.objects.iter().filter(|object| object.size > 0 && !object.is_folder) {
            let path = object.key.strip_prefix(&prefix).and_then(|name| parent.child(name).ok());
            if let Some(path) = path.filter(|path| self.keys.file(path).is_ok_and(|key| key == object.key)) {
                self.known.listed(&path, object.size, object.e_tag.as_deref(), asked);
            }
        }
    }
}

#[cfg(test)]
#[path = "removals_tests.rs"]
mod tests;
