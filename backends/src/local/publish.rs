//! Giving an upload its name, or putting it behind the end of a file.

use std::fs::File;
use std::io;
use std::sync::PoisonError;

use rustix::fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::append::{self, FileId};
use super::target::{Base, Target};
use super::temporary::{self, HiddenName};
use super::{NAMES, metadata_of, sync_directory};
use crate::turns::Turn;
use crate::{Error, ErrorKind, Metadata, Result};

/// What came of an attempt to publish.
pub(super) enum Published {
    As(Metadata),
    /// The name stands for another file than a moment ago.
    Again,
    /// Somebody else has the turn at this file.
    After(FileId),
}

impl Target {
    /// Makes what the file holds visible. Blocks.
    pub(super) fn publish(&mut self, file: &File, turn: Option<(FileId, Turn)>) -> Result<Published> {
        // Below a disk that was mounted meanwhile, or in a directory that was removed, nobody would find the file.
        self.root.confirm()?;
        if let Base::End { version } = self.base {
            match append::open(&self.root, &self.path) {
                Ok((end, id)) => return self.put_behind(file, &end, id, version, turn),
                // A new file, then.
                Err(error) if error.kind() == ErrorKind::NotFound && version.is_none() => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Error::new(ErrorKind::Conflict, &self.path));
                }
                Err(error) => return Err(error),
            }
        }
        self.give_name_to(file)
    }

    fn put_behind(
        &self,
        tail: &File,
        end: &File,
        id: FileId,
        version: Option<u64>,
        turn: Option<(FileId, Turn)>,
    ) -> Result<Published> {
        let turn = turn.filter(|(of, _)| *of == id).map(|(_, turn)| turn);
        let Some(_turn) = turn.or_else(|| append::turn_now(id)) else { return Ok(Published::After(id)) };
        let Self { root, directory, path, sync, .. } = self;
        let place = append::Place { root, directory, path, sync: *sync };
        // While others had their turn, it may have got another name, or none.
        if append::open(root, path).is_ok_and(|(_, now)| now == id) {
            return place.put_behind(end, tail, version).map(Published::As);
        }
        Ok(Published::Again)
    }

    /// Gives the file its name.
    fn give_name_to(&mut self, file: &File) -> Result<Published> {
        let path = self.path.clone();
        let io = |error| Error::from_io(&path, error);
        if self.sync {
            file.sync_all().map_err(io)?;
        }
        match self.give_name(file, path.name().unwrap_or_default())? {
            Ok(()) => {}
            // Somebody else has made it meanwhile.
            Err(Errno::EXIST) if matches!(self.base, Base::End { .. }) => return Ok(Published::Again),
            Err(Errno::EXIST) => return Err(Error::new(ErrorKind::AlreadyExists, &path)),
            Err(error) => return Err(io(error.into())),
        }
        if self.sync {
            sync_directory(&self.directory, &path)?;
        }
        let found = file.metadata().map_err(io)?;
        Ok(Published::As(metadata_of(&cap_std::fs::Metadata::from_just_metadata(found))))
    }

    /// Whether a file that stands there is replaced.
    fn replaces(&self, name: &str) -> bool {
        match self.base {
            Base::Nothing => false,
            Base::Anything | Base::Copy { .. } => true,
            // A link that leads nowhere is no file to go on from.
            Base::End { .. } => self.directory.symlink_metadata(name).is_ok_and(|found| found.is_symlink()),
        }
    }

    fn give_name(&mut self, file: &File, name: &str) -> Result<Result<(), Errno>> {
        let (_alone, _with_others);
        match self.base {
            Base::Copy { version, .. } => {
                _alone = NAMES.write().unwrap_or_else(PoisonError::into_inner);
                let found = match self.directory.metadata(name) {
                    Ok(found) => metadata_of(&found).version,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    Err(error) => return Err(Error::from_io(&self.path, error)),
                };
                if found != Some(version) {
                    return Err(Error::new(ErrorKind::Conflict, &self.path));
                }
            }
            _ => _with_others = NAMES.read().unwrap_or_else(PoisonError::into_inner),
        }
        let replace = self.replaces(name);
        Ok(match self.hidden.take() {
            Some(hidden) => self.rename(hidden, name, replace),
            None => match temporary::link(file, &self.directory, name) {
                Err(Errno::EXIST) if replace => {
                    let hidden = temporary::link_hidden(file, &self.root, &self.directory)
                        .map_err(|error| Error::from_io(&self.path, error))?;
                    self.rename(hidden, name, replace)
                }
                linked => linked,
            },
        })
    }

    fn rename(&mut self, hidden: HiddenName, name: &str, replace: bool) -> Result<(), Errno> {
        let hidden = self.hidden.insert(hidden);
        let (from, to) = (&hidden.directory, &self.directory);
        if replace {
            renameat(from, &hidden.name, to, name)?;
            hidden.renamed = true;
            return Ok(());
        }
        match renameat_with(from, &hidden.name, to, name, RenameFlags::NOREPLACE) {
            // A hard link refuses an existing name on every file system that has links.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(from, &hidden.name, to, name, AtFlags::empty())?;
                let _ = unlinkat(from, &hidden.name, AtFlags::empty());
            }
            other => other?,
        }
        hidden.renamed = true;
        Ok(())
    }
}
