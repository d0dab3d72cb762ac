//! Uploads that were broken off, and are kept for their owners.
//!
//! The plan. An upload that is to stay has a name from the beginning, in the folder for names of ours, which says whose it is; a record
//! beside it says so in words. A lock on the file tells an upload that is under way from one that was left, or whose server is gone.
//! Whoever goes on locks it, and cuts it to where the client goes on from. If it is locked, because nobody has noticed yet that the
//! line of the upload is lost, the beginning is copied, and the copy takes the name: so no two ever write one file. The end of an
//! upload first takes the name away, and is refused if the name stands for another file.
//!
//! As long as the file is locked, it is nothing but to an owner who wants to go on with it: under its name there is what was there before.
//! Bytes come into the file after a second, so that one that does not grow is one whose line is silent: that is listed.

mod slot;
mod upload;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cap_std::fs::Dir;

pub(super) use self::slot::sweep;
use self::slot::{Slot, all_in, prefix_of};
use self::upload::Started;
use super::LocalStorage;
use super::links::{Last, following};
use super::located::{open_directory, parent_of};
use super::open_root::OpenRoot;
use super::reserved::{FOLDER, PARTIAL_PREFIX};
use super::target::Begin;
use super::temporary::{self, NewFile};
use crate::partial::{Keeping, Partial};
use crate::threads::{OfDisk, Operation};
use crate::{
    Body, ByteRange, Content, CreateMode, Error, ErrorKind, FileSlice, Partials, Result, StoragePath, Upload,
};

/// How often, and after which pause, an upload that is under way is looked at again: the server that has it may be just about to
/// notice that its line is lost.
const LOOKS: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

impl LocalStorage {
    fn new_file(&self) -> NewFile {
        NewFile { unnamed: false, mode: self.options.file_mode }
    }

    async fn started(&self, path: &StoragePath, keeping: &Keeping, mode: CreateMode) -> Result<Started> {
        let (at, keeping, sync, new) = (path.clone(), keeping.clone(), self.options.sync, self.new_file());
        let threads = self.threads.clone();
        let started = self.with_root_while_wanted(Operation::Begin, move |root, wanted| {
            following(root, &at, Last::Keep, |path| {
                let begin = Begin { root: Arc::clone(root), path: path.clone(), mode, sync, new };
                upload::begin(begin, &at, &keeping, &threads, wanted)
            })
        });
        started.await
    }

    /// Works with the files of one upload, if there are any. Others may have removed or renamed the directory of the path: what is kept
    /// stays, and is known by its owner and its path alone.
    async fn with_slot<T: Send + 'static>(
        &self,
        path: &StoragePath,
        owner: &str,
        operation: Operation,
        work: impl Fn(&Slot) -> io::Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let (path, owner) = (path.clone(), owner.to_owned());
        let found = self.with_root(operation, move |root| {
            following(root, &path, Last::Keep, |at| {
                let io = |error| Error::from_io(at, error);
                let directory = nearest_directory(root, at)?;
                let slot = Slot::of(root, &directory, &owner, &path, false).map_err(io)?;
                slot.map(|slot| work(&slot)).transpose().map_err(io)
            })
        });
        match found.await {
            Err(error) if is_nowhere(error.kind()) => Ok(None),
            found => found,
        }
    }
}

/// The directory of a path, or the one above it that is there: that is on the same file system.
fn nearest_directory(root: &OpenRoot, path: &StoragePath) -> Result<Dir> {
    let is_gone = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory);
    let mut directory = parent_of(root, path).map(|(directory, _)| directory);
    let mut above = path.parent();
    while directory.as_ref().is_err_and(|error| is_gone(error.kind()))
        && let Some(next) = above.and_then(|above| above.parent())
    {
        directory = open_directory(root, &next).map_err(|error| error.at(path));
        above = Some(next);
    }
    directory
}

/// Nothing is kept where no file could be, or where the server may not look.
fn is_nowhere(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied)
}

