//! Moves between storages: everything is copied first, and only then removed where it was.

use futures_util::StreamExt;
use wharf_backends::{
    ByteRange, CreateMode, EntryKind, Error, ErrorKind, Metadata, Result, Storage, StoragePath,
};

/// Makes a directory and those above it. Says whether the last one was missing.
pub(super) async fn create_directories(storage: &dyn Storage, path: &StoragePath) -> Result<bool> {
    let mut made = false;
    let mut current = StoragePath::root();
    for name in path.segments() {
        current = current.child(name)?;
        made = match storage.create_directory(&current).await {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
    }
    Ok(made)
}

/// Moves a file, or a directory with all below, to another storage. A failure leaves the source whole; what had been
/// copied of a directory is removed again.
pub(super) async fn move_between(
    from_storage: &dyn Storage,
    from: &StoragePath,
    to_storage: &dyn Storage,
    to: &StoragePath,
    replace: bool,
) -> Result<()> {
    let source = from_storage.stat(from).await?;
    let target = match to_storage.stat(to).await {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if target.is_some_and(|target| target.is_directory() || source.is_directory() || !replace) {
        return Err(Error::new(ErrorKind::AlreadyExists, to));
    }
    if source.is_directory() {
        if let Err(error) = copy_tree(from_storage, from, to_storage, to).await {
            // What of the copy can't be removed stays; the source is what counts.
            if let Err(left) = remove_tree(to_storage, to, None).await {
                tracing::warn!(path = %to, cause = %left, "can't remove a half-made copy");
            }
            return Err(error);
        }
        // Just what was copied is removed: a file that came later makes this fail, and stays.
        return remove_tree(to_storage, to, Some((from_storage, from))).await;
    }
    let mode = if replace { CreateMode::Replace } else { CreateMode::New };
    copy_file(from_storage, from, to_storage, to, mode, &source).await?;
    from_storage.remove_file(from).await
}

async fn copy_file(
    from_storage: &dyn Storage,
    from: &StoragePath,
    to_storage: &dyn Storage,
    to: &StoragePath,
    mode: CreateMode,
    source: &Metadata,
) -> Result<()> {
    if source.kind == EntryKind::Other {
        return Err(Error::with_source(
            ErrorKind::Unsupported,
            from,
            "only files and directories can be copied",
        ));
    }
    let body = from_storage.open(from, ByteRange::ALL).await?;
    let size = body.metadata.size;
    let mut stream = body.into_stream();
    let mut upload = to_storage.create(to, mode).await?;
    let mut copied = 0;
    while let Some(chunk) = stream.next().await {
        let written = match chunk {
            Ok(chunk) => {
                copied += chunk.len() as u64;
                upload.write(chunk).await
            }
            Err(error) => Err(error.at(from)),
        };
        if let Err(error) = written {
            upload.abort().await?;
            return Err(error);
        }
    }
    if copied != size {
        upload.abort().await?;
        return Err(Error::with_source(ErrorKind::Conflict, from, "the file changed while it was copied"));
    }
    upload.finish().await?;
    match source.modified {
        Some(modified) if to_storage.capabilities().set_modified => {
            to_storage.set_modified(to, modified).await
        }
        _ => Ok(()),
    }
}

async fn copy_tree(
    from_storage: &dyn Storage,
    from: &StoragePath,
    to_storage: &dyn Storage,
    to: &StoragePath,
) -> Result<()> {
    let mut directories = vec![(from.clone(), to.clone())];
    while let Some((from, to)) = directories.pop() {
        to_storage.create_directory(&to).await?;
        let mut entries = from_storage.list(&from).await?;
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            let (from, to) = (from.child(&entry.name)?, to.child(&entry.name)?);
            if entry.metadata.is_directory() {
                directories.push((from, to));
            } else {
                copy_file(from_storage, &from, to_storage, &to, CreateMode::New, &entry.metadata).await?;
            }
        }
    }
    Ok(())
}

/// Removes all that the tree at `path` of `storage` names: from that tree itself, or from `twin`, another
/// storage and the directory there that has been copied to `path`.
async fn remove_tree(
    storage: &dyn Storage,
    path: &StoragePath,
    twin: Option<(&dyn Storage, &StoragePath)>,
) -> Result<()> {
    let (target, target_path) = twin.unwrap_or((storage, path));
    // Each directory is visited before what is below it, so the reverse order empties them.
    let mut visited = Vec::new();
    let mut directories = vec![(path.clone(), target_path.clone())];
    while let Some((listed, removed)) = directories.pop() {
        let mut entries = storage.list(&listed).await?;
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            let removed = removed.child(&entry.name)?;
            if entry.metadata.is_directory() {
                directories.push((listed.child(&entry.name)?, removed));
            } else {
                target.remove_file(&removed).await?;
            }
        }
        visited.push(removed);
    }
    for directory in visited.iter().rev() {
        match target.remove_directory(directory).await {
            // Where directories come and go with their files, it may be gone already.
            Err(error)
                if error.kind() == ErrorKind::NotFound && target.capabilities().implicit_directories => {}
            removed => removed?,
        }
    }
    Ok(())
}
