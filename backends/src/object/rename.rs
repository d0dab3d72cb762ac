//! Renaming: copies, and removes the source when everything is copied.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;

use super::client::Client;
use super::compared::{Compared, Hashes, is_plain_marker};
use super::copy::{copy, copy_marked};
use super::entry::Object;
use super::key::Provider;
use super::known::parents;
use super::lookup::Found;
use super::s3::S3;
use super::walk::{Folders, Item, walk};
use crate::{Error, ErrorKind, Result, StoragePath};

/// Objects of one directory that are copied or removed at the same time.
const AT_ONCE: usize = 16;

/// How often a directory is gone through at most, until nothing has come or changed there meanwhile.
const PASSES: usize = 5;

/// Gives a file or directory another name.
pub(super) async fn rename(
    client: &Arc<Client>,
    from: &StoragePath,
    to: &StoragePath,
    replace: bool,
) -> Result<()> {
    for path in [from, to] {
        if path.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, path));
        }
    }
    if from == to {
        return client.stat(from).await.map(drop);
    }
    // A name that can't be is refused whether or not the source is there.
    let target = client.keys.file(to)?;
    let key = client.keys.existing(from)?;
    if let Some(s3) = client.s3()
        && !client.known.is_directory(from)
        && rename_unseen(client, s3, from, &key, to, &target, replace).await?
    {
        return Ok(());
    }
    match client.lookup(from).await? {
        Found::Nothing => Err(Error::new(ErrorKind::NotFound, from)),
        Found::Directory => rename_directory(client, from, to).await,
        Found::File(object) => {
            check_target(client, to, replace).await?;
            rename_file(client, from, &object, to, &target, replace).await
        }
    }
}

/// Renames a file on S3 without a look at it before: it is copied, and the look after the copy tells whether it is still
/// what was copied. Says whether that worked; if not, at most a copy was made, which another one replaces.
async fn rename_unseen(
    client: &Arc<Client>,
    s3: &S3,
    from: &StoragePath,
    key: &str,
    to: &StoragePath,
    target: &str,
    replace: bool,
) -> Result<bool> {
    check_target(client, to, replace).await?;
    let seen = Object {
        key: key.to_owned(),
        size: 0,
        // What was seen moments ago is known to be a file.
        e_tag: client.known.fresh_file(from, key).and_then(|seen| seen.e_tag),
        version: None,
        md5: None,
        stored: None,
        set: None,
        is_folder: false,
    };
    let Ok(copied) = s3.copy(&seen, target, None).await else { return Ok(false) };
    client.known.stored(to, 0, None);
    match client.head(from, key).await? {
        Some(now)
            if now.e_tag.as_deref() == Some(&copied) || (seen.e_tag.is_some() && now.e_tag == seen.e_tag) =>
        {
            if now.size == 0 && client.holds_keys(from, &format!("{key}/")).await? {
                // Some tool's marker.
                return Ok(false);
            }
            finish_rename(client, from, &now, to).await.map(|()| true)
        }
        _ => Ok(false),
    }
}

/// Whether a file may get this name.
async fn check_target(client: &Client, to: &StoragePath, replace: bool) -> Result<()> {
    match client.check_place(to).await {
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            return Err(Error::new(ErrorKind::AlreadyExists, to));
        }
        checked => checked?,
    }
    if replace {
        return Ok(());
    }
    match client.probe(to).await? {
        Found::Nothing => Ok(()),
        Found::File(_) | Found::Directory => Err(Error::new(ErrorKind::AlreadyExists, to)),
    }
}

async fn rename_file(
    client: &Arc<Client>,
    from: &StoragePath,
    object: &Object,
    to: &StoragePath,
    target: &str,
    replace: bool,
) -> Result<()> {
    // S3 has no copy that is refused if the target is there; the look before has to do.
    copy(client, to, object, target, replace).await?;
    client.known.stored(to, object.size, None);
    // What was stored here during the copy must not be removed. Where every store knows the condition of the removal, that
    // is enough.
    if client.s3().is_none() {
        return finish_rename(client, from, object, to).await;
    }
    match client.head(from, &object.key).await? {
        Some(now) if now.e_tag == object.e_tag => finish_rename(client, from, object, to).await,
        Some(_) => Err(replaced(from)),
        None => Ok(()),
    }
}

fn replaced(from: &StoragePath) -> Error {
    let text = "it was replaced while it was renamed; both names are there now";
    Error::with_source(ErrorKind::Conflict, from, text)
}

/// Removes the source of a copy, as it was a moment ago.
async fn finish_rename(
    client: &Arc<Client>,
    from: &StoragePath,
    object: &Object,
    to: &StoragePath,
) -> Result<()> {
    client.known.gone(from);
    match remove(client, from, object).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(replaced(from)),
        Err(error) => {
            let text = format!("it was copied to {to}, but could not be removed here: {error}");
            Err(Error::with_source(error.kind(), from, text))
        }
        Ok(()) => Ok(()),
    }
}

