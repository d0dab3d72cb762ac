//! Files that the configuration names, read with a limit and complained about in plain words.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

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
