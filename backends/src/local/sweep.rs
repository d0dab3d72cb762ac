//! Removes what uploads left behind that were neither finished nor aborted, for instance because the server was killed.

use std::io;
use std::time::Duration;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, openat, unlinkat};

use super::append::open_in;
use super::append_record::{Owner, Undone, undo};
use super::open_root::OpenRoot;
use super::partial;
use super::reserved::{FOLDER, PARTIAL_PREFIX, PREFIX, RECORD_PREFIX};
use crate::threads::step;
use crate::{ErrorKind, StoragePath};

/// Removes abandoned files, at the root and on file systems below it; returns how many.
pub(super) fn sweep(root: &OpenRoot) -> io::Result<u64> {
    let mut removed = sweep_folder_in(root, root)?;
    for mount in root.mounts_below() {
        // Uploads don't go to a directory that can't be entered.
        removed += root.open_dir(&mount).and_then(|top| sweep_folder_in(root, &top)).unwrap_or(0);
    }
    Ok(removed)
}

/// The same, with a log line.
pub(super) fn sweep_and_log(root: &OpenRoot) {
    match sweep(root) {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed what interrupted uploads had left behind"),
        // A root that can only be read is fine; uploads will report it.
        Err(error) => tracing::debug!(%error, "can't look for leftovers of interrupted uploads"),
    }
}

fn sweep_folder_in(root: &Dir, directory: &Dir) -> io::Result<u64> {
    match directory.open_dir(FOLDER) {
        Ok(folder) => sweep_files(root, &folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Removes the hidden files in a directory that no living upload holds, and undoes appends that were cut off; returns
/// how many.
fn sweep_files(root: &Dir, directory: &Dir) -> io::Result<u64> {
    let mut removed = 0;
    for entry in directory.entries()? {
        step();
        let name = entry?.file_name();
        let Some(known) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        if known.starts_with(RECORD_PREFIX) {
            match undo_abandoned(root, directory, known) {
                Ok(true) => removed += 1,
                Ok(false) => {}
                Err(error) => tracing::error!(name = known, %error, "can't undo an append that was cut off"),
            }
            continue;
        }
        if known.starts_with(PARTIAL_PREFIX) {
            match partial::sweep(directory, known) {
                Ok(was_old) => removed += u64::from(was_old),
                Err(error) => tracing::warn!(name = known, %error, "can't look after an upload that is kept"),
            }
            continue;
        }
        // Some network file systems allow an exclusive lock only on a writable handle.
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let Ok(file) = openat(directory, &name, flags, Mode::empty()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && unlinkat(directory, &name, AtFlags::empty()).is_ok()
        {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes leftovers of killed uploads from a directory that looks empty, so that the directory can be removed. Files
/// of living uploads stay.
pub(super) fn clear(root: &Dir, directory: &Dir) -> io::Result<()> {
    sweep_files(root, directory)?;
    sweep_folder_in(root, directory)?;
    match directory.remove_dir(FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Undoes the append of a record whose owner is gone; returns whether it did. Blocks.
fn undo_abandoned(root: &Dir, folder: &Dir, name: &str) -> io::Result<bool> {
    let Some(owner) = Owner::take(folder, name.to_owned(), Duration::ZERO)? else { return Ok(false) };
    if let Some(record) = owner.read()?
        && let Ok(path) = StoragePath::parse(&record.path)
    {
        // The record identifies the file, however it was reached.
        match open_in(root, path.relative(), (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32, &path) {
            Ok((file, _)) => owner.report(&undo(&file, &record)?, &record),
            Err(error) if error.kind() == ErrorKind::NotFound => owner.report(&Undone::Another, &record),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    owner.remove();
    Ok(true)
}
