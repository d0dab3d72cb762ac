//! Names that stay what they are while somebody acts on them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cap_std::fs::Dir;

use super::disk::Mount;

/// The lock on the names of one file system. It is held for writing while something looks at a name and then acts on what it has
/// seen, and for reading while uploads are given their names, so that nothing comes between the two. Other processes are not
/// kept out.
///
/// Each file system has its own: who has it may wait for the disk, and others must not wait for that.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<RwLock<()>>);

static BY_DEVICE: LazyLock<Mutex<HashMap<(u32, u32), Names>>> = LazyLock::new(Mutex::default);

impl Names {
    /// Of the file system that a directory is on.
    pub(super) fn of(directory: &Dir) -> io::Result<Self> {
        let device = Mount::of(directory)?.device;
        let mut all = BY_DEVICE.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.entry(device).or_insert_with(|| Self(Arc::default())).clone())
    }

    pub(super) fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with_others(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
