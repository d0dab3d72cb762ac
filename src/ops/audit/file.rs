//! A file of lines, which others may give another name, or which gets one when it is full.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::sink::{Output, Written, whole};
use crate::config::Rotation;

/// Its owner writes, and one group may read: the lines have names of users and files.
const MODE: u32 = 0o640;

/// A file that lines are written behind the end of.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
    rotation: Option<Rotation>,
    /// It could not be given another name, which was told.
    is_stuck: bool,
    /// The bytes of the first line that stand in the file already: something failed, and they could not be removed.
    begun: usize,
}

impl Lines {
    /// # Errors
    /// Those of the system, and of a place where something else than a file stands.
    pub(super) fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<Self> {
        Ok(Self { file: open(path)?, path: path.to_owned(), rotation, is_stuck: false, begun: 0 })
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        self.begun = 0;
        Ok(())
    }

    /// Whether the path leads to another file by now, or to none.
    fn was_moved(&self, own: &Metadata) -> bool {
        fs::metadata(&self.path).map_or(true, |now| (now.dev(), now.ino()) != (own.dev(), own.ino()))
    }

    /// Gives the file the name with `.1` at its end, and those that have such a name the next one, up to the first number that is free: if
    /// the file itself can't get another name, no attempt but the first moves any of them, and none is lost.
    fn rotate(&mut self, rotation: Rotation) -> io::Result<()> {
        let numbered = |number: usize| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}"));
            PathBuf::from(path)
        };
        let is_free = |number: &usize| {
            fs::symlink_metadata(numbered(*number))
                .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let free = (1..rotation.keep).find(is_free).unwrap_or(rotation.keep);
        for number in (1..free).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, numbered(1))?;
        self.reopen()
    }

    fn append(&mut self, lines: &[Vec<u8>]) -> io::Result<Written> {
        let own = self.file.metadata()?;
        let mut before = own.len();
        if self.was_moved(&own) {
            self.reopen()?;
            before = self.file.metadata()?.len();
        }
        // The beginning of the line has gone with the rest.
        if before < self.begun as u64 {
            self.begun = 0;
        }
        let block = lines.concat();
        if let Some(rotation) = self.rotation
            && before > 0
            && self.begun == 0
            && before + block.len() as u64 > rotation.size
        {
            match self.rotate(rotation) {
                Ok(()) => self.is_stuck = false,
                // Better a long file than none.
                Err(error) if !self.is_stuck => {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "a full file of the audit could not be given another name");
                    self.is_stuck = true;
                }
                Err(_) => {}
            }
        }
        let mut done = self.begun;
        let failure = loop {
            match self.file.write(&block[done..]) {
                Ok(0) => break Some(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
            if done == block.len() {
                break None;
            }
        };
        let (count, begun) = whole(lines, done);
        self.begun = self.take_back(begun);
        Ok(Written { lines: count, lost: 0, failure })
    }

    /// Removes the last bytes, of a line of which only a part was written, so that it can be written again as a whole. Returns how many
    /// of it are still there.
    fn take_back(&self, part: usize) -> usize {
        if part == 0 {
            return 0;
        }
        let Ok(own) = self.file.metadata() else { return part };
        match own.len().checked_sub(part as u64) {
            // A file may be one that only grows.
            Some(before) => self.file.set_len(before).map_or(part, |()| 0),
            // Somebody has emptied it meanwhile.
            None => 0,
        }
    }
}

impl Output for Lines {
    fn write(&mut self, lines: &[Vec<u8>]) -> Written {
        self.append(lines).unwrap_or_else(Written::failed)
    }

    fn again(&mut self) {
        // Whoever has moved it hears of it with the next line.
        if self.file.metadata().is_ok_and(|own| self.was_moved(&own)) {
            let _ = self.reopen();
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for somebody who reads it.
    let file =
        OpenOptions::new().append(true).create(true).mode(MODE).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a file"));
    }
    Ok(file)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
