//! Renaming: copies, and removes the source when everything is copied.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use object_store::CopyMode;

use super::client::Client;
use super::copy::{copy, copy_marked, is_marked_copy};
use super::entry::{Object, is_of_parts};
use super::key::Provider;
use super::known::parents;
use super::lookup::Found;
use super::walk::{Item, walk};
use crate::{Error, ErrorKind, Result, StoragePath};

/// Objects of one directory that are copied or removed at the same time.
const AT_ONCE: usize = 16;

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
    let (source, seen_before) = match client.known.fresh_file(from, &key) {
        Some(object) if object.e_tag.is_some() => (Found::File(object), true),
        _ => (client.lookup(from).await?, false),
    };
    match source {
        Found::Nothing => Err(Error::new(ErrorKind::NotFound, from)),
        Found::Directory => rename_directory(client, from, to).await,
        Found::File(object) => {
            check_target(client, to, replace).await?;
            match rename_file(client, from, &object, to, &target, replace).await {
                // It is not what it was when it was seen.
                Err(error)
                    if seen_before && matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) =>
                {
                    client.known.gone(from);
                    let object = client.file(from).await?;
                    rename_file(client, from, &object, to, &target, replace).await
                }
                renamed => renamed,
            }
        }
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
    let mode = match client.keys.provider {
        Provider::Gcs | Provider::Azure if !replace => CopyMode::Create,
        _ => CopyMode::Overwrite,
    };
    // Copied by others than this server, it may change meanwhile; then the condition of the removal keeps it.
    let before = client.known.fresh_file(from, &object.key).map(|seen| seen.e_tag);
    copy(client, to, object, target, mode).await?;
    client.known.stored(to, object.size, None);
    let now = client.known.fresh_file(from, &object.key).map(|seen| seen.e_tag);
    let replaced = || {
        let text = "it was replaced while it was renamed; both names are there now";
        Error::with_source(ErrorKind::Conflict, from, text)
    };
    if now.is_some() && now != before && now.flatten() != object.e_tag {
        return Err(replaced());
    }
    if client.s3.is_none() {
        // What was stored here during the copy must not be removed.
        match client.head(from, &object.key).await? {
            Some(now) if now.e_tag == object.e_tag => {}
            Some(_) => return Err(replaced()),
            None => return Ok(()),
        }
    }
    client.known.gone(from);
    match remove(client, from, object).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(replaced()),
        Err(error) => {
            let text = format!("it was copied to {to}, but could not be removed here: {error}");
            Err(Error::with_source(error.kind(), from, text))
        }
        Ok(()) => Ok(()),
    }
}

