//! Moves between storages: everything is copied first, and only then removed where it was.

use futures_util::StreamExt;
use wharf_backends::{
    ByteRange, CreateMode, Entry, EntryKind, Error, ErrorKind, Metadata, Result, Storage, StoragePath,
};

/// The most files and directories that are moved in one go between storages. What has been copied is remembered, so
/// that exactly that is removed in the end.
const MOST: usize = 100_000;

/// Makes a directory and those above it. Says whether the last one was missing.
pub(super) async fn create_directories(storage: &dyn Storage, path: &StoragePath) -> Result<bool> {
    let mut made = false;
    let mut current = StoragePath::root();
    for name in path.segments() {
        current = current.child(name)?;
        if let Some(directory) = path.confinement() {
            current = current.confined_to(&directory);
        }
        made = match storage.create_directory(&current).await {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
    }
    Ok(made)
}

/// One side of a move.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) storage: &'a dyn Storage,
    pub(super) path: &'a StoragePath,
}

/// What the user may do where the move leads to.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    /// A file may be replaced.
    pub(super) replace: bool,
    /// Directories may be made.
    pub(super) make_directories: bool,
}

/// Moves a file, or a directory with all below, to another storage.
///
/// A failure leaves the source whole, and what had been copied is removed again. Whatever somebody else stores meanwhile,
/// at the source or at the target, stays: then the move ends with [`ErrorKind::Conflict`].
pub(super) async fn move_between(from: Side<'_>, to: Side<'_>, allowed: Allowed) -> Result<()> {
    let source = from.storage.stat(from.path).await?;
    let target = match to.storage.stat(to.path).await {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(target) = target {
        if target.version.is_some() && target.version == source.version {
            let reason = "source and target are the same file by two names";
            return Err(Error::with_source(ErrorKind::AlreadyExists, to.path, reason));
        }
        if target.is_directory() || source.is_directory() || !allowed.replace {
            return Err(Error::new(ErrorKind::AlreadyExists, to.path));
        }
    }
    if source.is_directory() && !allowed.make_directories {
        let reason = "the user lacks the permission: mkdir";
        return Err(Error::with_source(ErrorKind::PermissionDenied, to.path, reason));
    }
    let mut copied = Copied::default();
    let copy = async {
        if source.is_directory() {
            copied.tree(from, to, source.is_link).await
        } else {
            let mode = if allowed.replace { CreateMode::Replace } else { CreateMode::New };
            let paths = Twins { source: from.path.clone(), copy: to.path.clone(), behind_link: false };
            copied.file(from.storage, to.storage, paths, mode, &source).await
        }
    };
    match copy.await {
        Ok(()) => copied.remove_source(from, to.path).await,
        Err(error) => {
            copied.remove_copy(to).await;
            Err(error)
        }
    }
}

/// What a move has copied so far, in the order in which it was made.
#[derive(Default)]
struct Copied {
    files: Vec<File>,
    directories: Vec<Directory>,
}

/// A path at the source and its copy.
struct Twins {
    source: StoragePath,
    copy: StoragePath,
    /// The way to the source leads through a link: it has another place, where it stays.
    behind_link: bool,
}

struct Directory {
    paths: Twins,
    is_link: bool,
}

struct File {
    paths: Twins,
    /// What was read.
    source: Metadata,
    /// What was written. `None` where it replaced something, which can't be brought back by removing it.
    copy: Option<Metadata>,
}

/// Whether a file is still what it was. A store without versions has the size and the time to go by.
pub(crate) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    match (one.version, other.version) {
        (Some(one), Some(other)) => one == other,
        _ => (one.kind, one.size, one.modified) == (other.kind, other.size, other.modified),
    }
}

/// What is below a directory before anything is copied. The copy may be made inside of the directory, where its place has two names: who
/// copies while listing finds the copy, and copies it, too.
#[derive(Default)]
struct Found {
    /// Each before those below it.
    directories: Vec<Directory>,
    files: Vec<(Twins, Metadata)>,
    /// Where the copy would be if it were made inside of the directory. Nothing is there yet.
    namesakes: Vec<StoragePath>,
}

