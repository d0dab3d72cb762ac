//! The target of an upload, and the effect on an existing file.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};
use rustix::fs::{Mode, OFlags, openat};

use super::append::{self, FileId};
use super::kept::{self, Rights};
use super::links::{Last, followed, following};
use super::mountpoints;
use super::naming::{self, Naming, Taking};
use super::open_root::OpenRoot;
use super::reserved::is_reserved;
use super::temporary::{self, HiddenName, NewFile};
use super::{open, open_read, parent_of, standing_at};
use crate::stream::Wanted;
use crate::threads::{DiskThreads, step_of};
use crate::{ByteRange, Content, CreateMode, Error, ErrorKind, FileSlice, Result, StoragePath};

/// How many bytes are copied before the next check whether a client still waits.
const COPY: u64 = 64 * 1024 * 1024;

/// The parts of a new upload.
pub(super) struct Begin {
    pub(super) root: Arc<OpenRoot>,
    pub(super) path: StoragePath,
    pub(super) mode: CreateMode,
    pub(super) sync: bool,
    pub(super) new: NewFile,
}

/// The facts of an upload besides its bytes.
pub(super) struct Target {
    pub(super) root: Arc<OpenRoot>,
    pub(super) directory: Dir,
    pub(super) path: StoragePath,
    pub(super) sync: bool,
    /// All bytes so far are synced.
    pub(super) is_synced: bool,
    new: NewFile,
    pub(super) hidden: Option<HiddenName>,
    /// How a hidden name becomes one that must be free.
    pub(super) taking: Taking,
    pub(super) base: Base,
}

/// The effect of an upload on the entry under its name.
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// The name must be free.
    Nothing,
    Anything,
    /// The file begins with a copy of this one, which must still have the name.
    Copy {
        file: FileId,
        version: u64,
    },
    /// The file holds the bytes for the end of the existing one. If there is a version, the existing file must still
    /// have it.
    End {
        version: Option<u64>,
    },
}

impl Target {
    /// Looks at the existing entry, and opens a file for the arriving bytes, unless they are to be added to another
    /// file: then they may be few enough to need none. Blocks.
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
        // The name itself and its target: a link to a directory counts as one, a dangling link is replaced.
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
                // Better to fail now than after all bytes have arrived.
                if let Some(own) = &own {
                    append::check(&root, &path, &directory, own)?;
                }
                (Base::End { version: None }, None)
            }
            CreateMode::Resume(offset) => resumed(&root, &path, offset, (&directory, own.as_ref()), threads)?,
        };

        // Better to fail now than after all bytes have arrived. Adding to a file keeps it in place.
        if own.is_some() && !matches!(base, Base::End { .. }) && mountpoints::is_at(&directory, name) {
            return Err(mountpoints::refusal(&path));
        }
        let mut target = Self {
            root,
            directory,
            path,
            sync,
            is_synced: false,
            new,
            hidden: None,
            taking: Taking::Link,
            base,
        };
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
            // The kernel copies, or shares the blocks, without passing the bytes through this program.
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

    /// Everything needed to open a file for the arriving bytes, on another thread.
    pub(super) fn opening(&self) -> Result<Opening> {
        let directory = self.directory.try_clone().map_err(|error| Error::from_io(&self.path, error))?;
        Ok(Opening { root: Arc::clone(&self.root), directory, new: self.new })
    }

    /// Records the name of an opened file.
    pub(super) fn take(&mut self, opened: Opened) -> File {
        self.hidden = opened.hidden;
        self.taking = opened.taking;
        opened.file
    }
}

/// Lets a new file take over the properties of the file that it replaces.
fn keep_what_it_has(root: &OpenRoot, path: &StoragePath, directory: &Dir, own: &Metadata, new: &File) {
    // To a client, replacing a link to a file replaces the file.
    let old = match own.is_symlink() {
        true => following(root, path, Last::Follow, |path| open_read(root, path)).ok(),
        false if own.is_file() => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            openat(directory, path.name().unwrap_or_default(), flags, Mode::empty()).ok().map(File::from)
        }
        false => None,
    };
    let rights = match old.as_ref().map(File::metadata) {
        Some(Ok(metadata)) => Rights { mode: metadata.mode(), group: metadata.gid(), owner: metadata.uid() },
        // A dangling link.
        _ if own.is_symlink() => return,
        // The rights of an unreadable file can still be seen.
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

/// Where a file for the arriving bytes is opened.
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

/// A file for the arriving bytes, its hidden name, if it has one, and how that becomes the final name.
pub(super) struct Opened {
    file: File,
    hidden: Option<HiddenName>,
    taking: Taking,
}

fn open_temporary(root: &Dir, directory: &Dir, new: NewFile) -> io::Result<Opened> {
    let mut naming = naming::naming(root, directory, new.unnamed)?;
    if naming == Naming::Unnamed {
        if let Some(file) = temporary::unnamed(directory, new.mode)? {
            return Ok(Opened { file, hidden: None, taking: Taking::Link });
        }
        // Not possible in this directory.
        naming = naming::naming(root, directory, false)?;
    }
    let taking = match naming {
        Naming::Hidden(taking) => taking,
        Naming::Unnamed => Taking::Link,
    };
    let (file, hidden) = temporary::named(root, directory, new.mode)?;
    Ok(Opened { file, hidden: Some(hidden), taking })
}

/// The base of a resumed upload: the file that is copied, or the file that is extended.
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
    // Bytes after the offset would be lost in a crash, and readers would see a mixture: then the beginning is copied
    // instead.
    if offset == body.metadata.size
        && own.is_some_and(|own| append::check(root, path, directory, own).is_ok())
    {
        return Ok((Base::End { version: Some(version) }, None));
    }
    let metadata = slice.file.metadata().map_err(|error| Error::from_io(path, error))?;
    Ok((Base::Copy { file: (metadata.dev(), metadata.ino()), version }, Some(slice)))
}
