//! All files below a directory, by its listings.

use futures_util::StreamExt;

use crate::{EachFile, EntryKind, EntryStream, ErrorKind, Result, Storage, StoragePath};

/// How many directories are open at once, each in the one before. Deeper trees are nobody's, and each level takes memory
/// and a file descriptor.
const DEEPEST: usize = 128;

/// One directory on the way down.
struct Level {
    path: StoragePath,
    entries: EntryStream,
}

/// Goes down into each directory when its listing comes to it: what is in memory is a page of each directory on the way, and
/// never a list of directories that wait for their turn.
pub(crate) async fn walk<S: Storage + ?Sized>(
    storage: &S,
    directory: &StoragePath,
    each: EachFile<'_>,
) -> Result<()> {
    let mut levels = vec![Level { path: directory.clone(), entries: storage.list(directory).await? }];
    let mut is_told = false;
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.entries.next().await else {
            levels.pop();
            continue;
        };
        let entry = entry?;
        let path = level.path.child(&entry.name)?;
        match entry.metadata.kind {
            _ if entry.metadata.is_link => {}
            EntryKind::File => each(&path, entry.metadata.size),
            EntryKind::Other => {}
            // One such tree must not keep everything else from being found.
            EntryKind::Directory if levels.len() == DEEPEST => {
                if !std::mem::replace(&mut is_told, true) {
                    let path = path.as_str();
                    tracing::warn!(
                        path,
                        "more than {DEEPEST} directories inside of each other: what is below is left out"
                    );
                }
            }
            EntryKind::Directory => match storage.list(&path).await {
                Ok(entries) => levels.push(Level { path, entries }),
                // It was removed or replaced meanwhile, or it is not for this server.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
                    ) => {}
                Err(error) => return Err(error),
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::CreateMode;
    use crate::memory::MemoryStorage;

    fn path(text: &str) -> StoragePath {
        StoragePath::parse(text).unwrap()
    }

    async fn store(storage: &dyn Storage, at: &str, size: usize) {
        let mut upload = storage.create(&path(at), CreateMode::Replace).await.unwrap();
        upload.write(Bytes::from(vec![b'x'; size])).await.unwrap();
        upload.finish().await.unwrap();
    }

    async fn below(storage: &dyn Storage, at: &str) -> Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        storage.files_below(&path(at), &mut |path, size| files.push((path.to_string(), size))).await?;
        files.sort();
        Ok(files)
    }

    #[tokio::test]
    async fn every_file_below_is_told_of_once() {
        let storage = MemoryStorage::new(1 << 20);
        for directory in ["/a", "/a/b", "/a/empty", "/ab"] {
            storage.create_directory(&path(directory)).await.unwrap();
        }
        for (file, size) in [("/top", 1), ("/a/f", 2), ("/a/b/g", 3), ("/ab/h", 4), ("/a/none", 0)] {
            store(&storage, file, size).await;
        }
        let of = |files: &[(&str, u64)]| -> Vec<(String, u64)> {
            files.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect()
        };
        assert_eq!(below(&storage, "/a").await.unwrap(), of(&[("/a/b/g", 3), ("/a/f", 2), ("/a/none", 0)]));
        assert_eq!(below(&storage, "/").await.unwrap().len(), 5);
        assert_eq!(below(&storage, "/missing").await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(below(&storage, "/top").await.unwrap_err().kind(), ErrorKind::NotADirectory);
    }

    #[tokio::test]
    async fn what_is_too_deep_is_left_out() {
        let storage = MemoryStorage::new(1 << 20);
        store(&storage, "/top", 3).await;
        let mut at = StoragePath::root();
        for _ in 0..DEEPEST {
            at = at.child("d").unwrap();
            storage.create_directory(&at).await.unwrap();
        }
        store(&storage, &format!("{at}/deep"), 5).await;
        assert_eq!(below(&storage, "/").await.unwrap(), [("/top".to_owned(), 3)]);
        assert_eq!(below(&storage, "/d").await.unwrap(), [(format!("{at}/deep"), 5)]);
    }
}
