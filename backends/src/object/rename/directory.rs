//! Renaming a directory: copies all that is in it until nothing comes any more, and only then removes the source.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;

use super::compared::{Compared, Hashes, is_plain_marker};
use super::remove;
use crate::object::bucket::Bucket;
use crate::object::bucket::lookup::Found;
use crate::object::copy::{copy, copy_marked};
use crate::object::list::walk::{Folders, Item, walk};
use crate::object::store::Marker;
use crate::object::store::object::Object;
use crate::{Error, ErrorKind, Result, StoragePath};

/// Objects of one directory that are copied or removed at the same time.
const AT_ONCE: usize = 32;

/// How often a directory is gone through at most, until nothing has come or changed there meanwhile.
const PASSES: usize = 5;

/// Gives a directory another name. An unfinished one of the same names is completed.
pub(crate) async fn rename_directory(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    to: &StoragePath,
) -> Result<()> {
    if to.starts_with(from) {
        return Err(Error::into_itself(to));
    }
    if from.starts_with(to) {
        return Err(Error::new(ErrorKind::AlreadyExists, to));
    }
    bucket.check_parents(to).await?;
    let hashes = Hashes::of(bucket);
    let (found, parents) = futures_util::join!(bucket.probe(to), bucket.check_unseen_parents(to));
    parents?;
    let there = match found? {
        Found::File(_) => return Err(Error::new(ErrorKind::AlreadyExists, to)),
        // An earlier attempt is completed.
        Found::Directory => Compared::of(bucket, from, to, &hashes).await?.left_by_a_rename(to)?,
        Found::Nothing => HashSet::new(),
    };
    check_movable(bucket, from).await?;
    let copied = AtomicU64::new(0);
    let with_progress = |error: Error| {
        let copied = copied.load(Ordering::Relaxed);
        let text = format!(
            "nothing is lost; {copied} objects were copied to {to} before it failed, and to rename it again goes on \
             from there: {error}"
        );
        Error::with_source(error.kind(), from, text).advising(format!(
            "{copied} objects were copied and nothing is lost; to rename it again goes on from there"
        ))
    };
    let source = bucket.keys.file(from)?;
    let own_marker = match bucket.traits().marker {
        Marker::Beside => bucket.head(from, &source).await?.filter(|object| object.is_folder),
        Marker::Below => None,
    };
    // In a hierarchical namespace this one would have been there.
    let folders = if own_marker.is_some() { Folders::AskedFor } else { Folders::Listed };
    let mut seen = Seen { copied: HashMap::new(), directories: HashSet::new(), hashes: &hashes };
    // From the first copy on, the store shows it, with all that is in it.
    bucket.known.free.directory(to);
    bucket.known.free.forget(to);
    for pass in 1..=PASSES {
        let some =
            copy_all(bucket, from, to, folders, &mut seen, &there, &copied).await.map_err(with_progress)?;
        // Objects that came or changed meanwhile are moved, too.
        if pass > 1 && !some || count_others(bucket, from, &seen).await.map_err(with_progress)? == 0 {
            break;
        }
    }
    // A directory that is nothing but a name keeps being one.
    let is_hollow = own_marker.is_none() && seen.copied.is_empty();
    if is_hollow || own_marker.is_some() && bucket.head(to, &bucket.keys.file(to)?).await?.is_none() {
        bucket.put_marker(to, &bucket.keys.file(to)?).await?;
    }
    verify(bucket, &seen, to).await.map_err(with_progress)?;
    // What was learned meanwhile is older than the last copies.
    bucket.known.free.forget(to);
    bucket.known.directories(to);
    let left = delete_all(bucket, from, folders, &seen).await.map_err(|error| {
        let text = format!(
            "all of it was copied to {to}, but not all could be removed here; to rename it again completes it: {error}"
        );
        Error::with_source(error.kind(), from, text)
            .advising("all of it was copied, but not all removed; to rename it again completes it")
    })?;
    if left > 0 {
        let text = format!("renamed, but {left} objects that changed or came meanwhile were left here");
        return Err(Error::with_source(ErrorKind::Conflict, from, &*text).advising(text));
    }
    bucket.known.removed(from);
    // A store may keep the directory of its own, and there may be a tool's marker without a slash.
    let below = format!("{source}/");
    let marker = async || match bucket.traits().own_directories {
        true => bucket.head(from, &source).await,
        false => Ok(None),
    };
    let (shown, hollow, mut left) =
        futures_util::join!(bucket.shows(from, &below), bucket.is_hollow(from, &source), marker());
    if shown? || hollow? {
        match bucket.sweep_hollow(from, below).await {
            // Something came into it.
            Err(error) if error.kind() == ErrorKind::NotEmpty => {}
            swept => swept?,
        }
        left = marker().await;
    }
    if let Some(marker) = left?.filter(|object| object.size == 0) {
        bucket.delete(from, &source, Some(&marker)).await?;
    }
    match own_marker {
        Some(marker) => remove_folder(bucket, from, &marker.key).await,
        None => Ok(()),
    }
}

