//! Listings, a page at a time; sorted by name unless the directory is huge.

use std::sync::Arc;
use std::vec;

use cap_std::fs::{Dir, DirEntry, ReadDir};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::links::followed;
use super::root::OpenRoot;
use super::temporary::is_reserved;
use crate::{Entry, EntryStream, Error, ErrorKind, Result, StoragePath};

/// How many entries one visit to a blocking thread gathers.
const PAGE: usize = 256;

/// How many names are gathered to sort them. The entries of a larger directory come as the file system has them, so that a
/// listing begins soon and takes little memory.
const SORTED: usize = 10_000;

/// Where a listing stands between two pages.
pub(super) struct Cursor {
    root: Arc<OpenRoot>,
    /// What has been gathered, in the order in which it is told.
    gathered: vec::IntoIter<DirEntry>,
    /// The rest of the directory.
    entries: ReadDir,
    path: StoragePath,
    /// Names that are left out because FTP can't say them.
    unspeakable: u64,
}

/// Blocks.
pub(super) fn start(root: Arc<OpenRoot>, directory: &Dir, path: StoragePath) -> Result<Cursor> {
    let io = |error| Error::from_io(&path, error);
    let mut entries = directory.entries().map_err(io)?;
    let mut gathered = Vec::new();
    for entry in entries.by_ref().take(SORTED) {
        gathered.push(entry.map_err(io)?);
    }
    if gathered.len() < SORTED {
        gathered.sort_by_cached_key(DirEntry::file_name);
    }
    let gathered = gathered.into_iter();
    Ok(Cursor { root, gathered, entries, path, unspeakable: 0 })
}

pub(super) fn stream(cursor: Cursor) -> EntryStream {
    let at = cursor.path.clone();
    // The next page is read while the last one is being used.
    let start = |cursor| tokio::task::spawn_blocking(move || next_page(cursor));
    let pages = stream::try_unfold((Some(start(cursor)), at), move |(reading, at)| async move {
        let Some(reading) = reading else { return Ok(None) };
        let read = reading.await.map_err(|panic| Error::with_source(ErrorKind::Other, &at, panic))?;
        let (page, cursor) = read?;
        Ok::<_, Error>(Some((page, (cursor.map(start), at))))
    });
    pages.map_ok(|page| stream::iter(page).map(Ok)).try_flatten().boxed()
}

/// The next entries, and the cursor unless the directory is at its end.
fn next_page(mut cursor: Cursor) -> Result<(Vec<Entry>, Option<Cursor>)> {
    let mut page = Vec::with_capacity(PAGE);
    while page.len() < PAGE {
        let next = cursor.gathered.next().map(Ok).or_else(|| cursor.entries.next());
        let Some(found) = next else {
            if cursor.unspeakable > 0 {
                tracing::warn!(
                    path = %cursor.path,
                    count = cursor.unspeakable,
                    "left names out of a listing that are not UTF-8 or hold line breaks"
                );
            }
            return Ok((page, None));
        };
        let found = found.map_err(|error| Error::from_io(&cursor.path, error))?;
        let Ok(name) = found.file_name().into_string() else {
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
        if let Some(entry) = entry(&cursor.root, &path, &found, name) {
            page.push(entry);
        }
    }
    Ok((page, Some(cursor)))
}

/// `None` if it was removed since the directory was read.
fn entry(root: &OpenRoot, path: &StoragePath, found: &DirEntry, name: String) -> Option<Entry> {
    let own = found.metadata().ok()?;
    Some(Entry { name, metadata: followed(root, path, &own) })
}
