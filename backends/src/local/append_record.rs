//! The record of a running append, so that one that was cut off can be undone.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, StatxFlags, flock, openat, statx, unlinkat};
use rustix::io::Errno;

use super::disk;
use super::reserved::RECORD_PREFIX;
use crate::StoragePath;
use crate::threads::step;

/// How often to check whether another process is done.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// The most that a record holds: two numbers of a file, its times and lengths, and a path.
const LONGEST_RECORD: usize = 16 * 1024;

/// The facts of a running append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The inode number, with the time when the file was made if the file system knows it: numbers are used again.
    pub(super) inode: u64,
    pub(super) made: Option<(i64, u32)>,
    pub(super) old: u64,
    pub(super) new: u64,
    pub(super) path: String,
}

impl Record {
    pub(super) fn of(file: &File, old: u64, new: u64, path: &StoragePath) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { inode: metadata.ino(), made: made(file), old, new, path: path.as_str().to_owned() })
    }

    pub(super) fn to_text(&self) -> String {
        let (seconds, nanoseconds) = self.made.unwrap_or((0, u32::MAX));
        let Self { inode, old, new, path, .. } = self;
        // A record without its last line was itself cut off, before the first byte of the tail.
        format!("append 1\n{inode} {seconds} {nanoseconds} {old} {new}\n{path}\nend\n")
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix("\nend\n")?.split('\n');
        let (version, numbers, path) = (lines.next()?, lines.next()?, lines.next()?);
        let mut numbers = numbers.split(' ');
        let mut next = || numbers.next();
        let inode = next()?.parse().ok()?;
        let (seconds, nanoseconds) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (old, new) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let made = (nanoseconds != u32::MAX).then_some((seconds, nanoseconds));
        let complete = version == "append 1" && lines.next().is_none() && old <= new;
        complete.then(|| Self { inode, made, old, new, path: path.to_owned() })
    }
}

fn made(file: &File) -> Option<(i64, u32)> {
    let stat = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    (stat.stx_mask & StatxFlags::BTIME.bits() != 0).then_some((stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec))
}

/// The result of undoing an append that was cut off.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// The file has its old length again, or still.
    Done,
    /// The file is another one by now, or another program has changed it: it is left alone.
    Another,
}

/// Gives a file its length from before an append back.
pub(super) fn undo(file: &File, record: &Record) -> io::Result<Undone> {
    let metadata = file.metadata()?;
    let is_it = metadata.ino() == record.inode
        && (record.made.is_none() || made(file) == record.made)
        && (record.old..=record.new).contains(&metadata.len());
    if !is_it {
        return Ok(Undone::Another);
    }
    if metadata.len() > record.old {
        file.set_len(record.old)?;
        disk::sync_data(file)?;
    }
    Ok(Undone::Done)
}

/// A record that belongs to this owner, locked if the file system has locks.
pub(super) struct Owner {
    folder: Dir,
    name: String,
    file: File,
}

impl Owner {
    /// `None` if another process holds the record for longer than `patience`.
    pub(super) fn take(folder: &Dir, name: String, patience: Duration) -> io::Result<Option<Self>> {
        let began = Instant::now();
        loop {
            let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let file = File::from(openat(folder, &name, flags, Mode::from_raw_mode(0o600))?);
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) if began.elapsed() >= patience => return Ok(None),
                Err(Errno::WOULDBLOCK) => {
                    std::thread::sleep(PAUSE);
                    step();
                    continue;
                }
                // Some network file systems have no locks: there, turns hold only within one process.
                Ok(()) | Err(_) => {}
            }
            // Its owner may have removed it between the two calls.
            if file.metadata()?.nlink() > 0 {
                return Ok(Some(Self { folder: folder.try_clone()?, name, file }));
            }
        }
    }

    pub(super) fn read(&self) -> io::Result<Option<Record>> {
        let mut text = vec![0; LONGEST_RECORD];
        let length = self.file.read_at(&mut text, 0)?;
        text.truncate(length);
        Ok(String::from_utf8(text).ok().and_then(|text| Record::parse(&text)))
    }

    pub(super) fn write(&self, record: &Record, sync: bool) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(record.to_text().as_bytes(), 0)?;
        if sync { disk::sync_data(&self.file) } else { Ok(()) }
    }

    /// Logs that an earlier append was found.
    pub(super) fn report(&self, undone: &Undone, record: &Record) {
        let path = record.path.as_str();
        match undone {
            Undone::Done => tracing::warn!(path, size = record.old, "undid an append that was cut off"),
            Undone::Another => {
                tracing::warn!(
                    path,
                    "an append was cut off, and the file has changed since: it is left as it is"
                );
            }
        }
    }

    /// After a failed append: the record stays only if the append could not be undone.
    pub(super) fn settle(self, undone: &io::Result<Undone>) {
        match undone {
            Ok(_) => self.remove(),
            Err(error) => tracing::error!(name = self.name, %error, "can't undo an append that failed"),
        }
    }

    pub(super) fn remove(self) {
        if let Err(error) = unlinkat(&self.folder, &self.name, AtFlags::empty()) {
            tracing::warn!(name = self.name, %error, "can't remove the record of an append");
        }
    }
}

pub(super) fn name_of_record(metadata: &std::fs::Metadata) -> String {
    format!("{RECORD_PREFIX}{:x}-{:x}", metadata.dev(), metadata.ino())
}