#[async_trait]
impl Partials for LocalStorage {
    fn can_read(&self) -> bool {
        true
    }

    async fn begin(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        self.started(path, keeping, mode).await?.into_upload(path)
    }

    async fn find(&self, path: &StoragePath, owner: &str) -> Result<Option<Partial>> {
        Ok(self.with_slot(path, owner, Operation::Stat, Slot::partial).await?.flatten())
    }

    async fn find_in(&self, directory: &StoragePath, owner: &str) -> Result<Vec<Partial>> {
        // Whatever the name, its directory counts.
        let prefix = prefix_of(owner, &directory.child("-")?);
        let path = directory.clone();
        let found = self.with_root(Operation::List, move |root| {
            following(root, &path, Last::Follow, |path| {
                let io = |error| Error::from_io(path, error);
                let mut found = Vec::new();
                let folder = temporary::folder_of(root, &open_directory(root, path)?, false).map_err(io)?;
                if let Some(folder) = folder {
                    all_in(&folder, &prefix, &mut found).map_err(io)?;
                }
                Ok(found)
            })
        });
        match found.await {
            Err(error) if is_nowhere(error.kind()) => Ok(Vec::new()),
            found => found,
        }
    }

    async fn resume(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        offset: u64,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        for look in 0..=LOOKS {
            let (at, keeping, sync, new) =
                (path.clone(), keeping.clone(), self.options.sync, self.new_file());
            let (threads, copies) = (self.threads.clone(), look == LOOKS);
            let started = self.with_root_while_wanted(Operation::Begin, move |root, wanted| {
                following(root, &at, Last::Keep, |path| {
                    let begin = Begin { root: Arc::clone(root), path: path.clone(), mode, sync, new };
                    upload::resume(begin, (&at, &keeping, offset), copies, &threads, wanted)
                })
            });
            match started.await? {
                Started::Held if !copies => tokio::time::sleep(PAUSE).await,
                started => return started.into_upload(path),
            }
        }
        Err(Error::new(ErrorKind::Conflict, path))
    }

    async fn remove(&self, path: &StoragePath, owner: &str) -> Result<bool> {
        Ok(self.with_slot(path, owner, Operation::Remove, Slot::remove).await?.unwrap_or(false))
    }

    async fn all(&self) -> Result<Vec<Partial>> {
        self.with_root(Operation::List, |root| {
            let mut found = Vec::new();
            let all_of = |directory: &Dir, found: &mut Vec<Partial>| match directory.open_dir(FOLDER) {
                Ok(folder) => all_in(&folder, PARTIAL_PREFIX, found),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            };
            all_of(root, &mut found).map_err(|error| Error::from_io(&StoragePath::root(), error))?;
            for mount in root.mounts_below() {
                // Uploads don't go to a directory that can't be entered.
                let _ = root.open_dir(&mount).and_then(|top| all_of(&top, &mut found));
            }
            Ok(found)
        })
        .await
    }

    async fn read(&self, path: &StoragePath, owner: &str, range: ByteRange) -> Result<Body> {
        let threads = self.threads.clone();
        let opened = self.with_slot(path, owner, Operation::Open, move |slot| {
            let (Some(partial), Some(file)) = (slot.partial()?, slot.open()?) else { return Ok(None) };
            let length = file.metadata()?.len();
            Ok(Some((partial, length, OfDisk::new(file, &threads))))
        });
        let Some((partial, arrived, file)) = opened.await?.flatten() else {
            return Err(Error::new(ErrorKind::NotFound, path));
        };
        let metadata = partial.metadata().with_version(&(partial.size, partial.modified));
        // Whoever goes on with it has all that is there as its beginning.
        let length = range.length_in(arrived, path)?;
        Ok(Body { metadata, content: Content::File(FileSlice { file, offset: range.offset, length }) })
    }
}

#[cfg(test)]
#[path = "partial_tests.rs"]
mod tests;