impl Found {
    /// A link is followed: what is copied is what a client sees.
    async fn below(from: Side<'_>, to: &StoragePath, is_link: bool) -> Result<Self> {
        let mut found = Self::default();
        let paths = Twins { source: from.path.clone(), copy: to.clone(), behind_link: false };
        let mut directories = vec![Directory { paths, is_link }];
        while let Some(directory) = directories.pop() {
            let paths = &directory.paths;
            let behind_link = paths.behind_link || directory.is_link;
            // Better told now than when everything is copied.
            if !paths.behind_link {
                from.storage.may_move(&paths.source).await?;
            }
            let mut namesake = to.name().filter(|_| !behind_link);
            let mut entries = from.storage.list(&paths.source).await?;
            while let Some(entry) = entries.next().await {
                let Entry { name, metadata } = entry?;
                namesake = namesake.filter(|namesake| *namesake != name);
                let (source, copy) = (paths.source.child(&name)?, paths.copy.child(&name)?);
                if found.directories.len() + directories.len() + found.files.len() + 1 >= MOST {
                    let reason = format!(
                        "more than {MOST} files and directories can't be moved between storages at once"
                    );
                    return Err(Error::with_source(ErrorKind::Unsupported, &source, reason));
                }
                let twins = Twins { source, copy, behind_link };
                if metadata.is_directory() {
                    directories.push(Directory { paths: twins, is_link: metadata.is_link });
                } else {
                    found.files.push((twins, metadata));
                }
            }
            if let Some(namesake) = namesake {
                found.namesakes.push(paths.source.child(namesake)?);
            }
            found.directories.push(directory);
        }
        Ok(found)
    }
}

impl Copied {
    async fn file(
        &mut self,
        from: &dyn Storage,
        to: &dyn Storage,
        paths: Twins,
        mode: CreateMode,
        found: &Metadata,
    ) -> Result<()> {
        if found.kind == EntryKind::Other {
            let reason = "only files and directories can be copied";
            return Err(Error::with_source(ErrorKind::Unsupported, &paths.source, reason));
        }
        // Better told now than when everything is copied.
        if !paths.behind_link {
            from.may_move(&paths.source).await?;
        }
        let (from, to) =
            (Side { storage: from, path: &paths.source }, Side { storage: to, path: &paths.copy });
        let source = copy_file(from, to, mode).await?;
        let modified = source.modified.filter(|_| to.storage.capabilities().set_modified);
        let mut copy = to.storage.stat(to.path).await?;
        let time_set = match modified {
            None => Ok(()),
            Some(modified) => match to.storage.set_modified(to.path, modified).await {
                // Somebody removed or replaced the copy.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => Err(error),
                // The content counts: a move is not undone for a time that the target can't have.
                Err(error) => {
                    tracing::info!(path = to.path.as_str(), %error, "a copy has not the time of its source");
                    Ok(())
                }
                set => set,
            },
        };
        // Whatever became of the time, the copy is there, and is what a move that fails takes back.
        if modified.is_some() && time_set.is_ok() {
            copy = to.storage.stat(to.path).await?;
        }
        let copy = (mode == CreateMode::New).then_some(copy);
        self.files.push(File { paths, source, copy });
        time_set
    }

    /// Copies a directory with all below.
    async fn tree(&mut self, from: Side<'_>, to: Side<'_>, is_link: bool) -> Result<()> {
        let found = Found::below(from, to.path, is_link).await?;
        for (number, directory) in found.directories.into_iter().enumerate() {
            to.storage.create_directory(&directory.paths.copy).await?;
            self.directories.push(directory);
            if number > 0 {
                continue;
            }
            for path in &found.namesakes {
                if from.storage.stat(path).await.is_ok() {
                    let reason = "a directory can't move into itself";
                    return Err(Error::with_source(ErrorKind::InvalidName, to.path, reason));
                }
            }
        }
        for (paths, metadata) in found.files {
            self.file(from.storage, to.storage, paths, CreateMode::New, &metadata).await?;
        }
        Ok(())
    }

