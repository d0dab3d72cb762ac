//! Where an upload goes to, and what it makes of what stands there.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};
use rustix::fs::{Mode, OFlags, openat};

use super::append::{self, FileId};
use super::disk::{self, Naming, Taking};
use super::kept::{self, Rights};
use super::links::{Last, followed, following};
use super::mountpoints;
use super::root::OpenRoot;
use super::temporary::{self, HiddenName, NewFile, is_reserved};
use super::{open, open_read, parent_of, standing_at};
use crate::stream::Wanted;
use crate::threads::{DiskThreads, step_of};
use crate::{ByteRange, Content, CreateMode, Error, ErrorKind, FileSlice, Result, StoragePath};

/// How much is copied before it is looked whether anybody still waits, in bytes.
const COPY: u64 = 64 * 1024 * 1024;

/// What an upload begins with.
pub(super) struct Begin {
    pub(super) root: Arc<OpenRoot>,
    pub(super) path: StoragePath,
    pub(super) mode: CreateMode,
    pub(super) sync: bool,
    pub(super) new: NewFile,
}

/// What is known of an upload besides its bytes.
pub(super) struct Target {
    pub(super) root: Arc<OpenRoot>,
    pub(super) directory: Dir,
    pub(super) path: StoragePath,
    pub(super) sync: bool,
    new: NewFile,
    pub(super) hidden: Option<HiddenName>,
    /// How a hidden name becomes one that must be free.
    pub(super) taking: Taking,
    pub(super) base: Base,
}

/// What an upload makes of what stands under its name.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// Nothing may stand there.
    Nothing,
    Anything,
    /// The file begins with a copy of this one, which must still stand there.
    Copy {
        file: FileId,
        version: u64,
    },
    /// The file holds what comes behind the end of what stands there. If there is a version, it must still be that.
    End {
        version: Option<u64>,
    },
}

impl Target {
    /// Looks at what stands there, and opens the file that takes what arrives, unless that is to be put behind another one: then
    /// it may be short enough to need none. Blocks.
    pub(super) fn begin(
        Begin { root, path, mode, sync, new }: Begin,
        threads: &DiskThreads,
        wanted: &Wanted,
    ) -> Result<(Self, Option<File>)> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsADirectory, &path));
        }
        if path.name().is_some_and(is_reserved) {
            return Err(Error::with_source(ErrorKind::InvalidName, &path, "the name is kept for uploads"));
        }
        let io = |error| Error::from_io(&path, error);
        let (directory, name) = parent_of(&root, &path)?;
        // The name itself and what it leads to: a link to a directory is one, a dangling link is replaced.
        let own = standing_at(&directory, name).map_err(io)?;
        if let Some(own) = &own
            && followed(&root, &path, own)?.is_directory()
        {
            return Err(Error::new(ErrorKind::IsADirectory, &path));
        }
        if own.is_some() && mode == CreateMode::New {
            return Err(Error::new(ErrorKind::AlreadyExists, &path));
        }
        let (base, kept) = match mode {
            CreateMode::New => (Base::Nothing, None),
            CreateMode::Replace | CreateMode::Resume(0) => (Base::Anything, None),
            CreateMode::Append => {
                // Better told now than when all has arrived.
                if let Some(own) = &own {
                    append::check(&root, &path, &directory, own)?;
                }
                (Base::End { version: None }, None)
            }
            CreateMode::Resume(offset) => resumed(&root, &path, offset, (&directory, own.as_ref()), threads)?,
        };

        // Better told now than when all has arrived. What is added to a file stays in it.
        if own.is_some() && !matches!(base, Base::End { .. }) && mountpoints::is_at(&directory, name) {
            return Err(mountpoints::refusal(&path));
        }
        let mut target = Self { root, directory, path, sync, new, hidden: None, taking: Taking::Link, base };
        let (path, directory) = (&target.path.clone(), &target.directory);
        let io = |error| Error::from_io(path, error);
        if matches!(base, Base::End { .. }) && own.as_ref().is_some_and(|own| !own.is_symlink()) {
            return Ok((target, None));
        }
        let opened = open_temporary(&target.root, directory, new).map_err(io)?;
        if let (Some(own), Base::Anything | Base::Copy { .. }) = (&own, base) {
            keep_what_it_has(&target.root, path, directory, own, &opened.file);
        }
        let mut file = target.take(opened);
        if let Some(slice) = kept {
            // The kernel copies, or shares the blocks, without the bytes passing through here.
            let mut left = slice.length;
            while left > 0 {
                wanted.check()?;
                let piece = left.min(COPY);
                step_of(piece);
                let copied = io::copy(&mut io::Read::take(&*slice.file, piece), &mut file).map_err(io)?;
                left -= copied;
                if copied == 0 {
                    break;
                }
            }
            if left > 0 {
                let reason = "the file became shorter while it was copied";
                return Err(Error::with_source(ErrorKind::Conflict, path, reason));
            }
        }
        Ok((target, Some(file)))
    }

    /// What it takes to open a file for what arrives, on another thread.
    pub(super) fn opening(&self) -> Result<Opening> {
        let directory = self.directory.try_clone().map_err(|error| Error::from_io(&self.path, error))?;
        Ok(Opening { root: Arc::clone(&self.root), directory, new: self.new })
    }

    /// Takes note of the name that an opened file has.
    pub(super) fn take(&mut self, opened: Opened) -> File {
        self.hidden = opened.hidden;
        self.taking = opened.taking;
        opened.file
    }
}

