//! Gives an upload its name, or adds it to the end of a file.

use std::fs::File;
use std::io::{self, Write};

use bytes::Bytes;
use cap_std::fs::Dir;
use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, RenameFlags, flock, linkat, openat, renameat, renameat_with,
    statat, unlinkat,
};
use rustix::io::Errno;

use super::append::{self, FileId};
use super::disk;
use super::names::Names;
use super::naming::Taking;
use super::target::{Base, Target};
use super::temporary::{self, HiddenName};
use super::{metadata_of, sync_directory};
use crate::threads::{confirm_wanted, step};
use crate::turns::Turn;
use crate::{Error, ErrorKind, Metadata, Result};

/// The result of an attempt to publish.
pub(super) enum Published {
    As(Metadata),
    /// The name now stands for another file than a moment ago.
    Again,
    /// Another task has the turn at this file.
    After(FileId),
}

/// The bytes that have arrived.
pub(super) enum Received {
    File(File),
    /// The bytes are few, and need no file.
    Held(Vec<Bytes>),
}

impl Received {
    fn as_tail(&self) -> append::Tail<'_> {
        match self {
            Self::File(file) => append::Tail::File(file),
            Self::Held(chunks) => append::Tail::Held(chunks),
        }
    }

    /// The same with its last bytes: from here on a file is only read.
    pub(super) fn complete(self, chunks: &[Bytes], target: &Target) -> Result<Self> {
        let Self::File(mut file) = self else { return Ok(self) };
        let io = |error| Error::from_io(&target.path, error);
        write_all(&mut file, chunks).map_err(io)?;
        // A file that is closed after writing before it gets its name is not reported as written again.
        let Some(reader) = target.hidden.as_ref().and_then(HiddenName::reader) else {
            if !target.sync && disk::reports_late(&file) {
                disk::sync_data(&file).map_err(io)?;
            }
            return Ok(Self::File(file));
        };
        // Network and FUSE file systems report a failed write only on request, and only to the handle that wrote.
        if !target.is_synced {
            if target.sync { disk::sync(&file) } else { disk::sync_data(&file) }.map_err(io)?;
        }
        // The file stays locked when the writing handle is closed, if there are locks.
        for handle in [&file, &reader] {
            let _ = flock(handle, FlockOperation::NonBlockingLockShared);
        }
        Ok(Self::File(reader))
    }
}

/// How a file has got its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Moved,
    Linked,
}