/// Removes an object if it is still the one that was copied.
async fn remove(client: &Client, path: &StoragePath, object: &Object) -> Result<()> {
    match client.delete(path, &object.key, object.e_tag.as_deref()).await {
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
    client.check_parents(to).await?;
    let there = match client.probe(to).await? {
        Found::File(_) => return Err(Error::new(ErrorKind::AlreadyExists, to)),
        // What an earlier attempt left behind is completed.
        Found::Directory => Compared::of(client, from, to).await?.left_by_a_rename(to)?,
        Found::Nothing => HashSet::new(),
    };
    let copied = AtomicU64::new(0);
    let told = |error: Error| {
        let copied = copied.load(Ordering::Relaxed);
        let text = format!(
            "nothing is lost; {copied} objects were copied to {to} before it failed, and to rename it again goes on \
             from there: {error}"
        );
        Error::with_source(error.kind(), from, text)
    };
    let seen = copy_all(client, from, to, &there, &copied).await.map_err(told)?;
    // On Azure the marker stands beside the directory, not in it.
    let source = client.keys.file(from)?;
    let own_marker = match client.keys.provider {
        Provider::Azure => client.head(from, &source).await?.filter(|object| object.is_folder),
        Provider::S3 | Provider::Gcs => None,
    };
    if own_marker.is_some() && client.head(to, &client.keys.file(to)?).await?.is_none() {
        client.put_marker(to, &client.keys.file(to)?).await?;
    }
    verify(client, &seen, to).await.map_err(told)?;
    client.known.directory(to);
    parents(to).for_each(|parent| client.known.directory(&parent));
    let left = delete_all(client, from, &seen).await.map_err(|error| {
        let text = format!(
            "all of it was copied to {to}, but not all could be removed here; to rename it again completes it: {error}"
        );
        Error::with_source(error.kind(), from, text)
    })?;
    if left > 0 {
        let text = format!("renamed, but {left} objects that changed or came meanwhile were left here");
        return Err(Error::with_source(ErrorKind::Conflict, from, text));
    }
    client.known.gone(from);
    match own_marker {
        Some(_) => client.delete(from, &source, None).await,
        None => Ok(()),
    }
}

/// Two directories beside each other.
struct Compared {
    /// What stands in both with the same content, by its key below the directory.
    same: HashSet<String>,
    only_source: u64,
    only_target: u64,
    different: u64,
}

impl Compared {
    async fn of(client: &Arc<Client>, from: &StoragePath, to: &StoragePath) -> Result<Self> {
        let mut sources = HashMap::new();
        let mut items = walk(client, from, client.keys.directory(from)?);
        while let Some(item) = items.try_next().await? {
            if !item.is_marker {
                sources.insert(item.relative, item.object);
            }
        }
        let mut compared = Self { same: HashSet::new(), only_source: 0, only_target: 0, different: 0 };
        let mut items = walk(client, to, client.keys.directory(to)?);
        while let Some(item) = items.try_next().await? {
            if item.is_marker {
                continue;
            }
            let Some(source) = sources.remove(&item.relative) else {
                compared.only_target += 1;
                continue;
            };
            let same = match source.same_content(&item.object) {
                Some(known) => known,
                None => is_marked_copy(client, to, &item.object, &source).await?,
            };
            if same {
                compared.same.insert(item.relative);
            } else {
                compared.different += 1;
            }
        }
        compared.only_source = sources.len() as u64;
        Ok(compared)
    }

    /// What was copied already, if the target is there because a rename was broken off: while it copied, when nothing else
    /// is in the target, or while it removed, when nothing else is in the source.
    fn left_by_a_rename(self, to: &StoragePath) -> Result<HashSet<String>> {
        let part_of_the_other = self.only_target == 0 || self.only_source == 0;
        match !self.same.is_empty() && self.different == 0 && part_of_the_other {
            true => Ok(self.same),
            false => Err(Error::new(ErrorKind::AlreadyExists, to)),
        }
    }
}

/// The objects that were copied: only these may be removed, in the state they were copied in.
struct Seen {
    prints: HashSet<u64>,
    /// What the target has to hold: the size by the hash of the key below the directory.
    sizes: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Seen {
    fn print(&self, item: &Item) -> u64 {
        let object = &item.object;
        self.hasher.hash_one((&item.relative, &object.e_tag, object.size, object.stored))
    }

    fn place(&self, item: &Item) -> u64 {
        self.hasher.hash_one(&item.relative)
    }
}

async fn copy_all(
    client: &Arc<Client>,
    from: &StoragePath,
    to: &StoragePath,
    there: &HashSet<String>,
    copied: &AtomicU64,
) -> Result<Seen> {
    let below = client.keys.directory(to)?;
    let mut seen = Seen { prints: HashSet::new(), sizes: HashMap::new(), hasher: RandomState::new() };
    let mut copies = walk(client, from, client.keys.directory(from)?)
        .map_ok(|item| async {
            if !there.contains(&item.relative) {
                copy_one(client, from, &below, &item).await?;
                copied.fetch_add(1, Ordering::Relaxed);
            }
            Ok(item)
        })
        .try_buffer_unordered(AT_ONCE);
    while let Some(item) = copies.try_next().await? {
        seen.prints.insert(seen.print(&item));
        if !item.is_marker {
            seen.sizes.insert(seen.place(&item), item.object.size);
        }
    }
    Ok(seen)
}

async fn copy_one(client: &Arc<Client>, from: &StoragePath, below: &str, item: &Item) -> Result<()> {
    let target = format!("{below}{}", item.relative);
    if target.split('/').any(|segment| matches!(segment, "." | "..")) {
        // A URL can't hold them, so the copy would be another key.
        let text = format!("the key {:?} can't be moved", item.object.key);
        return Err(Error::with_source(ErrorKind::InvalidName, from, text));
    }
    match &item.object {
        // Some stores can't copy a marker.
        object if item.is_marker && object.size == 0 => {
            client.put_marker(from, target.trim_end_matches('/')).await
        }
        object if object.e_tag.as_deref().is_some_and(is_of_parts) => {
            copy_marked(client, from, object, &target).await
        }
        object => copy(client, from, object, &target, CopyMode::Overwrite).await,
    }
}

/// Makes sure that everything is in the target, before anything is removed.
async fn verify(client: &Arc<Client>, seen: &Seen, to: &StoragePath) -> Result<()> {
    let mut missing = seen.sizes.len();
    let mut items = walk(client, to, client.keys.directory(to)?);
    while let Some(item) = items.try_next().await? {
        if !item.is_marker && seen.sizes.get(&seen.place(&item)) == Some(&item.object.size) {
            missing -= 1;
        }
    }
    match missing {
        0 => Ok(()),
        missing => {
            let text = format!("{missing} of the copies are missing or have another size");
            Err(Error::with_source(ErrorKind::Conflict, to, text))
        }
    }
}

/// Removes what was copied, and returns how many other objects there are.
async fn delete_all(client: &Arc<Client>, from: &StoragePath, seen: &Seen) -> Result<u64> {
    let mut left = 0;
    let mut items = walk(client, from, client.keys.directory(from)?);
    let mut running = FuturesUnordered::new();
    let mut in_flight = HashSet::new();
    while let Some(item) = items.try_next().await? {
        if !seen.prints.contains(&seen.print(&item)) {
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
