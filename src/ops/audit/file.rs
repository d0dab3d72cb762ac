//! A file of lines, which others may give another name, or which gets one when it is full.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::sink::{Output, Written};
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
}

impl Lines {
    /// # Errors
    /// Those of the system, and of a place where something else than a file stands.
    pub(super) fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<Self> {
        Ok(Self { file: open(path)?, path: path.to_owned(), rotation, is_stuck: false })
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        Ok(())
    }

    /// Whether the path leads to another file by now, or to none.
    fn was_moved(&self, own: &Metadata) -> bool {
        fs::metadata(&self.path).map_or(true, |now| (now.dev(), now.ino()) != (own.dev(), own.ino()))
    }

    /// Gives the file the name with `.1` at its end, and those that have such a name the next one.
    fn rotate(&mut self, rotation: Rotation) -> io::Result<()> {
        let numbered = |number: usize| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}"));
            PathBuf::from(path)
        };
        for number in (1..rotation.keep).rev() {
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
        let block = lines.concat();
        if let Some(rotation) = self.rotation
            && before > 0
            && before + block.len() as u64 > rotation.size
        {
            match self.rotate(rotation) {
                Ok(()) => {
                    before = self.file.metadata()?.len();
                    self.is_stuck = false;
                }
                // Better a long file than none.
                Err(error) if !self.is_stuck => {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "a full file of the audit could not be given another name");
                    self.is_stuck = true;
                }
                Err(_) => {}
            }
        }
        let mut rest = &*block;
        let failure = loop {
            match self.file.write(rest) {
                Ok(0) => break Some(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
            if rest.is_empty() {
                break None;
            }
        };
        let Some(failure) = failure else { return Ok(Written::all(lines)) };
        // A line of which a part was written is written again as a whole.
        let (mut whole, mut count) = (0, 0);
        for line in lines {
            if whole + line.len() > block.len() - rest.len() {
                break;
            }
            whole += line.len();
            count += 1;
        }
        let _ = self.file.set_len(before + whole as u64);
        Ok(Written { lines: count, lost: 0, failure: Some(failure) })
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
