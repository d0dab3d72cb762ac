//! Files that the configuration names, read with a limit and complained about in plain words.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{}", say(.0))]
    Io(#[from] io::Error),
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
}

/// The content of a file of at most `limit` bytes.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut content)?;
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
pub struct FileStamp {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    inode: (u64, u64),
}

impl FileStamp {
    /// Of the file as it is now; `None` if it can't be looked up.
    pub fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            size: found.len(),
            inode: (found.dev(), found.ino()),
        })
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