/// Removes an object if it is still the one that was copied.
async fn remove(client: &Client, path: &StoragePath, object: &Object) -> Result<()> {
    match client.delete(path, &object.key, Some(object)).await {
        // Sent twice because the first answer was lost, the condition fails on what is not there any more.
        Err(error) if error.kind() == ErrorKind::Conflict => match client.head(path, &object.key).await? {
            None => Ok(()),
            Some(_) => Err(error),
        },
        removed => removed,
    }
}

async fn rename_directory(client: &Arc<Client>, from: &StoragePath, to: &StoragePath) -> Result<()> {
    if to.starts_with(from) {
        return Err(Error::with_source(ErrorKind::InvalidName, to, "a directory can't move into itself"));
    }
    if from.starts_with(to) {
        return Err(Error::new(ErrorKind::AlreadyExists, to));
    }
    client.check_parents(to).await?;
    let hashes = Hashes::default();
    let there = match client.probe(to).await? {
        Found::File(_) => return Err(Error::new(ErrorKind::AlreadyExists, to)),
        // What an earlier attempt left behind is completed.
        Found::Directory => Compared::of(client, from, to, &hashes).await?.left_by_a_rename(to)?,
        Found::Nothing => HashSet::new(),
    };
    check_movable(client, from).await?;
    let copied = AtomicU64::new(0);
    let told = |error: Error| {
        let copied = copied.load(Ordering::Relaxed);
        let text = format!(
            "nothing is lost; {copied} objects were copied to {to} before it failed, and to rename it again goes on \
             from there: {error}"
        );
        Error::with_source(error.kind(), from, text).advising(format!(
            "{copied} objects were copied and nothing is lost; to rename it again goes on from there"
        ))
    };
    // On Azure the marker stands beside the directory, not in it.
    let source = client.keys.file(from)?;
    let own_marker = match client.keys.provider {
        Provider::Azure => client.head(from, &source).await?.filter(|object| object.is_folder),
        Provider::S3 | Provider::Gcs => None,
    };
    // In a hierarchical namespace this one would have been there.
    let folders = if own_marker.is_some() { Folders::AskedFor } else { Folders::Listed };
    let mut pass = 1;
    loop {
        let seen = copy_all(client, from, to, folders, &hashes, &there, &copied).await.map_err(told)?;
        if own_marker.is_some() && client.head(to, &client.keys.file(to)?).await?.is_none() {
            client.put_marker(to, &client.keys.file(to)?).await?;
        }
        verify(client, &seen, to).await.map_err(told)?;
        client.known.directory(to);
        parents(to).for_each(|parent| client.known.directory(&parent));
        let left = delete_all(client, from, folders, &seen).await.map_err(|error| {
            let text = format!(
                "all of it was copied to {to}, but not all could be removed here; to rename it again completes it: \
                 {error}"
            );
            Error::with_source(error.kind(), from, text)
                .advising("all of it was copied, but not all removed; to rename it again completes it")
        })?;
        // What came or changed meanwhile goes along.
        match left {
            0 => break,
            _ if pass < PASSES => pass += 1,
            left => {
                let text =
                    format!("renamed, but {left} objects that changed or came meanwhile were left here");
                return Err(Error::with_source(ErrorKind::Conflict, from, &*text).advising(text));
            }
        }
    }
    client.known.gone(from);
    // Some tool's marker, which stands beside what was below it.
    if client.s3().is_some()
        && let Some(marker) = client.head(from, &source).await?.filter(|object| object.size == 0)
    {
        client.delete(from, &source, Some(&marker)).await?;
    }
    match own_marker {
        Some(marker) => remove_folder(client, from, &marker.key).await,
        None => Ok(()),
    }
}

/// Removes a marker that stands beside what was below it. It is looked at again: what happens below may have changed it, and
/// a file has the same key.
async fn remove_folder(client: &Client, path: &StoragePath, key: &str) -> Result<()> {
    match client.head(path, key).await? {
        Some(now) if now.is_folder => remove(client, path, &now).await,
        Some(_) => {
            let text = format!("a file has taken the place of the directory {key}");
            Err(Error::with_source(ErrorKind::Conflict, path, text))
        }
        None => Ok(()),
    }
}

/// Makes sure that every key can be moved, before any is: a URL can't hold all of them, so that the copy would be another.
async fn check_movable(client: &Client, from: &StoragePath) -> Result<()> {
    let prefix = client.keys.directory(from)?;
    let mut next = None;
    loop {
        let page = client.page(&prefix, next, true, None).await.map_err(|failure| failure.at(from))?;
        let can_move = |key: &str| {
            !key[prefix.len().min(key.len())..].split('/').any(|segment| matches!(segment, "." | ".."))
        };
        if let Some(object) = page.objects.iter().find(|object| !can_move(&object.key)) {
            let text = format!("the key {:?} can't be moved", object.key);
            return Err(Error::with_source(ErrorKind::InvalidName, from, text)
                .advising("the store holds a key in it that can't be moved"));
        }
        match page.next {
            Some(after) => next = Some(after),
            None => return Ok(()),
        }
    }
}

