//! Directories that a listing shows, although no key is below them.
//!
//! Some stores keep a directory when the last key below it is gone; others list a common prefix of keys of which only delete
//! markers are left. Clients can enter, list and remove such a directory like any other one. A name that seems to be missing is
//! looked up in the listing of its parent: this costs a request only where the answer would be a refusal.

use super::Bucket;
use super::lookup::NEIGHBOURS;
use crate::{Error, ErrorKind, Result, StoragePath};

/// The most pages of a parent's listing that are searched: many names may begin with the same letters and come first.
const MOST_PAGES: usize = 10;

/// Hollow directories that are removed with the one they are in.
const MOST_BELOW: usize = 1000;

impl Bucket {
    /// Whether a listing of a directory shows anything, or at least the directory itself: some stores keep directories that no
    /// listing of keys has.
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

    /// Whether the listing of its parent shows `path` as a directory, although no key is below it.
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
        // It may have vanished with its last file, which this server has removed.
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
        let mut hollow = vec![directory];
        let mut next = 0;
        while let Some(directory) = hollow.get(next).cloned() {
            next += 1;
            let mut token = None;
            loop {
                let page =
                    self.page(&directory, token, false, None).await.map_err(|failure| failure.at(path))?;
                if page.objects.iter().any(|object| object.key != directory || object.size > 0)
                    || hollow.len() + page.prefixes.len() > MOST_BELOW
                {
                    return Err(Error::new(ErrorKind::NotEmpty, path));
                }
                hollow.extend(page.prefixes);
                match page.next {
                    Some(next) => token = Some(next),
                    None => break,
                }
            }
        }
        // The deepest first: a store keeps a directory that holds another.
        for directory in hollow.iter().rev() {
            self.delete(path, directory, None).await?;
        }
        Ok(())
    }
}
