//! Listings, a page at a time; sorted by name unless the directory is huge.

use std::sync::Arc;
use std::{io, vec};

use cap_std::fs::{Dir, DirEntry, ReadDir};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::links::listed;
use super::open_root::OpenRoot;
use super::reserved::is_reserved;
use crate::threads::{OfDisk, Operation, step};
use crate::{Entry, EntryKind, EntryStream, Error, Metadata, Result, StoragePath};

/// How many entries the first visit to a thread of the disk gathers, so that the client soon gets a line.
const FIRST_PAGE: usize = 128;

/// How many entries a later visit gathers at most. Each visit gathers twice as many as the one before: to change threads takes
/// as long as to look at several entries.
const LARGEST_PAGE: usize = 1024;

/// How many names are gathered to sort them. A larger directory is listed in the order of the file system, so that its
/// listing begins soon and takes little memory.
const SORTED: usize = 10_000;

/// The state of a listing between two pages.
pub(super) struct Cursor {
    root: Arc<OpenRoot>,
    /// Gathered entries, in their final order.
    gathered: vec::IntoIter<DirEntry>,
    /// The rest of the directory.
    entries: ReadDir,
    path: StoragePath,
    /// How many entries the next page has.
    page: usize,
    /// Names that are left out because FTP can't express them.
    unspeakable: u64,
    /// Entries that could not be looked at.
    unseen: u64,
    /// Why the first of them could not.
    cause: Option<io::Error>,
}

impl Cursor {
    /// Logs what the operator has to know when the listing ends.
    fn log_troubles(&self) {
        let path = self.path.as_str();
        if self.unspeakable > 0 {
            let count = self.unspeakable;
            tracing::warn!(path, count, "left names out of a listing that are not UTF-8 or hold line breaks");
        }
        if let Some(cause) = &self.cause {
            let count = self.unseen;
            tracing::warn!(path, count, %cause, "listed the mere names of entries that can't be looked at");
        }
    }
}

/// Blocks.
pub(super) fn start(root: Arc<OpenRoot>, directory: &Dir, path: StoragePath) -> Result<Cursor> {
    let io = |error| Error::from_io(&path, error);
    let mut entries = directory.entries().map_err(io)?;
    let mut gathered = Vec::new();
    for entry in entries.by_ref().take(SORTED) {
        step();
        gathered.push(entry.map_err(io)?);
    }
    if gathered.len() < SORTED {
        gathered.sort_by_cached_key(DirEntry::file_name);
    }
    let gathered = gathered.into_iter();
    Ok(Cursor { root, gathered, entries, path, page: FIRST_PAGE, unspeakable: 0, unseen: 0, cause: None })
}

pub(super) fn stream(cursor: OfDisk<Cursor>) -> EntryStream {
    let at = cursor.path.clone();
    // The next page is read while the client gets the last one.
    let start = |cursor: OfDisk<Cursor>| {
        let threads = cursor.threads().clone();
        threads.begin(Operation::List, move || next_page(cursor))
    };
    let pages = stream::try_unfold((Some(start(cursor)), at), move |(reading, at)| async move {
        let Some(reading) = reading else { return Ok(None) };
        let (page, cursor) = reading.await.map_err(|error| error.at(&at))??;
        Ok::<_, Error>(Some((page, (cursor.map(start), at))))
    });
    pages.map_ok(|page| stream::iter(page).map(Ok)).try_flatten().boxed()
}

/// The next entries, and the cursor unless the directory has ended.
fn next_page(mut held: OfDisk<Cursor>) -> Result<(Vec<Entry>, Option<OfDisk<Cursor>>)> {
    let cursor = &mut *held;
    let mut page = Vec::with_capacity(cursor.page);
    while page.len() < cursor.page {
        step();
        let next = cursor.gathered.next().map(Ok).or_else(|| cursor.entries.next());
        let Some(entry) = next else {
            cursor.log_troubles();
            return Ok((page, None));
        };
        let entry = entry.map_err(|error| Error::from_io(&cursor.path, error))?;
        let Ok(name) = entry.file_name().into_string() else {
            cursor.unspeakable += 1;
            continue;
        };
        if is_reserved(&name) {
            continue;
        }
        let Ok(path) = cursor.path.child(&name) else {
            cursor.unspeakable += 1;
            continue;
        };
        if let Some(metadata) = look(cursor, &path, &entry) {
            page.push(Entry { name, metadata });
        }
    }
    cursor.page = LARGEST_PAGE.min(2 * cursor.page);
    Ok((page, Some(held)))
}

/// The metadata of an entry; `None` if it was removed since the directory was read. No other reason leaves a name out:
/// clients that mirror the directory would remove their copy.
fn look(cursor: &mut Cursor, path: &StoragePath, entry: &DirEntry) -> Option<Metadata> {
    match entry.metadata() {
        Ok(own) => Some(listed(&cursor.root, path, &own)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            cursor.unseen += 1;
            cursor.cause.get_or_insert(error);
            Some(known_to_directory(entry))
        }
    }
}

fn known_to_directory(entry: &DirEntry) -> Metadata {
    let kind = entry.file_type();
    let (is_directory, is_link) = kind.map_or((false, false), |kind| (kind.is_dir(), kind.is_symlink()));
    let kind = match is_directory {
        true => EntryKind::Directory,
        false if is_link => EntryKind::Other,
        // Also if the directory knows no kinds: clients overlook entries that are neither files nor directories.
        false => EntryKind::File,
    };
    Metadata { kind, is_link, is_unseen: true, ..Metadata::file(0, None) }
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
