//! Names that stay the same while a task acts on them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cap_std::fs::Dir;

use super::disk::Mount;

/// The lock on the names of one file system. A task holds it for writing while it looks at a name and then acts on the
/// result, and for reading while uploads get their names, so that nothing happens in between. It does not keep other
/// processes out.
///
/// Each file system has its own lock: its holder may wait for the disk, and tasks of other disks must not wait for
/// that.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<RwLock<()>>);

static BY_DEVICE: LazyLock<Mutex<HashMap<(u32, u32), Names>>> = LazyLock::new(Mutex::default);

impl Names {
    /// The lock of the file system of a directory.
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