/// The objects that were copied: only these may be removed, in the state they were copied in.
struct Seen<'a> {
    /// [Prints](Hashes::print) of them.
    prints: HashSet<u64>,
    /// What the target has to hold: the size by the hash of the key below the directory.
    sizes: HashMap<u64, u64>,
    hashes: &'a Hashes,
}

async fn copy_all<'a>(
    client: &Arc<Client>,
    from: &StoragePath,
    to: &StoragePath,
    folders: Folders,
    hashes: &'a Hashes,
    there: &HashSet<u64>,
    copied: &AtomicU64,
) -> Result<Seen<'a>> {
    let below = client.keys.directory(to)?;
    let (mut prints, mut sizes) = (HashSet::new(), HashMap::new());
    let mut copies = walk(client, from, client.keys.directory(from)?, folders)
        .map_ok(|item| async {
            // What was replaced since it was compared is copied again.
            if item.object.is_folder || !there.contains(&hashes.print(&item)) {
                copy_one(client, from, &below, &item, !there.is_empty()).await?;
                copied.fetch_add(1, Ordering::Relaxed);
            }
            Ok(item)
        })
        .try_buffer_unordered(AT_ONCE);
    while let Some(item) = copies.try_next().await? {
        prints.insert(hashes.print(&item));
        if !item.is_marker {
            sizes.insert(hashes.place(&item), item.object.size);
        }
    }
    Ok(Seen { prints, sizes, hashes })
}

async fn copy_one(
    client: &Arc<Client>,
    from: &StoragePath,
    below: &str,
    item: &Item,
    goes_on: bool,
) -> Result<()> {
    let target = format!("{below}{}", item.relative);
    if target.split('/').any(|segment| matches!(segment, "." | "..")) {
        // It came since all were looked at.
        let text = format!("the key {:?} can't be moved", item.object.key);
        return Err(Error::with_source(ErrorKind::InvalidName, from, text));
    }
    match &item.object {
        // Somebody keeps data there. An empty one says nothing: some stores tell of one where keys only begin with its name.
        _ if is_plain_marker(item)
            && goes_on
            && client.head(from, &target).await?.is_some_and(|object| object.size > 0) =>
        {
            Ok(())
        }
        // Some stores can't copy a marker.
        _ if is_plain_marker(item) => client.put_marker(from, target.trim_end_matches('/')).await,
        object if !object.has_digest() => copy_marked(client, from, object, &target).await,
        object => copy(client, from, object, &target, true).await,
    }
}

/// Makes sure that everything is in the target, before anything is removed.
async fn verify(client: &Arc<Client>, seen: &Seen<'_>, to: &StoragePath) -> Result<()> {
    let mut missing: HashSet<u64> = seen.sizes.keys().copied().collect();
    let mut items = walk(client, to, client.keys.directory(to)?, Folders::Listed);
    while let Some(item) = items.try_next().await? {
        if !item.is_marker && seen.sizes.get(&seen.hashes.place(&item)) == Some(&item.object.size) {
            missing.remove(&seen.hashes.place(&item));
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
    client: &Arc<Client>,
    from: &StoragePath,
    folders: Folders,
    seen: &Seen<'_>,
) -> Result<u64> {
    let mut left = 0;
    let mut items = walk(client, from, client.keys.directory(from)?, folders);
    let mut running = FuturesUnordered::new();
    let mut in_flight = HashSet::new();
    while let Some(item) = items.try_next().await? {
        if !seen.prints.contains(&seen.hashes.print(&item)) {
            left += 1;
            continue;
        }
        // A marker can go only when nothing is below it.
        let blocked = |in_flight: &HashSet<String>| {
            item.is_marker && in_flight.iter().any(|below| below.starts_with(&item.relative))
        };
        while in_flight.len() >= AT_ONCE || blocked(&in_flight) {
            if let Some(done) = running.try_next().await? {
                in_flight.remove(&done);
            }
        }
        in_flight.insert(item.relative.clone());
        running.push(async move {
            match item.is_marker {
                true if item.object.is_folder => remove_folder(client, from, &item.object.key).await?,
                true => client.delete(from, &item.object.key, None).await?,
                false => remove(client, from, &item.object).await?,
            }
            if let Ok(path) = from.join(&item.relative) {
                client.known.gone(&path);
            }
            Ok::<String, Error>(item.relative)
        });
    }
    while running.try_next().await?.is_some() {}
    Ok(left)
}
