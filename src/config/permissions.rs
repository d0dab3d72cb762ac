//! What a user may do, and the one list of what there is to permit.

use std::fmt;
use std::str::FromStr;

bitflags::bitflags! {
    /// A set of permissions. The names are those of the configuration.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Permissions: u8 {
        /// See what is there: listings, sizes, times.
        const LIST = 1 << 0;
        /// Read files, and have the server compute their checksums.
        const DOWNLOAD = 1 << 1;
        /// Store files under new names.
        const UPLOAD = 1 << 2;
        /// Change files that exist: replace, append, resume, set their time; also a rename onto a file.
        const OVERWRITE = 1 << 3;
        /// Give files and directories other names.
        const RENAME = 1 << 4;
        /// Remove files and directories.
        const DELETE = 1 << 5;
        /// Make directories.
        const MKDIR = 1 << 6;
    }
}

impl Permissions {
    /// The preset `full`.
    pub const FULL: Self = Self::all();
    /// The preset `read-only`: look and fetch.
    pub const READ_ONLY: Self = Self::LIST.union(Self::DOWNLOAD);
    /// The preset `upload-only`: look, make directories and store new files; nothing that is there can be read or changed.
    pub const UPLOAD_ONLY: Self = Self::LIST.union(Self::UPLOAD).union(Self::MKDIR);

    /// Every word that the configuration knows: presets first.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("full", Self::FULL),
        ("read-only", Self::READ_ONLY),
        ("upload-only", Self::UPLOAD_ONLY),
        ("list", Self::LIST),
        ("download", Self::DOWNLOAD),
        ("upload", Self::UPLOAD),
        ("overwrite", Self::OVERWRITE),
        ("rename", Self::RENAME),
        ("delete", Self::DELETE),
        ("mkdir", Self::MKDIR),
    ];
}

/// The word is neither a permission nor a preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission {0:?}; known are {list}", list = known_words())]
pub struct UnknownPermission(pub String);

fn known_words() -> String {
    Permissions::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}

impl FromStr for Permissions {
    type Err = UnknownPermission;

    /// One word: a permission or a preset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::WORDS
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, permissions)| *permissions)
            .ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((preset, _)) = Self::WORDS[..3].iter().find(|(_, preset)| preset == self) {
            return f.write_str(preset);
        }
        let words = Self::WORDS[3..].iter().filter(|(_, one)| self.contains(*one)).map(|(word, _)| *word);
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
#[path = "permissions_tests.rs"]
mod tests;
