//! Every key below a directory, one page at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::object::bucket::Bucket;
use crate::object::store::object::{Next as NextPage, Object, Page};
use crate::{Result, StoragePath};

/// An object below a directory.
#[derive(Debug)]
pub(crate) struct Item {
    pub object: Object,
    /// Its key below the directory; empty for the directory's own marker.
    pub relative: String,
    /// Whether it is a marker, by its key or by its metadata.
    pub is_marker: bool,
}

/// One directory on the way down.
struct Level {
    prefix: String,
    /// Markers that wait until everything below has been returned.
    markers: Vec<Object>,
    objects: VecDeque<Object>,
    directories: VecDeque<String>,
    /// Markers without a slash, by their keys: `a` comes before `a/`, perhaps on an earlier page.
    folders: BTreeMap<String, Object>,
    /// The last key of the pages so far.
    last: String,
    next: Next,
}

enum Next {
    First,
    Page(NextPage),
    End,
}

impl Level {
    fn new(prefix: String, markers: Vec<Object>) -> Self {
        Self {
            prefix,
            markers,
            objects: VecDeque::new(),
            directories: VecDeque::new(),
            folders: BTreeMap::new(),
            last: String::new(),
            next: Next::First,
        }
    }

    fn take(&mut self, page: Page<NextPage>) {
        self.last = page.last_key().to_owned();
        self.next = page.next.map_or(Next::End, Next::Page);
        self.directories = page.prefixes.into();
        for object in page.objects {
            // The only key below a prefix that ends as it does.
            if object.key == self.prefix {
                self.markers.push(object);
            } else if object.is_folder {
                self.folders.insert(object.key.clone(), object);
            } else {
                self.objects.push_back(object);
            }
        }
    }

    /// The marker of an empty directory: one that nothing below can follow any more.
    fn empty(&mut self) -> Option<Object> {
        let is_over = |key: &&String| matches!(self.next, Next::End) || self.last > format!("{key}/");
        let key = self.folders.keys().find(is_over)?.clone();
        self.folders.remove(&key)
    }
}

/// Whether directories without a known marker are asked for theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folders {
    Listed,
    /// In a hierarchical namespace each is there by itself, and need not be listed as an object.
    AskedFor,
}

/// All objects whose key starts with `prefix`, which ends with a slash.
///
/// A marker comes after everything below it: some stores don't remove the marker of a directory that holds anything. The walk
/// goes down directory by directory, so that at most one page of each is in memory.
pub(crate) fn walk(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    prefix: String,
    folders: Folders,
) -> BoxStream<'static, Result<Item>> {
    let cut = prefix.len();
    let start = (Arc::clone(bucket), path.clone(), vec![Level::new(prefix, Vec::new())]);
    let item = move |object: Object, is_marker| Item {
        relative: object.key.get(cut..).unwrap_or_default().to_owned(),
        object,
        is_marker,
    };
    stream::try_unfold(
        start,
        move |(bucket, path, mut levels): (Arc<Bucket>, StoragePath, Vec<Level>)| async move {
            while let Some(level) = levels.last_mut() {
                if let Some(object) = level.objects.pop_front() {
                    return Ok(Some((item(object, false), (bucket, path, levels))));
                }
                if let Some(below) = level.directories.pop_front() {
                    let key = below.strip_suffix('/').unwrap_or(&below);
                    let marker = match level.folders.remove(key) {
                        None if folders == Folders::AskedFor => {
                            bucket.head(&path, key).await?.filter(|object| object.is_folder)
                        }
                        marker => marker,
                    };
                    levels.push(Level::new(below, marker.into_iter().collect()));
                    continue;
                }
                if let Some(marker) = level.empty() {
                    return Ok(Some((item(marker, true), (bucket, path, levels))));
                }
                let next = match std::mem::replace(&mut level.next, Next::End) {
                    Next::First => None,
                    Next::Page(next) => Some(next),
                    Next::End => match level.markers.pop() {
                        Some(marker) => return Ok(Some((item(marker, true), (bucket, path, levels)))),
                        None => {
                            levels.pop();
                            continue;
                        }
                    },
                };
                let page = bucket
                    .page(&level.prefix, next, false, None)
                    .await
                    .map_err(|failure| failure.at(&path))?;
                level.take(page);
            }
            Ok(None)
        },
    )
    .boxed()
}
