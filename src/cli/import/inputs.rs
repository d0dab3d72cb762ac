//! What is read: files that the operator names, and files that these name. Of a bounded size, and never trusted.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::model::{Place, Remark};

pub(super) mod addresses;

/// The largest file that is read, in bytes: a hundred thousand users take a tenth of it.
const MAX_SIZE: u64 = 256 << 20;
/// The longest line, in bytes.
const MAX_LINE: usize = 64 << 10;
/// The most files that one configuration may name.
const MAX_FILES: usize = 10_000;

/// A file as it was read.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// As it was named.
    pub(super) name: Arc<str>,
    pub(super) bytes: Vec<u8>,
}

impl Input {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that names it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        Self::read_as(path, &path.display().to_string())
    }

    fn read_as(path: &Path, name: &str) -> Result<Self, String> {
        let cannot = |reason: &dyn std::fmt::Display| format!("can't read {}: {reason}", path.display());
        let file = File::open(path).map_err(|error| cannot(&error))?;
        if file.metadata().is_ok_and(|found| found.is_dir()) {
            return Err(cannot(&"it is a directory, and a file is needed"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
        if bytes.len() as u64 > MAX_SIZE {
            return Err(cannot(&format_args!("it is larger than {} MiB", MAX_SIZE >> 20)));
        }
        Ok(Self { name: name.into(), bytes })
    }

    #[cfg(test)]
    pub(super) fn of(name: &str, text: &str) -> Self {
        Self { name: name.into(), bytes: text.as_bytes().to_vec() }
    }

    pub(super) fn place(&self, line: usize) -> Place {
        Place { file: Arc::clone(&self.name), line }
    }

    /// The lines of a file of text, with their numbers from 1, without their ends. Lines that can't be read are remarked on.
    ///
    /// # Errors
    /// A sentence, if it is no text.
    pub(super) fn lines<'a>(&'a self, remarks: &mut Vec<Remark>) -> Result<Vec<(usize, &'a str)>, String> {
        if self.bytes.contains(&0) {
            return Err(format!("{} is not a file of text: it has a NUL byte", self.name));
        }
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
        let mut lines = Vec::new();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let reason = match std::str::from_utf8(line) {
                Ok(line) if line.len() <= MAX_LINE => {
                    lines.push((index + 1, line));
                    continue;
                }
                Ok(_) => "this line is too long, and left out",
                Err(_) => "this line is not valid UTF-8, and left out",
            };
            remarks.push(Remark { place: self.place(index + 1), text: reason.to_owned() });
        }
        Ok(lines)
    }

    /// The lines as programs compare them that take nothing from their ends, neither spaces nor the carriage return of CRLF.
    pub(super) fn exact_lines(&self) -> BTreeSet<String> {
        let lines = self.bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

/// How files are found that others name.
#[derive(Debug, Default)]
pub(super) struct Finder {
    /// The place of `/` of the machine that the files come from.
    root: Option<PathBuf>,
    found: std::cell::Cell<usize>,
}

impl Finder {
    pub(super) fn below(root: Option<PathBuf>) -> Self {
        Self { root, found: std::cell::Cell::new(0) }
    }

    /// Where a path of the other machine is on this one.
    pub(super) fn locate(&self, path: &str) -> PathBuf {
        match &self.root {
            Some(root) => root.join(normalised(path).trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// Reads a file of the other machine.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn read(&self, path: &str) -> Result<Input, String> {
        self.found.set(self.found.get() + 1);
        if self.found.get() > MAX_FILES {
            return Err(format!("too many files are named; at most {MAX_FILES} are read"));
        }
        if path.contains('\0') {
            return Err("a path can't contain NUL".to_owned());
        }
        Input::read_as(&self.locate(path), path)
    }

    /// The names in a directory of the other machine, in their order; none if it can't be read.
    pub(super) fn names_in(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.locate(path)).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).take(MAX_FILES + 1).collect();
        names.sort();
        names
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.locate(path).is_dir()
    }

    pub(super) fn is_file(&self, path: &str) -> bool {
        self.locate(path).is_file()
    }
}

/// The lines of a JSON text on which names of users stand, by these names, which have this key.
pub(super) fn lines_of_names(bytes: &[u8], key: &str) -> HashMap<String, usize> {
    let key = format!("\"{key}\"");
    let mut lines = HashMap::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        for (at, key) in line.match_indices(&key) {
            let rest = line.get(at + key.len()..).unwrap_or_default();
            let Some(rest) = rest.trim_start().strip_prefix(':') else { continue };
            let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            if let Some(Ok(name)) = texts.next() {
                lines.entry(name).or_insert(index + 1);
            }
        }
    }
    lines
}

/// An absolute path without `.`, `..` and repeated slashes. Symbolic links are not looked at.
pub(super) fn normalised(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

/// The rest of a path below another one, without a slash in front; empty for the path itself.
pub(super) fn rest_below<'a>(path: &'a str, above: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(above.trim_end_matches('/'))?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest),
        None => rest.is_empty().then_some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        for (path, expected) in [("/a/../../b/./c//", "/b/c"), ("", "/"), ("..", "/"), ("a/b", "/a/b")] {
            assert_eq!(normalised(path), expected);
        }
        let finder = Finder::below(Some("/copy".into()));
        assert_eq!(finder.locate("/../../etc/passwd"), Path::new("/copy/etc/passwd"));
    }

    #[test]
    fn a_name_is_no_part_of_a_longer_one() {
        assert_eq!(rest_below("/srv/ftp/in", "/srv/ftp"), Some("in"));
        assert_eq!(rest_below("/srv/ftp", "/srv/ftp"), Some(""));
        assert_eq!(rest_below("/srv/ftp2", "/srv/ftp"), None);
        assert_eq!(rest_below("/srv", "/"), Some("srv"));
    }
}
