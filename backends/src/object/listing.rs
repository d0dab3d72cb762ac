//! Listing a directory page by page.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::list::PaginatedListResult;
use object_store::path::Path;

use super::client::{Client, metadata_of};
use super::error::map;
use super::key::Provider;
use crate::{Entry, EntryStream, Error, ErrorKind, Metadata, Result, StoragePath};

/// Empty objects of one page that are asked together whether they are markers.
const QUESTIONS_AT_ONCE: usize = 8;

/// A listing that is under way.
struct Listing {
    client: Arc<Client>,
    path: StoragePath,
    /// Empty, or it ends with a slash.
    prefix: String,
    /// Entries that are ready.
    ready: VecDeque<Entry>,
    /// Objects whose key, with a slash, may still come as a prefix: the key `a` comes before `a/`, with any
    /// number of keys such as `a-1` in between. The key last seen starts with each of them, so they are few.
    waiting: HashMap<String, Metadata>,
    /// Entries that could not be shown.
    hidden: u64,
    next: Next,
}

enum Next {
    Page(String),
    End,
}

/// The entries of a directory.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::NotADirectory`], before the first entry.
pub(super) async fn list(client: &Arc<Client>, path: &StoragePath) -> Result<EntryStream> {
    if !path.is_root() {
        client.keys.existing(path)?;
    }
    let mut listing = Listing {
        prefix: client.keys.directory(path)?,
        client: Arc::clone(client),
        path: path.clone(),
        ready: VecDeque::new(),
        waiting: HashMap::new(),
        hidden: 0,
        next: Next::End,
    };
    let mut any_key = listing.fetch(None).await?;
    // A page can be empty before the last one.
    while !any_key && let Next::Page(token) = std::mem::replace(&mut listing.next, Next::End) {
        any_key = listing.fetch(Some(token)).await?;
    }
    if !any_key && !path.is_root() {
        match client.head(path, &client.keys.file(path)?).await? {
            Some(object) if object.is_folder => {}
            Some(_) => return Err(Error::new(ErrorKind::NotADirectory, path)),
            None => return Err(Error::new(ErrorKind::NotFound, path)),
        }
    }
    Ok(Box::pin(stream::try_unfold(listing, async |mut listing| {
        loop {
            if let Some(entry) = listing.ready.pop_front() {
                return Ok(Some((entry, listing)));
            }
            match std::mem::replace(&mut listing.next, Next::End) {
                Next::Page(token) => listing.fetch(Some(token)).await?,
                Next::End => {
                    listing.report();
                    return Ok(None);
                }
            };
        }
    })))
}

impl Listing {
    /// Gets a page and makes entries of it. Says whether it held any key.
    async fn fetch(&mut self, token: Option<String>) -> Result<bool> {
        let page = self
            .client
            .page(&self.prefix, token, false, None)
            .await
            .map_err(|error| map(&self.path, &error))?;
        let any_key = !page.result.objects.is_empty() || !page.result.common_prefixes.is_empty();
        let empty = self.take(page);
        let empty = self.without_markers(empty).await?;
        self.ready.extend(empty);
        Ok(any_key)
    }

    /// Sorts a page into `ready` and `waiting`, and returns the empty objects that may be markers.
    fn take(&mut self, page: PaginatedListResult) -> Vec<Entry> {
        let last = last_key(&page);
        let last_page = page.page_token.is_none();
        self.next = page.page_token.map_or(Next::End, Next::Page);

        let mut directories: HashMap<String, ()> = HashMap::new();
        for prefix in page.result.common_prefixes {
            if let Some(name) = self.name(&prefix) {
                directories.insert(name, ());
            }
        }
        let mut undecided = std::mem::take(&mut self.waiting);
        for object in page.result.objects {
            // The directory's own marker.
            if object.location.as_ref().len() < self.prefix.len() {
                continue;
            }
            if let Some(name) = self.name(&object.location) {
                undecided.insert(name, metadata_of(&object));
            }
        }
        let mut empty = Vec::new();
        for (name, metadata) in undecided {
            let is_prefix = directories.contains_key(&name);
            if is_prefix && metadata.size == 0 {
                // Some tool's marker: the directory stands for it.
                continue;
            }
            if is_prefix {
                // A path names one thing; `stat` finds the file.
                directories.remove(&name);
                self.hidden += 1;
            } else if !last_page && format!("{}{name}/", self.prefix) > last {
                self.waiting.insert(name, metadata);
                continue;
            }
            match metadata.size {
                0 if self.client.keys.provider == Provider::Azure => empty.push(Entry { name, metadata }),
                _ => self.ready.push_back(Entry { name, metadata }),
            }
        }
        let directory = |(name, ())| Entry { name, metadata: Metadata::directory(None) };
        self.ready.extend(directories.into_iter().map(directory));
        empty
    }

    /// Turns those entries into directories that are markers by their metadata, which listings don't tell.
    async fn without_markers(&self, entries: Vec<Entry>) -> Result<Vec<Entry>> {
        stream::iter(entries)
            .map(|mut entry| async move {
                let path = self.path.child(&entry.name)?;
                if let Some(object) = self.client.head(&path, &self.client.keys.file(&path)?).await?
                    && object.is_folder
                {
                    entry.metadata = Metadata::directory(None);
                }
                Ok(entry)
            })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .try_collect()
            .await
    }

    /// The name of a key in this directory, if a path can name it.
    fn name(&mut self, key: &Path) -> Option<String> {
        let name = key.as_ref().strip_prefix(&self.prefix)?;
        let path = self.path.child(name).ok();
        match path.is_some_and(|path| self.client.keys.file(&path).is_ok_and(|found| found == *key)) {
            true => Some(name.to_owned()),
            false => {
                self.hidden += 1;
                None
            }
        }
    }

    fn report(&self) {
        if self.hidden > 0 {
            tracing::warn!(
                directory = %self.path,
                bucket = self.client.name,
                count = self.hidden,
                "keys that no path can name are not listed"
            );
        }
    }
}

/// The last key that a page has reached: keys come in order, but files and prefixes apart.
fn last_key(page: &PaginatedListResult) -> String {
    let object = page.result.objects.iter().map(|object| object.location.to_string()).max();
    let prefix = page.result.common_prefixes.iter().map(|prefix| format!("{prefix}/")).max();
    object.max(prefix).unwrap_or_default()
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
