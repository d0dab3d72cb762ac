//! Directories with keys that can't be shown.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::StoragePath;

/// Directories that are remembered because keys in them can't be shown.
const MOST_REPORTED: usize = 1024;

/// The directories for which the log has a line already about keys that no path can name.
#[derive(Default)]
pub(crate) struct Reported(Mutex<HashSet<StoragePath>>);

impl Reported {
    /// Whether the directory has no line yet; from now on it counts as having one.
    pub(crate) fn is_new(&self, path: &StoragePath) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.len() < MOST_REPORTED && reported.insert(path.clone())
    }
}
