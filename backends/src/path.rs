//! The one path type: a [`StoragePath`] cannot hold a bad path.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// An absolute, normalised path inside a backend or inside a user's tree.
///
/// A value of this type never holds `.` or `..`, an empty segment, NUL, CR or LF, so code that receives one need not
/// check again. The root is `/`; no other path ends in a slash.
///
/// A path in a backend can be confined to a directory: a backend that has symbolic links then follows none out of this
/// directory. Paths below it have the same confinement. The directory may itself lie in one that confines it, and so
/// on. Confinement does not affect whether two paths are equal.
#[derive(Clone)]
pub struct StoragePath {
    /// Always starts with `/`; ends with `/` only if it is the root.
    text: String,
    /// The lengths in bytes of the directories that confine it, the outermost first; none for the root.
    confined: Vec<usize>,
}

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The name holds a character that no name may hold: NUL, CR or LF.
    #[error("a name can't contain {0:?}")]
    ForbiddenCharacter(char),
    /// The path is longer than [`StoragePath::MAX_LENGTH`] bytes.
    #[error("the path has {0} bytes; at most {max} are allowed", max = StoragePath::MAX_LENGTH)]
    TooLong(usize),
    /// A single name was expected and the text is empty, `.`, `..` or holds a slash.
    #[error("{0:?} is not a name")]
    NotAName(String),
}

impl StoragePath {
    /// The longest path that is accepted, in bytes: `PATH_MAX` of Linux.
    pub const MAX_LENGTH: usize = 4096;

    /// The root, `/`.
    pub fn root() -> Self {
        Self { text: "/".to_owned(), confined: Vec::new() }
    }

    /// Parses a path, relative to the root.
    ///
    /// `.` and empty segments are dropped and `..` is resolved, clamped at the root: no text leads above the root.
    ///
    /// # Errors
    /// [`PathError`] if the text holds NUL, CR or LF, or if the result is too long.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Self::root().join(text)
    }

    /// Resolves `text` against this path, as a shell resolves an argument of `cd`: absolute if it starts with `/`,
    /// otherwise relative to `self`. Rules and errors are those of [`parse`](Self::parse).
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        if let Some(c) = text.chars().find(|c| matches!(c, '\0' | '\r' | '\n')) {
            return Err(PathError::ForbiddenCharacter(c));
        }
        let mut segments: Vec<&str> = Vec::new();
        if !text.starts_with('/') {
            segments.extend(self.segments());
        }
        for segment in text.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                name => segments.push(name),
            }
        }
        Ok(Self::from_segments(&segments)?.confined_as(self))
    }

    /// The same path, confined to a directory that contains it, and to the confinement of that directory.
    #[must_use]
    pub fn confined_to(mut self, directory: &Self) -> Self {
        self.confined.clear();
        if self.starts_with(directory) && !directory.is_root() {
            self.confined.extend(&directory.confined);
            if self.confined.last() != Some(&directory.text.len()) {
                self.confined.push(directory.text.len());
            }
        }
        self
    }

    /// The same path, confined to those confining directories of `other` that contain it.
    fn confined_as(mut self, other: &Self) -> Self {
        let lies_in = |length: &&usize| {
            let directory = &other.text[..**length];
            let rest = self.text.strip_prefix(directory);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.confined = other.confined.iter().take_while(lies_in).copied().collect();
        self
    }

    /// The directory that confines this path; `None` if that is the root.
    pub fn confinement(&self) -> Option<Self> {
        let (length, outer) = self.confined.split_last()?;
        Some(Self { text: self.text[..*length].to_owned(), confined: outer.to_vec() })
    }

    /// The steps from the root to the first confining directory, from each confining directory to the next, and from
    /// the last to the path itself; without slashes at the ends.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.confined.iter().copied());
        let ends = self.confined.iter().copied().chain(std::iter::once(self.text.len()));
        starts.zip(ends).map(|(start, end)| self.text[start..end].trim_start_matches('/'))
    }

    fn from_segments(segments: &[&str]) -> Result<Self, PathError> {
        let text = format!("/{}", segments.join("/"));
        if text.len() > Self::MAX_LENGTH {
            return Err(PathError::TooLong(text.len()));
        }
        Ok(Self { text, confined: Vec::new() })
    }

    /// The path of the entry `name` in this directory.
    ///
    /// # Errors
    /// [`PathError::NotAName`] if `name` is empty, `.`, `..` or holds a slash; otherwise as for [`parse`](Self::parse).
    /// Names that a store reports are hostile input too, and are checked here.
    pub fn child(&self, name: &str) -> Result<Self, PathError> {
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            return Err(PathError::NotAName(name.to_owned()));
        }
        if let Some(byte) = name.bytes().find(|byte| matches!(byte, b'\0' | b'\r' | b'\n')) {
            return Err(PathError::ForbiddenCharacter(byte.into()));
        }
        // A listing asks this for each of its entries, so the path is not taken apart as in `join`.
        let above = if self.is_root() { "" } else { &self.text };
        let length = above.len() + 1 + name.len();
        if length > Self::MAX_LENGTH {
            return Err(PathError::TooLong(length));
        }
        let mut text = String::with_capacity(length);
        text.push_str(above);
        text.push('/');
        text.push_str(name);
        Ok(Self { text, confined: self.confined.clone() })
    }

    /// The names from the root down; none for the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.text.split('/').filter(|segment| !segment.is_empty())
    }

    /// The last name; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.text.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The directory that contains this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (parent, name) = self.text.rsplit_once('/')?;
        match (parent, name) {
            ("", "") => None,
            ("", _) => Some(Self::root()),
            (parent, _) => Some(Self { text: parent.to_owned(), confined: Vec::new() }.confined_as(self)),
        }
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        self.text == "/"
    }

    /// With the leading slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Without the leading slash; empty for the root.
    pub fn relative(&self) -> &str {
        &self.text[1..]
    }

    /// The rest of this path below `ancestor`, without a leading slash; empty if they are equal,
    /// `None` if this path is not inside `ancestor`.
    pub fn strip_prefix<'a>(&'a self, ancestor: &Self) -> Option<&'a str> {
        if ancestor.is_root() {
            return Some(self.relative());
        }
        let rest = self.text.strip_prefix(ancestor.as_str())?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    /// Whether this path is `ancestor` or lies below it.
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        self.strip_prefix(ancestor).is_some()
    }
}

impl PartialEq for StoragePath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for StoragePath {}

impl Hash for StoragePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for StoragePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StoragePath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl fmt::Display for StoragePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for StoragePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl std::str::FromStr for StoragePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