/// Removes a marker without a slash. It is looked up again: the removal of the keys below may have changed it, and a file would
/// have the same key.
async fn remove_folder(bucket: &Bucket, path: &StoragePath, key: &str) -> Result<()> {
    match bucket.head(path, key).await? {
        Some(now) if now.is_folder => remove(bucket, path, &now).await,
        Some(_) => {
            let text = format!("a file has taken the place of the directory {key}");
            Err(Error::with_source(ErrorKind::Conflict, path, text))
        }
        None => Ok(()),
    }
}

/// Goes through everything below a directory, which takes fewer requests than a [`walk`].
async fn for_each(
    bucket: &Bucket,
    from: &StoragePath,
    mut look: impl FnMut(Item) -> Result<()> + Send,
) -> Result<()> {
    let prefix = bucket.keys.directory(from)?;
    let mut next = None;
    loop {
        let page = bucket.page(&prefix, next, true, None).await.map_err(|failure| failure.at(from))?;
        for object in page.objects {
            let relative = object.key.get(prefix.len()..).unwrap_or_default().to_owned();
            look(Item { is_marker: object.key.ends_with('/') || object.is_folder, relative, object })?;
        }
        match page.next {
            Some(after) => next = Some(after),
            None => return Ok(()),
        }
    }
}

/// Makes sure that every key can be moved, before any is: a URL can't hold all of them, so that the copy would be another, and
/// a store may keep what is under a lock where it is.
async fn check_movable(bucket: &Bucket, from: &StoragePath) -> Result<()> {
    let mut marker = None;
    for_each(bucket, from, |item| {
        if is_plain_marker(&item)
            && !item.object.is_folder
            && marker.is_none()
            && !item.object.key.ends_with("//")
        {
            marker = Some(item.object.clone());
        }
        match item.relative.split('/').any(|segment| matches!(segment, "." | "..")) {
            false => Ok(()),
            true => {
                let text = format!("the key {:?} can't be moved", item.object.key);
                Err(Error::with_source(ErrorKind::InvalidName, from, text)
                    .advising("the store holds a key in it that can't be moved"))
            }
        }
    })
    .await?;
    match marker {
        Some(marker) => check_unlocked(bucket, from, marker).await,
        None => Ok(()),
    }
}

/// Makes sure that the store gives up a marker that is under a lock. Some refuse it and take away a version of a file.
async fn check_unlocked(bucket: &Bucket, from: &StoragePath, marker: Object) -> Result<()> {
    let key = &marker.key;
    if !bucket.store.is_locked(key).await.map_err(|failure| failure.at(from))? {
        return Ok(());
    }
    bucket.delete(from, key, Some(&marker)).await?;
    bucket.put_marker(from, key.trim_end_matches('/')).await
}

/// How many objects there are in a directory that were not copied as they are.
async fn count_others(bucket: &Bucket, from: &StoragePath, seen: &Seen<'_>) -> Result<u64> {
    let mut others = 0;
    for_each(bucket, from, |item| {
        others += u64::from(!seen.is_copied(&item));
        Ok(())
    })
    .await?;
    Ok(others)
}

/// The objects that were copied: only these may be removed, in the state they were copied in.
struct Seen<'a> {
    /// By the hash of the key below the directory.
    copied: HashMap<u64, Copied>,
    /// The directories that some of these are in, by the hashes of the keys of their markers.
    directories: HashSet<u64>,
    hashes: &'a Hashes,
}

struct Copied {
    /// As it was.
    print: u64,
    /// The size that the target has to have; `None` for a marker.
    size: Option<u64>,
}

impl Seen<'_> {
    fn is_copied(&self, item: &Item) -> bool {
        let copied = self.copied.get(&self.hashes.place(item));
        copied.is_some_and(|copied| copied.print == self.hashes.print(item))
    }

    /// Whether this is the marker of a directory that was copied by what is in it: some stores make one when that goes.
    fn is_moved_directory(&self, item: &Item) -> bool {
        is_plain_marker(item) && self.directories.contains(&self.hashes.place(item))
    }
}