/// Has a new file keep what the one has that it replaces.
fn keep_what_it_has(root: &OpenRoot, path: &StoragePath, directory: &Dir, own: &Metadata, new: &File) {
    // Whoever replaces a link to a file sees that file replaced.
    let old = match own.is_symlink() {
        true => following(root, path, Last::Follow, |path| open_read(root, path)).ok(),
        false if own.is_file() => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            openat(directory, path.name().unwrap_or_default(), flags, Mode::empty()).ok().map(File::from)
        }
        false => None,
    };
    let rights = match old.as_ref().map(File::metadata) {
        Some(Ok(found)) => Rights { mode: found.mode(), group: found.gid(), owner: found.uid() },
        // A link that leads nowhere.
        _ if own.is_symlink() => return,
        // What may not be read has rights that can be seen.
        _ => Rights {
            mode: cap_std::fs::MetadataExt::mode(own),
            group: cap_std::fs::MetadataExt::gid(own),
            owner: cap_std::fs::MetadataExt::uid(own),
        },
    };
    let list = match old {
        Some(_) => None,
        None => kept::list_of(directory, path.name().unwrap_or_default()),
    };
    kept::keep(rights, old.as_ref(), list, new);
}

/// Where a file for what arrives is opened.
pub(super) struct Opening {
    root: Arc<OpenRoot>,
    directory: Dir,
    new: NewFile,
}

impl Opening {
    /// Blocks.
    pub(super) fn open(&self) -> io::Result<Opened> {
        open_temporary(&self.root, &self.directory, self.new)
    }
}

/// A file that takes what arrives, the hidden name that it has, if any, and how that becomes another.
pub(super) struct Opened {
    file: File,
    hidden: Option<HiddenName>,
    taking: Taking,
}

fn open_temporary(root: &Dir, directory: &Dir, new: NewFile) -> io::Result<Opened> {
    let mut naming = disk::naming(root, directory, new.unnamed)?;
    if naming == Naming::Unnamed {
        if let Some(file) = temporary::unnamed(directory, new.mode)? {
            return Ok(Opened { file, hidden: None, taking: Taking::Link });
        }
        // Not in this directory.
        naming = disk::naming(root, directory, false)?;
    }
    let taking = match naming {
        Naming::Hidden(taking) => taking,
        Naming::Unnamed => Taking::Link,
    };
    let (file, hidden) = temporary::named(root, directory, new.mode)?;
    Ok(Opened { file, hidden: Some(hidden), taking })
}

/// What a resumed upload goes on from: what it is copied to, or what it is put behind.
fn resumed(
    root: &OpenRoot,
    path: &StoragePath,
    offset: u64,
    (directory, own): (&Dir, Option<&Metadata>),
    threads: &DiskThreads,
) -> Result<(Base, Option<FileSlice>)> {
    let body = open(root, path, ByteRange { offset: 0, length: Some(offset) }, threads)?;
    ByteRange::from_offset(offset).length_in(body.metadata.size, path)?;
    let (Content::File(slice), Some(version)) = (body.content, body.metadata.version) else {
        return Err(Error::with_source(ErrorKind::Other, path, "not a file of a disk"));
    };
    // What lies behind the offset would be lost with a crash, and readers of it would see a mixture: that is copied instead.
    if offset == body.metadata.size
        && own.is_some_and(|own| append::check(root, path, directory, own).is_ok())
    {
        return Ok((Base::End { version: Some(version) }, None));
    }
    let found = slice.file.metadata().map_err(|error| Error::from_io(path, error))?;
    Ok((Base::Copy { file: (found.dev(), found.ino()), version }, Some(slice)))
}
