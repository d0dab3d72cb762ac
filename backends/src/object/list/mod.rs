//! Listing a directory page by page.

pub(crate) mod flat;
pub(crate) mod walk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use futures_util::stream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::object::bucket::Bucket;
use crate::object::bucket::keys::{MARKER_CONTENT, PARTIALS};
use crate::object::store::failure::Failure;
use crate::object::store::object::{Next as NextPage, Object, Page};
use crate::{Entry, EntryKind, EntryStream, Error, ErrorKind, Metadata, Result, StoragePath, observe};

/// A listing that is under way.
struct Listing {
    bucket: Arc<Bucket>,
    path: StoragePath,
    /// Empty, or it ends with a slash.
    prefix: String,
    /// Entries that are ready.
    ready: VecDeque<Entry>,
    /// Objects whose key, with a slash, may still come as a prefix: the key `a` comes before `a/`, with any
    /// number of keys such as `a-1` in between. The key last seen starts with each of them, so they are few.
    waiting: BTreeMap<String, Metadata>,
    /// Entries that could not be shown.
    hidden: u64,
    /// When the page was asked for that entries are made of.
    asked: Instant,
    next: Next,
}

enum Next {
    /// The page is on its way, since this time: the store works while the client takes the page before.
    Page(JoinSet<Result<Page<NextPage>, Failure>>, Instant),
    End,
}

/// The entries of a directory.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::NotADirectory`], before the first entry.
pub(crate) async fn list(bucket: &Arc<Bucket>, path: &StoragePath) -> Result<EntryStream> {
    if !path.is_root() && bucket.keys.existing(path)?.ends_with('/') {
        bucket.file(path).await?;
        return Err(Error::new(ErrorKind::NotADirectory, path));
    }
    let mut listing = Listing {
        prefix: bucket.keys.directory(path)?,
        bucket: Arc::clone(bucket),
        path: path.clone(),
        ready: VecDeque::new(),
        waiting: BTreeMap::new(),
        hidden: 0,
        asked: Instant::now(),
        next: Next::End,
    };
    listing.ask(None);
    let mut any_key = listing.fetch().await?;
    // A page can be empty before the last one.
    while !any_key && matches!(listing.next, Next::Page(..)) {
        any_key = listing.fetch().await?;
    }
    if !any_key && !path.is_root() {
        let key = bucket.keys.existing(path)?;
        match bucket.head(path, &key).await? {
            Some(object) if object.is_folder => {}
            Some(_) => return Err(Error::new(ErrorKind::NotADirectory, path)),
            None if bucket.known.is_left(path) || bucket.is_hollow(path, &key).await? => {}
            None => return Err(Error::new(ErrorKind::NotFound, path)),
        }
    }
    bucket.known.directories(path);
    Ok(Box::pin(stream::try_unfold(listing, async |mut listing| {
        loop {
            if let Some(entry) = listing.ready.pop_front() {
                return Ok(Some((entry, listing)));
            }
            if matches!(listing.next, Next::End) {
                listing.report();
                return Ok(None);
            }
            listing.fetch().await?;
        }
    })))
}

impl Listing {
    /// Asks for a page. It is broken off if nobody waits for it any more.
    fn ask(&mut self, next: Option<NextPage>) {
        let (bucket, prefix) = (Arc::clone(&self.bucket), self.prefix.clone());
        let mut asked = JoinSet::new();
        asked.spawn(observe::carry(async move { bucket.page(&prefix, next, false, None).await }));
        self.next = Next::Page(asked, Instant::now());
    }