/// Copies what was not copied yet as it is, and says whether there was any.
async fn copy_all(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    to: &StoragePath,
    folders: Folders,
    seen: &mut Seen<'_>,
    there: &HashSet<u64>,
    count: &AtomicU64,
) -> Result<bool> {
    let below = bucket.keys.directory(to)?;
    let (known, hashes, is_first) = (&*seen, seen.hashes, seen.copied.is_empty());
    let (mut fresh, mut directories) = (HashMap::new(), HashSet::new());
    let mut copies = walk(bucket, from, bucket.keys.directory(from)?, folders)
        .map_ok(|item| async {
            if known.is_copied(&item) {
                return Ok(None);
            }
            // An object that was replaced since it was compared is copied again.
            if !item.object.is_folder && there.contains(&hashes.print(&item)) {
                return Ok(Some(item));
            }
            // While this went on, somebody else may have stored something where a late one would go.
            let is_late = !is_first && !item.is_marker && !known.copied.contains_key(&hashes.place(&item));
            if is_late && bucket.head(to, &format!("{below}{}", item.relative)).await?.is_some() {
                return Ok(None);
            }
            match copy_one(bucket, from, &below, &item, !there.is_empty(), hashes).await {
                Ok(()) => {}
                // The object was replaced or removed since it was listed.
                Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
                    tracing::debug!(%error, "an object changed while its directory was renamed");
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Some(item))
        })
        .try_buffer_unordered(AT_ONCE);
    while let Some(item) = copies.try_next().await? {
        if let Some(item) = item {
            let size = (!item.is_marker).then_some(item.object.size);
            directories.extend(hashes.above(&item));
            fresh.insert(hashes.place(&item), Copied { print: hashes.print(&item), size });
        }
    }
    drop(copies);
    let some = !fresh.is_empty();
    seen.directories.extend(directories);
    match is_first {
        true => seen.copied = fresh,
        false => seen.copied.extend(fresh),
    }
    Ok(some)
}

async fn copy_one(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    below: &str,
    item: &Item,
    goes_on: bool,
    hashes: &Hashes,
) -> Result<()> {
    let target = format!("{below}{}", item.relative);
    if target.split('/').any(|segment| matches!(segment, "." | "..")) {
        // The object came after all were checked.
        let text = format!("the key {:?} can't be moved", item.object.key);
        return Err(Error::with_source(ErrorKind::InvalidName, from, text));
    }
    match &item.object {
        // Somebody keeps data in the marker. An empty marker means nothing: some stores list one if keys only begin with its name.
        _ if is_plain_marker(item)
            && goes_on
            && bucket.head(from, &target).await?.is_some_and(|object| object.size > 0) =>
        {
            Ok(())
        }
        // Some stores can't copy a marker.
        _ if is_plain_marker(item) => bucket.put_marker(from, target.trim_end_matches('/')).await,
        object if !hashes.know(object) => copy_marked(bucket, from, object, &target).await,
        object => copy(bucket, from, object, &target, true).await,
    }
}

/// Makes sure that everything is in the target, before anything is removed.
async fn verify(bucket: &Arc<Bucket>, seen: &Seen<'_>, to: &StoragePath) -> Result<()> {
    let missing = seen.copied.iter().filter(|(_, copied)| copied.size.is_some());
    let mut missing: HashSet<u64> = missing.map(|(place, _)| *place).collect();
    let mut items = walk(bucket, to, bucket.keys.directory(to)?, Folders::Listed);
    while let Some(item) = items.try_next().await? {
        let place = seen.hashes.place(&item);
        let size = seen.copied.get(&place).and_then(|copied| copied.size);
        if !item.is_marker && size == Some(item.object.size) {
            missing.remove(&place);
        }
    }
    match missing.len() {
        0 => Ok(()),
        missing => {
            let text = format!("{missing} of the copies are missing or have another size");
            Err(Error::with_source(ErrorKind::Conflict, to, text))
        }
    }
}

/// Removes what was copied, and returns how many other objects there are.
async fn delete_all(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    folders: Folders,
    seen: &Seen<'_>,
) -> Result<u64> {
    let mut left = 0;
    let mut items = walk(bucket, from, bucket.keys.directory(from)?, folders);
    let mut running = FuturesUnordered::new();
    let mut in_flight = HashSet::new();
    while let Some(item) = items.try_next().await? {
        if !seen.is_copied(&item) && !seen.is_moved_directory(&item) {
            left += 1;
            continue;
        }
        // A marker can go only when nothing is below it.
        let blocked = |in_flight: &HashSet<String>| {
            item.is_marker && in_flight.iter().any(|below| below.starts_with(&item.relative))
        };
        while in_flight.len() >= AT_ONCE || blocked(&in_flight) {
            if let Some((done, is_left)) = running.try_next().await? {
                in_flight.remove(&done);
                left += u64::from(is_left);
            }
        }
        in_flight.insert(item.relative.clone());
        running.push(async move {
            let removed = match item.is_marker {
                true if item.object.is_folder => remove_folder(bucket, from, &item.object.key).await,
                true => bucket.delete(from, &item.object.key, None).await,
                false => remove(bucket, from, &item.object).await,
            };
            let is_left = match removed {
                Ok(()) => false,
                // The marker was replaced since it was listed, or something came below it.
                Err(error) if error.kind() == ErrorKind::Conflict => true,
                Err(error) => return Err(error),
            };
            if !is_left && let Ok(path) = from.join(&item.relative) {
                bucket.known.gone(&path);
            }
            Ok::<_, Error>((item.relative, is_left))
        });
    }
    while let Some((_, is_left)) = running.try_next().await? {
        left += u64::from(is_left);
    }
    Ok(left)
}
