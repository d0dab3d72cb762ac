//! The spool on a disk: a folder of segments, to the last of which records are added.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::Medium;

/// After so many bytes at most, another segment begins.
const SEGMENT: u64 = 4 << 20;
/// How the name of a segment ends.
const SUFFIX: &str = ".events";
const LOCK: &str = "lock";

/// A folder of segments.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// The last segment, and how long it is.
    current: Option<(u64, File, u64)>,
    next: u64,
    /// After so many bytes, another segment begins.
    segment: u64,
    /// Whether names have to survive the loss of power.
    sync: bool,
    /// Held for as long as this server uses the folder.
    _lock: File,
}

impl Disk {
    /// Opens a folder that no other server may use meanwhile.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn open(folder: &Path, most: u64, sync: bool) -> Result<Self, String> {
        let say = |error: io::Error| format!("the spool of events {}: {error}", folder.display());
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(folder.join(LOCK))
            .map_err(say)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| format!("the spool of events {} is used by another server", folder.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            current: None,
            next: 1,
            segment: SEGMENT.min(most / 16),
            sync,
            _lock: lock,
        })
    }

    fn path(&self, segment: u64) -> PathBuf {
        path(&self.folder, segment)
    }

    fn current(&mut self) -> io::Result<&mut (u64, File, u64)> {
        if self.current.as_ref().is_none_or(|(_, _, length)| *length >= self.segment) {
            if let Some((_, file, _)) = self.current.take().filter(|_| self.sync) {
                file.sync_data()?;
            }
            let number = self.next;
            let file =
                OpenOptions::new().create_new(true).append(true).mode(0o600).open(self.path(number))?;
            self.next += 1;
            if self.sync {
                File::open(&self.folder)?.sync_all()?;
            }
            self.current = Some((number, file, 0));
        }
        self.current.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:016x}{SUFFIX}"))
}

impl Medium for Disk {
    fn load(&mut self, each: &mut dyn FnMut(u64, &[u8])) -> io::Result<()> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            segments.extend(number.and_then(|number| u64::from_str_radix(number, 16).ok()));
        }
        segments.sort_unstable();
        for segment in segments {
            each(segment, &fs::read(self.path(segment))?);
            self.next = segment + 1;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<(u64, u64)> {
        let (number, file, length) = self.current()?;
        if let Err(error) = file.write_all(bytes) {
            // What was written in part goes. If it can't, whoever reads it skips it, and another segment is begun, so that this one
            // is not longer than is known.
            if file.set_len(*length).is_err() {
                self.current = None;
            }
            return Err(error);
        }
        let at = (*number, *length);
        *length += bytes.len() as u64;
        Ok(at)
    }

    fn sync(&mut self) -> io::Result<()> {
        match &self.current {
            Some((_, file, _)) if self.sync => file.sync_data().inspect_err(|_| self.current = None),
            _ => Ok(()),
        }
    }

    fn current(&self) -> Option<u64> {
        self.current.as_ref().map(|(number, ..)| *number)
    }

    fn remove(&mut self, segment: u64) -> io::Result<()> {
        fs::remove_file(self.path(segment))
    }

    fn read(&self, segment: u64, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        read(&self.folder, segment, offset, length)
    }
}

/// A part of a segment. Blocks.
pub(super) fn read(folder: &Path, segment: u64, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    File::open(path(folder, segment))?.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