    /// Makes entries of the page that was asked for, and asks for the next one. Says whether it held any key.
    async fn fetch(&mut self) -> Result<bool> {
        let Next::Page(mut asked, at) = std::mem::replace(&mut self.next, Next::End) else {
            return Ok(false);
        };
        let mut page = match asked.join_next().await {
            // A directory with an impossible name doesn't exist.
            Some(Ok(Err(failure))) if failure.is_impossible_name() => {
                return Err(Error::with_source(ErrorKind::NotFound, &self.path, failure.to_string()));
            }
            Some(Ok(page)) => page.map_err(|failure| failure.at(&self.path))?,
            Some(Err(error)) => return Err(Error::with_source(ErrorKind::Other, &self.path, error)),
            None => return Ok(false),
        };
        self.asked = at;
        let any_key = !page.objects.is_empty() || !page.prefixes.is_empty();
        let last_page = page.next.is_none();
        if let Some(next) = page.next.take() {
            self.ask(Some(next));
        }
        self.take(page, last_page);
        Ok(any_key)
    }

    /// Sorts a page into `ready` and `waiting`.
    fn take<N>(&mut self, page: Page<N>, last_page: bool) {
        let last = page.last_key().to_owned();

        let mut directories = BTreeSet::new();
        for prefix in &page.prefixes {
            if let Some(name) = prefix.strip_suffix('/').and_then(|key| self.name(key)) {
                directories.insert(name);
            }
        }
        let mut entries = Vec::new();
        let mut undecided = std::mem::take(&mut self.waiting);
        for object in page.objects {
            // The directory's own marker, in which somebody may keep something.
            if object.key == self.prefix {
                self.take_marker(object);
                continue;
            }
            if let Some(name) = self.name(&object.key) {
                // An empty object may be a marker by its metadata, which some listings don't have.
                if object.size > 0 {
                    self.note(&name, &object);
                }
                let metadata = match object.is_folder {
                    true => Metadata::directory(None),
                    false => object.metadata(),
                };
                undecided.insert(name, metadata);
            }
        }
        for (name, metadata) in undecided {
            let is_prefix = directories.contains(&name);
            if is_prefix && metadata.size == 0 {
                // Some tool's marker: the directory stands for it.
                continue;
            }
            if is_prefix {
                // A path names one thing; `stat` finds the file.
                directories.remove(&name);
            } else if !last_page && format!("{}{name}/", self.prefix) > last {
                self.waiting.insert(name, metadata);
                continue;
            }
            if metadata.kind == EntryKind::Directory {
                self.note_directory(&name);
            }
            entries.push(Entry { name, metadata });
        }
        for name in directories {
            self.note_directory(&name);
            entries.push(Entry { name, metadata: Metadata::directory(None) });
        }
        // The store lists objects and prefixes separately, each in their order.
        entries.sort_unstable_by(|one, two| one.name.cmp(&two.name));
        self.ready.extend(entries);
    }

    fn take_marker(&mut self, marker: Object) {
        if marker.size == 0 {
            return;
        }
        match self.path.child(MARKER_CONTENT) {
            Ok(path) if self.bucket.keys.existing(&path).is_ok_and(|key| key == marker.key) => {
                self.note(MARKER_CONTENT, &marker);
                self.ready.push_back(Entry { name: MARKER_CONTENT.to_owned(), metadata: marker.metadata() });
            }
            _ => self.hidden += 1,
        }
    }

    fn note_directory(&self, name: &str) {
        if let Ok(path) = self.path.child(name) {
            self.bucket.known.directory(&path);
        }
    }

    fn note(&self, name: &str, object: &Object) {
        if let Ok(path) = self.path.child(name) {
            self.bucket.known.listed(&path, object.size, object.e_tag.as_deref(), self.asked);
        }
    }

    /// The name of a key in this directory, if a path can name it.
    fn name(&mut self, key: &str) -> Option<String> {
        let name = key.strip_prefix(&self.prefix).unwrap_or_default();
        if name == PARTIALS {
            return None;
        }
        let path = self.path.child(name).ok();
        match path.is_some_and(|path| self.bucket.keys.file(&path).is_ok_and(|own| own == key)) {
            true => Some(name.to_owned()),
            false => {
                self.hidden += 1;
                None
            }
        }
    }

    fn report(&self) {
        if self.hidden > 0 && self.bucket.reported.is_new(&self.path) {
            tracing::warn!(
                directory = %self.path,
                bucket = self.bucket.name,
                count = self.hidden,
                "keys that no path can name are not listed"
            );
        }
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
