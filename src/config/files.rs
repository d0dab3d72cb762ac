//! Files that the configuration names, read with a limit and complained about in plain words.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{}", say(.0))]
    Io(#[from] io::Error),
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("this is a pipe, not a file")]
    Pipe,
}

/// The content of a file of at most `limit` bytes. A pipe is refused: whoever opens one may wait for ever.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Err(FileError::Pipe);
    }
    content_of(file, limit)
}

/// The content of a file, or what comes out of a pipe until its end.
pub(crate) fn read_file_or_pipe(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    content_of(File::open(path)?, limit)
}

fn content_of(file: File, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit {
        return Err(FileError::TooLarge(limit));
    }
    Ok(content)
}

/// The system's words without its number.
pub(crate) fn say(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "this is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a directory".to_owned(),
        _ => error.to_string(),
    }
}

/// Distinguishes one version of a file from the next, also of one that a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStamp {
    /// Of a file that was looked at.
    Version {
        /// When its content changed.
        modified: (i64, i64),
        /// When its content, or something else of it, changed.
        changed: (i64, i64),
        /// Its size.
        size: u64,
        /// Its disk and number.
        inode: (u64, u64),
    },
    /// Of a file that may be there and can't be looked at.
    Unknown,
}

impl FileStamp {
    /// Of the file as it is now; `None` if it is not there.
    pub fn of(path: &Path) -> Option<Self> {
        match std::fs::metadata(path) {
            Ok(found) => Some(Self::Version {
                modified: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
                size: found.len(),
                inode: (found.dev(), found.ino()),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // A disk that is gone for a moment, or a folder that nobody may look into, says nothing about the file.
            Err(_) => Some(Self::Unknown),
        }
    }
}

/// A file that was read, as it was before that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// Where it is.
    pub path: PathBuf,
    /// `None` if it was not there.
    pub stamp: Option<FileStamp>,
}

impl ReadFile {
    /// A file that is about to be read.
    pub fn now(path: &Path) -> Self {
        Self { path: path.to_owned(), stamp: FileStamp::of(path) }
    }

    /// Whether it is another one now.
    pub fn has_changed(&self) -> bool {
        FileStamp::of(&self.path) != self.stamp
    }
}
