//! The files of a directory: which there are, and what is in them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use crate::config::{Entries, FileStamp, Found};

/// What a file is read for: others may be notes of an administrator, or on their way.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// How many files one thread reads at least: fewer are not worth one.
const LEAST: usize = 64;

/// A file, if it is there.
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) stamp: Option<FileStamp>,
}

/// What a look has seen.
pub(super) struct Look {
    pub(super) files: Vec<Seen>,
    /// The names of all files, if all were looked for.
    pub(super) all: Option<BTreeSet<String>>,
}

/// Whether a file of this name is read. Those that begin with a dot are those of editors, and the folders that Kubernetes keeps
/// behind its links.
pub(super) fn counts(name: &str) -> bool {
    !name.starts_with('.') && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn see(directory: &Path, name: String) -> Seen {
    let stamp = FileStamp::of(&directory.join(&name));
    Seen { name, stamp }
}

/// These files.
pub(super) fn named(directory: &Path, names: &BTreeSet<String>) -> Look {
    let names = names.iter().filter(|name| counts(name)).cloned();
    Look { files: names.map(|name| see(directory, name)).collect(), all: None }
}

/// All files that there are.
pub(super) fn all(directory: &Path) -> io::Result<Look> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        match entry?.file_name().into_string() {
            Ok(name) if counts(&name) => _ = names.insert(name),
            _ => {}
        }
    }
    Ok(Look { files: names.iter().map(|name| see(directory, name.clone())).collect(), all: Some(names) })
}

/// What a file holds.
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) stamp: FileStamp,
    pub(super) found: Found,
}

/// Reads these files, in their order.
pub(super) fn read(directory: &Path, files: Vec<(String, FileStamp)>, entries: &Entries) -> Vec<Reading> {
    let read = |(name, stamp): (String, FileStamp)| {
        let found = entries.in_file(&directory.join(&name));
        Reading { name, stamp, found }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let each = files.len().div_ceil(threads).max(LEAST);
    if files.len() <= each {
        return files.into_iter().map(read).collect();
    }
    let mut parts = Vec::new();
    let mut rest = files.into_iter();
    loop {
        let part: Vec<_> = rest.by_ref().take(each).collect();
        if part.is_empty() {
            break;
        }
        parts.push(part);
    }
    thread::scope(|scope| {
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || part.into_iter().map(read).collect::<Vec<_>>()))
            .collect();
        // A thread that panicked has logged it; its files are read at the next look.
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}
