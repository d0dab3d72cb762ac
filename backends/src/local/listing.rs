//! Listings, a page at a time; sorted by name unless the directory is huge.
//!
//! The plan. To look at an entry takes several times as long as to read its name. So the names of a page are read first,
//! while the client gets an earlier page, and then the entries of two pages are looked at side by side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::{future, io, vec};

use cap_std::fs::{Dir, DirEntry, ReadDir};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::links::listed;
use super::open_root::OpenRoot;
use super::reserved::is_reserved;
use crate::threads::{OfDisk, Operation, step};
use crate::{Entry, EntryKind, EntryStream, Error, Metadata, Result, StoragePath};

/// How many entries the first page has, so that the client soon gets a line.
const FIRST_PAGE: usize = 128;

/// How many entries a later page has at most. Each has twice as many as the one before: to change threads takes as long as to
/// look at several entries.
const LARGEST_PAGE: usize = 512;

/// How many pages are looked at side by side.
const PAGES_AT_ONCE: usize = 2;

/// How many names are gathered to sort them. A larger directory is listed in the order of the file system, so that its
/// listing begins soon and takes little memory.
const SORTED: usize = 10_000;

/// A listing that was begun.
pub(super) struct Begun {
    first: Page,
    rest: Option<Cursor>,
}

/// The state of a listing between two pages.
struct Cursor {
    root: Arc<OpenRoot>,
    /// Gathered entries, in their final order.
    gathered: vec::IntoIter<DirEntry>,
    /// The rest of the directory.
    entries: ReadDir,
    path: StoragePath,
    /// How many entries the next page has.
    page: usize,
    troubles: Arc<Troubles>,
}

/// Entries whose names were read.
struct Page {
    root: Arc<OpenRoot>,
    entries: Vec<(String, StoragePath, DirEntry)>,
    troubles: Arc<Troubles>,
}

/// What the operator has to know of a listing; logged when its last page has been looked at, or nobody wants the rest.
struct Troubles {
    path: StoragePath,
    /// Names that are left out because FTP can't express them.
    unspeakable: AtomicU64,
    /// Entries that could not be looked at.
    unseen: AtomicU64,
    /// Why one of them could not.
    cause: OnceLock<io::Error>,
}

impl Drop for Troubles {
    fn drop(&mut self) {
        let path = self.path.as_str();
        let count = *self.unspeakable.get_mut();
        if count > 0 {
            tracing::warn!(path, count, "left names out of a listing that are not UTF-8 or hold line breaks");
        }
        if let Some(cause) = self.cause.get() {
            let count = *self.unseen.get_mut();
            tracing::warn!(path, count, %cause, "listed the mere names of entries that can't be looked at");
        }
    }
}

/// Blocks.
pub(super) fn begin(root: Arc<OpenRoot>, directory: &Dir, path: StoragePath) -> Result<Begun> {
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
    let troubles = Arc::new(Troubles {
        path: path.clone(),
        unspeakable: AtomicU64::new(0),
        unseen: AtomicU64::new(0),
        cause: OnceLock::new(),
    });
    let gathered = gathered.into_iter();
    let mut cursor = Cursor { root, gathered, entries, path, page: FIRST_PAGE, troubles };
    let (first, is_last) = next_page(&mut cursor)?;
    Ok(Begun { first, rest: (!is_last).then_some(cursor) })
}

pub(super) fn stream(begun: OfDisk<Begun>) -> EntryStream {
    let threads = begun.threads().clone();
    let at = begun.first.troubles.path.clone();
    let Begun { first, rest } = begun.into_inner();
    let of_disk = threads.clone();
    let read = move |mut cursor: OfDisk<Cursor>| {
        of_disk.begin(Operation::List, move || {
            let (page, is_last) = next_page(&mut cursor)?;
            let page = OfDisk::new(page, cursor.threads());
            Ok::<_, Error>((page, (!is_last).then_some(cursor)))
        })
    };
    let (first, rest) = (OfDisk::new(first, &threads), rest.map(|rest| OfDisk::new(rest, &threads)));
    let failed_at = at.clone();
    let further = stream::try_unfold((rest.map(&read), read), move |(reading, read)| {
        let at = failed_at.clone();
        async move {
            let Some(reading) = reading else { return Ok(None) };
            let (page, cursor) = reading.await.map_err(|error| error.at(&at))??;
            Ok::<_, Error>(Some((page, (cursor.map(&read), read))))
        }
    });
    let pages = stream::once(future::ready(Ok(first))).chain(further);
    let looks = pages.map_ok(move |page| {
        let (at, look) = (at.clone(), threads.begin(Operation::List, move || look_at_all(page.into_inner())));
        async move { look.await.map_err(|error| error.at(&at)) }
    });
    let looks = looks.try_buffered(PAGES_AT_ONCE);
    looks.map_ok(|entries| stream::iter(entries).map(Ok)).try_flatten().boxed()
}

/// The names of the next page, and whether it is the last one.
fn next_page(cursor: &mut Cursor) -> Result<(Page, bool)> {
    let mut entries = Vec::with_capacity(cursor.page);
    let mut unspeakable = 0;
    let mut is_last = false;
    while entries.len() < cursor.page {
        step();
        let next = cursor.gathered.next().map(Ok).or_else(|| cursor.entries.next());
        let Some(entry) = next else {
            is_last = true;
            break;
        };
        let entry = entry.map_err(|error| Error::from_io(&cursor.path, error))?;
        let Ok(name) = entry.file_name().into_string() else {
            unspeakable += 1;
            continue;
        };
        if is_reserved(&name) {
            continue;
        }
        match cursor.path.child(&name) {
            Ok(path) => entries.push((name, path, entry)),
            Err(_) => unspeakable += 1,
        }
    }
    cursor.troubles.unspeakable.fetch_add(unspeakable, Ordering::Relaxed);
    cursor.page = LARGEST_PAGE.min(2 * cursor.page);
    Ok((Page { root: Arc::clone(&cursor.root), entries, troubles: Arc::clone(&cursor.troubles) }, is_last))
}

fn look_at_all(page: Page) -> Vec<Entry> {
    let Page { root, entries, troubles } = page;
    let look = |(name, path, entry): (String, StoragePath, DirEntry)| {
        step();
        look_at(&root, &path, &entry, &troubles).map(|metadata| Entry { name, metadata })
    };
    entries.into_iter().filter_map(look).collect()
}

/// The metadata of an entry; `None` if it was removed since the directory was read. No other reason leaves a name out:
/// clients that mirror the directory would remove their copy.
fn look_at(root: &OpenRoot, path: &StoragePath, entry: &DirEntry, troubles: &Troubles) -> Option<Metadata> {
    match entry.metadata() {
        Ok(own) => Some(listed(root, path, &own)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            troubles.unseen.fetch_add(1, Ordering::Relaxed);
            let _ = troubles.cause.set(error);
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
