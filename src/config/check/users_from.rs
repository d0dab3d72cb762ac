//! The section `users_from`: each item names one source.

use std::io;

use super::super::checked::UsersFrom;
use super::super::files::say;
use super::*;

impl Checker<'_> {
    /// Where other users stand.
    pub(super) fn users_from(&self, field: Option<At<Vec<At<raw::UsersFrom>>>>) -> Vec<UsersFrom> {
        let mut sources = Vec::new();
        for at in field.and_then(|at| at.value).unwrap_or_default() {
            let Some(raw) = at.value else { continue };
            // Each kind of source is a key of its own.
            let mut kinds = Vec::new();
            kinds.extend(raw.directory.map(|at| (at.key, self.users_directory(at))));
            match kinds.len() {
                0 => self.problem(at.span, "say where these users stand: { directory: PATH }"),
                1 => {}
                _ => self.problem(at.span, "each source is an item of its own"),
            }
            for (place, source) in kinds {
                let Some(source) = source else { continue };
                if sources.contains(&source) {
                    self.problem(place, "this source is listed twice");
                }
                sources.push(source);
            }
        }
        sources
    }

    fn users_directory(&self, at: At<String>) -> Option<UsersFrom> {
        let path = self.local_path(&at.value?, at.span)?;
        match std::fs::read_dir(&path) {
            Ok(_) => return Some(UsersFrom::Directory(path)),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                self.problem(at.span, format!("{}: this is not a directory", path.display()));
            }
            Err(error) => self.problem(at.span, format!("{}: {}", path.display(), say(&error))),
        }
        None
    }
}
