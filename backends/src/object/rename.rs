//! Renaming: copies, and removes the source when everything is copied.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{TryStreamExt, future};
use object_store::path::Path;
use object_store::{CopyMode, ObjectMeta};

use super::client::{Client, Object};
use super::key::Provider;
use super::lookup::Found;
use super::upload::copy_through;
use super::walk::{Item, walk};
use crate::{Error, ErrorKind, Result, StoragePath};

/// Objects of one directory that are copied or removed at the same time.
const AT_ONCE: usize = 16;

/// The largest object that S3 copies in one request, in bytes.
const MAX_S3_COPY: u64 = 5 << 30;

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
    let source = client.lookup(from).await?;
    if matches!(source, Found::Directory) && to.starts_with(from) {
        return Err(Error::with_source(ErrorKind::InvalidName, to, "a directory can't move into itself"));
    }
    if matches!(source, Found::Nothing) {
        return Err(Error::new(ErrorKind::NotFound, from));
    }
    let (there, ()) = future::try_join(client.lookup_at_once(to), client.check_parents(to)).await?;
    match (source, there) {
        (Found::Nothing, _) => Err(Error::new(ErrorKind::NotFound, from)),
        (_, Found::Directory) | (Found::Directory, Found::File(_)) => {
            Err(Error::new(ErrorKind::AlreadyExists, to))
        }
        (Found::File(_), Found::File(_)) if !replace => Err(Error::new(ErrorKind::AlreadyExists, to)),
        (Found::File(object), _) => rename_file(client, from, object, to, &target, replace).await,
        (Found::Directory, Found::Nothing) => rename_directory(client, from, to, &target).await,
    }
}

async fn rename_file(
    client: &Arc<Client>,
    from: &StoragePath,
    object: Object,
    to: &StoragePath,
    target: &Path,
    replace: bool,
) -> Result<()> {
    // S3 has no copy that is refused if the target is there; the lookup before has to do.
    let mode = match client.keys.provider {
        Provider::Gcs | Provider::Azure if !replace => CopyMode::Create,
        _ => CopyMode::Overwrite,
    };
    copy(client, to, &object.meta, target, mode).await?;
    // What was stored here during the copy must not be removed.
    match client.head(from, &object.meta.location).await? {
        Some(now) if now.meta.e_tag == object.meta.e_tag => client.delete(from, &object.meta.location).await,
        Some(_) => Err(Error::with_source(
            ErrorKind::Conflict,
            from,
            "it was replaced while it was renamed; both names are there now",
        )),
        None => Ok(()),
    }
}

/// Copies one object, however large, and returns when the copy is complete.
async fn copy(
    client: &Arc<Client>,
    path: &StoragePath,
    from: &ObjectMeta,
    to: &Path,
    mode: CopyMode,
) -> Result<()> {
    match client.keys.provider {
        Provider::S3 if from.size > MAX_S3_COPY => copy_through(client, path, from, to).await,
        Provider::S3 | Provider::Gcs => client.copy(path, from, to, mode).await,
        Provider::Azure => {
            client.copy(path, from, to, mode).await?;
            await_azure_copy(client, path, from, to).await
        }
    }
}

/// Azure may answer before it has copied; the library doesn't tell. Until it has, the copy is empty.
async fn await_azure_copy(client: &Client, path: &StoragePath, from: &ObjectMeta, to: &Path) -> Result<()> {
    let patience = super::client::patience(&client.tuning, from.size);
    let complete = async {
        let mut pause = Duration::from_millis(50);
        loop {
            if client.head(path, to).await?.is_some_and(|copy| copy.meta.size == from.size) {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    };
    tokio::time::timeout(patience, complete).await.unwrap_or_else(|_| Err(super::client::silent(path)))
}

async fn rename_directory(
    client: &Arc<Client>,
    from: &StoragePath,
    to: &StoragePath,
    target: &Path,
) -> Result<()> {
    let copied = AtomicU64::new(0);
    let outcome = copy_all(client, from, to, &copied).await;
    let seen = match outcome {
        Ok(seen) => seen,
        Err(error) => {
            let copied = copied.into_inner();
            let kind = error.kind();
            let text =
                format!("nothing is lost; {copied} objects were copied to {to} before it failed: {error}");
            return Err(Error::with_source(kind, from, text));
        }
    };
    // On Azure the marker stands beside the directory, not in it.
    let source = client.keys.file(from)?;
    let own_marker = match client.keys.provider {
        Provider::Azure => client.head(from, &source).await?.filter(|object| object.is_folder),
        Provider::S3 | Provider::Gcs => None,
    };
    if own_marker.is_some() {
        client.put_marker(to, target).await?;
    }
    let left = delete_all(client, from, &seen).await?;
    if left > 0 {
        let text = format!("renamed, but {left} objects that changed or came meanwhile were left here");
        return Err(Error::with_source(ErrorKind::Conflict, from, text));
    }
    match own_marker {
        Some(_) => client.delete(from, &source).await,
        None => Ok(()),
    }
}

/// The objects that were copied, a few bytes each: only these may be removed, in the state they were copied in.
struct Seen {
    prints: HashSet<u64>,
    hasher: RandomState,
}

impl Seen {
    fn print(&self, item: &Item) -> u64 {
        self.hasher.hash_one((&item.relative, &item.meta.e_tag, item.meta.size, item.meta.last_modified))
    }
}

async fn copy_all(
    client: &Arc<Client>,
    from: &StoragePath,
    to: &StoragePath,
    copied: &AtomicU64,
) -> Result<Seen> {
    let below = client.keys.directory(to)?;
    let mut seen = Seen { prints: HashSet::new(), hasher: RandomState::new() };
    let mut copies = walk(client, from, client.keys.directory(from)?)
        .map_ok(|item| copy_one(client, from, &below, item))
        .try_buffer_unordered(AT_ONCE);
    while let Some(item) = copies.try_next().await? {
        copied.fetch_add(1, Ordering::Relaxed);
        seen.prints.insert(seen.print(&item));
    }
    Ok(seen)
}

async fn copy_one(client: &Arc<Client>, from: &StoragePath, below: &str, item: Item) -> Result<Item> {
    let key = format!("{below}{}", item.relative.trim_end_matches('/'));
    let target =
        Path::parse(&key).map_err(|error| Error::with_source(ErrorKind::InvalidName, from, error))?;
    match item.is_marker {
        // Some stores can't copy a marker.
        true if item.meta.size == 0 => client.put_marker(from, &target).await?,
        true => copy(client, from, &item.meta, &client.keys.marker(&target), CopyMode::Overwrite).await?,
        false => copy(client, from, &item.meta, &target, CopyMode::Overwrite).await?,
    }
    Ok(item)
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
            client.delete(from, &item.meta.location).await?;
            Ok::<String, Error>(item.relative)
        });
    }
    while running.try_next().await?.is_some() {}
    Ok(left)
}
