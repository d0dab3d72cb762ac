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
            paths.may_move(from.storage, source.kind).await?;
            copied.file(from.storage, to.storage, paths, mode).await
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

impl Twins {
    /// Whether this can be copied and then removed: better told now than when everything is copied.
    async fn may_move(&self, from: &dyn Storage, kind: EntryKind) -> Result<()> {
        if kind == EntryKind::Other {
            let reason = "only files and directories can be copied";
            return Err(Error::with_source(ErrorKind::Unsupported, &self.source, reason));
        }
        if self.behind_link { Ok(()) } else { from.may_move(&self.source).await }
    }
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

/// What is below a directory before anything is copied.
#[derive(Default)]
struct Found {
    /// Each before those below it; the directory itself is not among them.
    directories: Vec<Directory>,
    files: Vec<Twins>,
}

impl Found {
    /// Lists a directory with all below. A link is followed: what is copied is what a client sees.
    ///
    /// # Errors
    /// The storage's; [`ErrorKind::InvalidName`] if a directory of the name `sign` is there.
    async fn below(from: &dyn Storage, root: &Directory, sign: &str) -> Result<Self> {
        let mut found = Self::default();
        let mut next = 0;
        loop {
            let directory = if next == 0 { root } else { &found.directories[next - 1] };
            let behind_link = directory.paths.behind_link || directory.is_link;
            let (source, copy) = (directory.paths.source.clone(), directory.paths.copy.clone());
            let mut entries = from.list(&source).await?;
            while let Some(entry) = entries.next().await {
                let Entry { name, metadata } = entry?;
                if name == sign {
                    return Err(Error::into_itself(&root.paths.copy));
                }
                let paths = Twins { source: source.child(&name)?, copy: copy.child(&name)?, behind_link };
                if found.directories.len() + found.files.len() + 1 >= MOST {
                    let reason = format!(
                        "more than {MOST} files and directories can't be moved between storages at once"
                    );
                    return Err(Error::with_source(ErrorKind::Unsupported, &paths.source, reason));
                }
                paths.may_move(from, metadata.kind).await?;
                if metadata.is_directory() {
                    found.directories.push(Directory { paths, is_link: metadata.is_link });
                } else {
                    found.files.push(paths);
                }
            }
            if next == found.directories.len() {
                return Ok(found);
            }
            next += 1;
        }
    }
}

impl Copied {
    async fn file(
        &mut self,
        from: &dyn Storage,
        to: &dyn Storage,
        paths: Twins,
        mode: CreateMode,
    ) -> Result<()> {
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
        let paths = Twins { source: from.path.clone(), copy: to.path.clone(), behind_link: false };
        paths.may_move(from.storage, EntryKind::Directory).await?;
        let root = Directory { paths, is_link };
        to.storage.create_directory(to.path).await?;
        let found = Self::found(from, to, &root).await;
        self.directories.push(root);
        let found = found?;
        for directory in found.directories {
            to.storage.create_directory(&directory.paths.copy).await?;
            self.directories.push(directory);
        }
        for paths in found.files {
            let source = paths.source.clone();
            match self.file(from.storage, to.storage, paths, CreateMode::New).await {
                // Somebody has removed the file since it was listed. Otherwise, it is the copy that has gone.
                Err(error) if error.kind() == ErrorKind::NotFound => match from.storage.stat(&source).await {
                    Err(gone) if gone.kind() == ErrorKind::NotFound => {}
                    _ => return Err(error),
                },
                copied => copied?,
            }
        }
        Ok(())
    }

    /// What there is to copy to a directory that has just been made.
    ///
    /// The copy may be inside of the directory that is moved, where one place has two names. Nothing tells the copy from other directories,
    /// unless it has a sign in it while the source is listed. If it were listed while it grows, it would be copied, too, again and again.
    async fn found(from: Side<'_>, to: Side<'_>, root: &Directory) -> Result<Found> {
        let sign = format!(".moving-{:016x}", fastrand::u64(..));
        let path = to.path.child(&sign)?;
        to.storage.create_directory(&path).await?;
        let found = Found::below(from.storage, root, &sign).await;
        // A target may take files that nobody may remove.
        if let Err(error) = remove_directory(to.storage, &path).await {
            tracing::warn!(path = path.as_str(), %error, "a move has left an empty directory behind");
        }
        found
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
