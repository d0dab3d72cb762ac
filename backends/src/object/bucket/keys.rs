//! From paths to the keys of objects.

use object_store::path::Path;

use crate::object::settings::SettingsError;
use crate::object::store::{Marker, Traits};
use crate::{Error, ErrorKind, Result, StoragePath};

/// The longest key that all clouds take, in bytes.
const MAX_KEY: usize = 1024;

/// The name of a file that shows data which somebody keeps under the key of a directory's marker. No other file has this name,
/// because no key may hold a backslash.
pub(crate) const MARKER_CONTENT: &str = "\\";

/// The folder at the root of a backend for uploads that are kept for their owners. No file has this name, and no listing shows it.
pub(crate) const PARTIALS: &str = ".wharf-partial";

/// The keys of one backend: the root inside the bucket, and the limits on names.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    marker: Marker,
    /// See [`Traits::drops_dots`].
    drops_dots: bool,
    /// Empty for the whole bucket, else it ends with a slash.
    root: String,
}

impl Keys {
    pub(crate) fn new(traits: &Traits, prefix: &StoragePath) -> Result<Self, SettingsError> {
        let Traits { marker, drops_dots, .. } = *traits;
        Self { marker, drops_dots, root: String::new() }.below(prefix)
    }

    /// The same for a part of the bucket.
    fn below(self, prefix: &StoragePath) -> Result<Self, SettingsError> {
        let root = self.directory(prefix).map_err(|error| {
            let reason = std::error::Error::source(&error).map_or_else(String::new, ToString::to_string);
            SettingsError::invalid("prefix", reason)
        })?;
        Ok(Self { root, ..self })
    }

    /// The key of the file at `path`. The root has none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] if the store would keep the object under another key than the one that is sent, or could
    /// not list it.
    pub(crate) fn file(&self, path: &StoragePath) -> Result<String> {
        let key = format!("{}{}", self.root, path.relative());
        if let Some(reason) = self.objection(&key) {
            return Err(Error::with_source(ErrorKind::InvalidName, path, reason));
        }
        // A key that is changed on its way would be somebody else's.
        check_location(path, &key)?;
        Ok(key)
    }

    /// The same for a path that is looked up, not made: if no key is possible, the file doesn't exist. A key that ends with a
    /// slash is a marker's, for [data that somebody keeps in it](MARKER_CONTENT).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub(crate) fn existing(&self, path: &StoragePath) -> Result<String> {
        if path.name() == Some(MARKER_CONTENT)
            && self.marker == Marker::Below
            && let Some(parent) = path.parent()
            && let Ok(marker) = self.directory(&parent)
            && !marker.is_empty()
        {
            return Ok(marker);
        }
        self.file(path).map_err(|error| Error::with_source(ErrorKind::NotFound, path, error))
    }

    /// The prefix of all keys below `path`: empty, or it ends with a slash.
    ///
    /// # Errors
    /// As for [`file`](Self::file).
    pub(crate) fn directory(&self, path: &StoragePath) -> Result<String> {
        if path.is_root() {
            return Ok(self.root.clone());
        }
        Ok(format!("{}/", self.file(path)?))
    }

    /// The prefix of all keys of the backend: empty, or it ends with a slash.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// The key of the marker of the directory `directory`, which is given without a slash.
    pub(crate) fn marker(&self, directory: &str) -> String {
        match self.marker {
            Marker::Below => format!("{directory}/"),
            Marker::Beside => directory.to_owned(),
        }
    }

    /// Why no file may have this key.
    fn objection(&self, key: &str) -> Option<&'static str> {
        // A marker needs one more byte for its slash.
        if key.len() >= MAX_KEY {
            return Some("the key would be longer than 1024 bytes");
        }
        // The listings are XML, which can't hold these.
        if key.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
            return Some("a key can't hold control characters");
        }
        if is_own(key) {
            return Some("the name is kept for uploads");
        }
        // Some stores take it for a slash: then `a\b` would be `a/b`.
        if key.contains('\\') {
            return Some("a key can't hold a backslash");
        }
        if self.drops_dots && key.split('/').any(|segment| segment.ends_with('.')) {
            return Some("a name can't end with a dot on Azure");
        }
        None
    }
}

/// Whether a key is that of something that this server keeps for itself.
pub(crate) fn is_own(key: &str) -> bool {
    key.split('/').any(|segment| segment == PARTIALS)
}

/// Makes sure that no segment of the key is empty, `.` or `..`, and that none comes before the first slash or behind the last:
/// URLs and stores make other keys of these. A [`StoragePath`] has no such segments; this holds whatever it allows.
fn check_location(path: &StoragePath, key: &str) -> Result<()> {
    match Path::parse(key) {
        Ok(parsed) if parsed.as_ref() == key => Ok(()),
        Ok(parsed) if key.strip_suffix('/') == Some(parsed.as_ref()) => Ok(()),
        Ok(_) => Err(Error::with_source(ErrorKind::InvalidName, path, "not a key")),
        Err(error) => Err(Error::with_source(ErrorKind::InvalidName, path, error)),
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