impl Target {
    /// Makes the received bytes visible. Blocks.
    pub(super) fn publish(
        &mut self,
        received: &mut Received,
        turn: Option<(FileId, Turn)>,
    ) -> Result<Published> {
        // Below a disk that was mounted meanwhile, or in a removed directory, nobody would find the file.
        self.root.confirm()?;
        if let Base::End { version } = self.base {
            match append::find(&self.root, &self.path) {
                Ok(id) => return self.put_behind(received.as_tail(), id, version, turn),
                // Then it becomes a new file.
                Err(error) if error.kind() == ErrorKind::NotFound && version.is_none() => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Error::new(ErrorKind::Conflict, &self.path));
                }
                Err(error) => return Err(error),
            }
        }
        let file = self.file_of(received)?;
        self.give_name_to(file)
    }

    /// The file with the received bytes.
    fn file_of<'a>(&mut self, received: &'a mut Received) -> Result<&'a File> {
        if let Received::Held(chunks) = received {
            let opened = self.opening()?.open().map_err(|error| Error::from_io(&self.path, error))?;
            let file = Received::File(self.take(opened));
            *received = file.complete(chunks, self)?;
        }
        match received {
            Received::File(file) => Ok(file),
            Received::Held(_) => Err(Error::new(ErrorKind::Other, &self.path)),
        }
    }

    fn put_behind(
        &self,
        tail: append::Tail<'_>,
        id: FileId,
        version: Option<u64>,
        turn: Option<(FileId, Turn)>,
    ) -> Result<Published> {
        let turn = turn.filter(|(of, _)| *of == id).map(|(_, turn)| turn);
        let Some(_turn) = turn.or_else(|| append::turn_now(id)) else { return Ok(Published::After(id)) };
        let Self { root, directory, path, sync, .. } = self;
        let destination = append::Destination { root, directory, path, sync: *sync };
        // The file is opened once, and not before its turn: programs that watch it wait for its closing.
        match append::open(root, path) {
            Ok((end, now)) if now == id => {
                confirm_wanted()?;
                destination.put_behind(&end, tail, version).map(Published::As)
            }
            // While other tasks had their turn, the file has got another name, or none.
            Ok(_) => Ok(Published::Again),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Published::Again),
            Err(error) => Err(error),
        }
    }

    /// Gives the file its name.
    fn give_name_to(&mut self, file: &File) -> Result<Published> {
        let path = self.path.clone();
        let io = |error| Error::from_io(&path, error);
        if self.sync && !self.is_synced {
            disk::sync(file).map_err(io)?;
        }
        let name = path.name().unwrap_or_default();
        let named = match self.give_name(file, name)? {
            Ok(named) => named,
            // Another client has made it meanwhile.
            Err(Errno::EXIST) if matches!(self.base, Base::End { .. }) => return Ok(Published::Again),
            Err(Errno::EXIST) => return Err(Error::new(ErrorKind::AlreadyExists, &path)),
            Err(error) => return Err(io(error.into())),
        };
        if self.sync {
            sync_directory(&self.directory, &path)?;
        }
        if named == Named::Linked {
            announce(&self.directory, name);
        }
        let metadata = file.metadata().map_err(io)?;
        Ok(Published::As(metadata_of(&cap_std::fs::Metadata::from_just_metadata(metadata))))
    }

    /// Whether an existing file is replaced.
    fn replaces(&self, name: &str) -> bool {
        match self.base {
            Base::Nothing => false,
            Base::Anything | Base::Copy { .. } => true,
            // A dangling link is not a file to append to.
            Base::End { .. } => {
                self.directory.symlink_metadata(name).is_ok_and(|metadata| metadata.is_symlink())
            }
        }
    }

    fn give_name(&mut self, file: &File, name: &str) -> Result<Result<Named, Errno>> {
        let names = Names::of(&self.directory).map_err(|error| Error::from_io(&self.path, error))?;
        let (_alone, _with_others);
        match self.base {
            Base::Copy { version, .. } => {
                _alone = names.alone();
                let current = match self.directory.metadata(name) {
                    Ok(current) => metadata_of(&current).version,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    Err(error) => return Err(Error::from_io(&self.path, error)),
                };
                if current != Some(version) {
                    return Err(Error::new(ErrorKind::Conflict, &self.path));
                }
            }
            // The result of the look has to hold until the name is given.
            _ if self.taking == Taking::Look => {
                _alone = names.alone();
            }
            _ => _with_others = names.with_others(),
        }
        let replace = self.replaces(name);
        confirm_wanted()?;
        if let Some(hidden) = self.hidden.take() {
            return Ok(self.move_to(hidden, name, replace));
        }
        Ok(match temporary::link(file, &self.directory, name) {
            Err(Errno::EXIST) if replace => {
                let hidden = temporary::link_hidden(file, &self.root, &self.directory)
                    .map_err(|error| Error::from_io(&self.path, error))?;
                if let Err(error) = confirm_wanted() {
                    // The hidden name is removed together with the upload's other temporary files.
                    self.hidden = Some(hidden);
                    return Err(error);
                }
                self.move_to(hidden, name, replace)
            }
            linked => linked.map(|()| Named::Linked),
        })
    }

    fn move_to(&mut self, hidden: HiddenName, name: &str, replace: bool) -> Result<Named, Errno> {
        let taking = self.taking;
        let hidden = self.hidden.insert(hidden);
        let (from, to) = (&hidden.directory, &self.directory);
        let mut named = Named::Moved;
        match taking {
            _ if replace => renameat(from, &hidden.name, to, name)?,
            Taking::Rename => renameat_with(from, &hidden.name, to, name, RenameFlags::NOREPLACE)?,
            Taking::Link => {
                linkat(from, &hidden.name, to, name, AtFlags::empty())?;
                let _ = unlinkat(from, &hidden.name, AtFlags::empty());
                named = Named::Linked;
            }
            Taking::Look => match statat(to, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => renameat(from, &hidden.name, to, name)?,
                looked => return Err(looked.err().unwrap_or(Errno::EXIST)),
            },
        }
        hidden.renamed = true;
        Ok(named)
    }
}

pub(super) fn write_all(file: &mut File, chunks: &[Bytes]) -> io::Result<()> {
    chunks.iter().try_for_each(|bytes| {
        step();
        file.write_all(bytes)
    })
}

/// Notifies programs that watch a directory of a file that was linked there: they wait for the end of a write, or for a
/// move, and the file was written while it had no name. So it is opened for writing, and closed.
fn announce(directory: &Dir, name: &str) {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if let Err(error) = openat(directory, name, flags, Mode::empty()) {
        tracing::debug!(name, %error, "programs that watch the directory may not hear of a new file");
    }
}