    /// Removes what was copied, unless somebody has changed it since.
    async fn remove_source(&self, from: Side<'_>, to: &StoragePath) -> Result<()> {
        let mut changed: u64 = 0;
        for file in self.files.iter().filter(|file| !file.paths.behind_link) {
            let path = &file.paths.source;
            match from.storage.stat(path).await {
                Ok(found) if is_same(&found, &file.source) => match from.storage.remove_file(path).await {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                },
                Ok(_) => changed += 1,
                // Removed by somebody else.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        // Each directory was made before those below it.
        for directory in self.directories.iter().rev().filter(|directory| !directory.paths.behind_link) {
            let path = &directory.paths.source;
            let removed = if !directory.is_link {
                remove_directory(from.storage, path).await
            } else {
                match from.storage.stat(path).await {
                    Ok(found) if found.is_link => from.storage.remove_file(path).await,
                    // Something else stands there now, or nothing.
                    Ok(_) => Ok(()),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    Err(error) => Err(error),
                }
            };
            match removed {
                // Something came meanwhile.
                Err(error) if matches!(error.kind(), ErrorKind::NotEmpty | ErrorKind::NotADirectory) => {
                    changed += 1
                }
                removed => removed?,
            }
        }
        if changed == 0 {
            return Ok(());
        }
        let reason = format!("moved to {to}, but {changed} that changed meanwhile stay where they were");
        Err(Error::with_source(ErrorKind::Conflict, from.path, reason))
    }

    /// Takes a move back. What can't be removed stays; the source is what counts.
    async fn remove_copy(&self, to: Side<'_>) {
        let mut left = self.files.len() + self.directories.len();
        for file in &self.files {
            let path = &file.paths.copy;
            let removed = match (&file.copy, to.storage.stat(path).await) {
                (Some(copy), Ok(found)) if is_same(&found, copy) => to.storage.remove_file(path).await,
                (_, Err(error)) => Err(error),
                _ => continue,
            };
            match removed {
                Ok(()) => left -= 1,
                // Each of the others would be waited for as long.
                Err(error) if error.kind() == ErrorKind::Unavailable => break,
                Err(_) => {}
            }
        }
        for directory in self.directories.iter().rev() {
            match remove_directory(to.storage, &directory.paths.copy).await {
                Ok(()) => left -= 1,
                Err(error) if error.kind() == ErrorKind::Unavailable => break,
                Err(_) => {}
            }
        }
        if left > 0 {
            tracing::warn!(path = to.path.as_str(), left, "a move that failed has left copies behind");
        }
    }
}

/// Removes a directory that is empty by now.
async fn remove_directory(storage: &dyn Storage, path: &StoragePath) -> Result<()> {
    match storage.remove_directory(path).await {
        // Where directories come and go with their files, it may be gone already.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Copies the bytes of a file; says what was read.
async fn copy_file(from: Side<'_>, to: Side<'_>, mode: CreateMode) -> Result<Metadata> {
    let body = from.storage.open(from.path, ByteRange::ALL).await?;
    let source = body.metadata.clone();
    let mut stream = body.into_stream();
    let mut upload = to.storage.create(to.path, mode).await?;
    let mut copied = 0;
    let failure = loop {
        match stream.next().await {
            Some(Ok(chunk)) => {
                copied += chunk.len() as u64;
                if let Err(error) = upload.write(chunk).await {
                    break error;
                }
            }
            Some(Err(error)) => break error.at(from.path),
            None if copied == source.size => {
                upload.finish().await?;
                return Ok(source);
            }
            None => {
                let reason = "the file changed while it was copied";
                break Error::with_source(ErrorKind::Conflict, from.path, reason);
            }
        }
    };
    if let Err(error) = upload.abort().await {
        tracing::warn!(path = to.path.as_str(), cause = error.to_string(), "can't clean up after a copy");
    }
    Err(failure)
}
