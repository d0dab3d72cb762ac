//! Listings as libunftp wants them: whole.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use futures_util::TryStreamExt;
use unftp_core::storage::{Fileinfo, Metadata as LibunftpMetadata, Permissions, Result};
use wharf_backends::{Entry, EntryKind, Error, ErrorKind, Metadata, StoragePath};

use crate::visit::Visit;

/// Our metadata with the methods that libunftp asks for.
#[derive(Debug)]
pub(super) struct SessionMetadata(pub(super) Metadata);

/// The time of entries that have none, such as a prefix of a bucket: clients expect a date, and one of
/// 1970 or "now" at each look would make them think that something changed.
static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

impl LibunftpMetadata for SessionMetadata {
    fn len(&self) -> u64 {
        self.0.size
    }

    fn is_dir(&self) -> bool {
        // Clients that remove or copy a tree would go on behind a link.
        self.0.is_directory() && !self.0.is_link
    }

    fn is_file(&self) -> bool {
        self.0.kind == EntryKind::File && !self.0.is_link
    }

    fn is_symlink(&self) -> bool {
        self.0.is_link
    }

    fn readlink(&self) -> Option<&Path> {
        self.0.link_target.as_deref().map(Path::new)
    }

    fn modified(&self) -> Result<SystemTime> {
        Ok(self.0.modified.unwrap_or(*STARTED))
    }

    fn gid(&self) -> u32 {
        0
    }

    fn uid(&self) -> u32 {
        0
    }

    fn permissions(&self) -> Permissions {
        Permissions(if self.0.is_directory() { 0o755 } else { 0o644 })
    }
}

pub(super) type Line = Fileinfo<PathBuf, SessionMetadata>;

/// The entries of a directory.
pub(super) async fn entries(visit: &Visit, path: &StoragePath) -> wharf_backends::Result<Vec<Line>> {
    let entries = visit.list(path).await?;
    let line = |entry: Entry| {
        if entry.metadata.is_unseen && !entry.metadata.is_directory() {
            // libunftp has to say a size, and clients that mirror replace what has another one.
            let path = path.child(&entry.name)?;
            return Err(Error::with_source(ErrorKind::Unavailable, &path, "it can't be looked at"));
        }
        Ok(Fileinfo { path: PathBuf::from(entry.name), metadata: SessionMetadata(entry.metadata) })
    };
    entries.and_then(|entry| std::future::ready(line(entry))).try_collect().await
}

/// The entries of a directory, or a file as the only entry: what LIST, NLST and STAT show (RFC 959, section 4.1.3).
pub(super) async fn entries_or_file(visit: &Visit, path: &StoragePath) -> wharf_backends::Result<Vec<Line>> {
    match entries(visit, path).await {
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            let metadata = visit.stat(path).await?;
            let name = path.name().unwrap_or_default();
            Ok(vec![Fileinfo { path: Path::new(name).to_owned(), metadata: SessionMetadata(metadata) }])
        }
        listed => listed,
    }
}

/// One line for each entry.
pub(super) fn text<'a>(lines: &'a [Line], line: impl Fn(&'a Line) -> String) -> std::io::Cursor<Vec<u8>> {
    let mut text = String::new();
    for entry in lines {
        text.push_str(&line(entry));
        text.push_str("\r\n");
    }
    std::io::Cursor::new(text.into_bytes())
}
