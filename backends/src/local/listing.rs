//! Listings, a page at a time.

use std::sync::Arc;

use cap_std::fs::{Dir, DirEntry, ReadDir};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::followed;
use super::temporary::is_reserved;
use crate::stream::blocking;
use crate::{Entry, EntryStream, Error, ErrorKind, Result, StoragePath};

/// How many entries one visit to a blocking thread gathers.
const PAGE: usize = 256;

/// Where a listing stands between two pages.
struct Cursor {
    root: Arc<Dir>,
    entries: ReadDir,
    path: StoragePath,
    /// Names that are left out because FTP can't say them.
    unspeakable: u64,
}

pub(super) async fn list(root: Arc<Dir>, directory: Dir, path: StoragePath) -> Result<EntryStream> {
    let at = path.clone();
    let cursor = blocking(move || {
        let entries = directory.entries().map_err(|error| Error::from_io(&path, error))?;
        Ok::<_, Error>(Cursor { root, entries, path, unspeakable: 0 })
    })
    .await??;
    // The next page is read while the last one is being used.
    let start = |cursor| tokio::task::spawn_blocking(move || next_page(cursor));
    let pages = stream::try_unfold((Some(start(cursor)), at), move |(reading, at)| async move {
        let Some(reading) = reading else { return Ok(None) };
        let read = reading.await.map_err(|panic| Error::with_source(ErrorKind::Other, &at, panic))?;
        let (page, cursor) = read?;
        Ok::<_, Error>(Some((page, (cursor.map(start), at))))
    });
    Ok(pages.map_ok(|page| stream::iter(page).map(Ok)).try_flatten().boxed())
}

/// The next entries, and the cursor unless the directory is at its end.
fn next_page(mut cursor: Cursor) -> Result<(Vec<Entry>, Option<Cursor>)> {
    let mut page = Vec::with_capacity(PAGE);
    while page.len() < PAGE {
        let Some(found) = cursor.entries.next() else {
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
fn entry(root: &Dir, path: &StoragePath, found: &DirEntry, name: String) -> Option<Entry> {
    let own = found.metadata().ok()?;
    Some(Entry { name, metadata: followed(root, path, &own) })
}
