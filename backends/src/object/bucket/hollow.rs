//! Directories that a listing shows though no key is below them.
//!
//! Some stores keep a directory of their own when the last key below it is gone; others tell a common beginning of keys
//! of which nothing but delete markers is left. Whoever sees such a directory in a listing can enter, list and remove it as
//! any other one. A name that looks missing is looked for in the listing of its parent, which costs no request but where
//! there would be a refusal.

use super::Bucket;
use super::lookup::NEIGHBOURS;
use crate::{Error, ErrorKind, Result, StoragePath};

/// Pages of a parent's listing that are looked through: so many neighbours begin like the name and come before it.
const MOST_PAGES: usize = 10;

/// Hollow directories that are removed with the one they are in.
const MOST_BELOW: usize = 1000;

impl Bucket {
    /// Whether a listing of a directory shows anything, if only the directory itself: some stores keep one of their own, which
    /// no listing of keys has.
    pub(crate) async fn shows(&self, path: &StoragePath, directory: &str) -> Result<bool> {
        let mut token = None;
        loop {
            match self.page(directory, token, false, Some(1)).await {
                Ok(page) if !page.objects.is_empty() || !page.prefixes.is_empty() => return Ok(true),
                // A page can be empty before the last one.
                Ok(page) => match page.next {
                    Some(next) => token = Some(next),
                    None => return Ok(false),
                },
                Err(failure) if failure.is_impossible_name() => return Ok(false),
                Err(failure) => return Err(failure.at(path)),
            }
        }
    }

    /// Whether the listing of its parent shows `path` as a directory, though no key is below it.
    pub(crate) async fn is_hollow(&self, path: &StoragePath, key: &str) -> Result<bool> {
        if !self.traits().own_directories || key.ends_with('/') {
            return Ok(false);
        }
        let below = format!("{key}/");
        let (mut token, mut asked) = (None, Some(NEIGHBOURS));
        for _ in 0..MOST_PAGES {
            let page = self.page(key, token, false, asked).await.map_err(|failure| failure.at(path))?;
            if page.prefixes.contains(&below) {
                return Ok(true);
            }
            match page.next {
                Some(next) if page.last_key() < below.as_str() => (token, asked) = (Some(next), None),
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Removes a directory that no key is below.
    pub(crate) async fn remove_hollow(&self, path: &StoragePath, key: &str) -> Result<()> {
        // It may have vanished with what was in it, which was removed through this server.
        let is_left = self.known.is_left(path);
        let below = format!("{key}/");
        if self.shows(path, &below).await? || self.is_hollow(path, key).await? {
            self.sweep_hollow(path, below).await?;
        } else if !is_left {
            return Err(Error::new(ErrorKind::NotFound, path));
        }
        self.known.removed(path);
        Ok(())
    }

    /// Lets the store forget a hollow directory, and those below it, as far as it does.
    pub(crate) async fn sweep_hollow(&self, path: &StoragePath, directory: String) -> Result<()> {
        let mut found = vec![directory];
        let mut next = 0;
        while let Some(directory) = found.get(next).cloned() {
            next += 1;
            let mut token = None;
            loop {
                let page =
                    self.page(&directory, token, false, None).await.map_err(|failure| failure.at(path))?;
                if page.objects.iter().any(|object| object.key != directory || object.size > 0)
                    || found.len() + page.prefixes.len() > MOST_BELOW
                {
                    return Err(Error::new(ErrorKind::NotEmpty, path));
                }
                found.extend(page.prefixes);
                match page.next {
                    Some(next) => token = Some(next),
                    None => break,
                }
            }
        }
        // The deepest first: a store keeps one that holds another.
        for directory in found.iter().rev() {
            self.delete(path, directory, None).await?;
        }
        Ok(())
    }
}
