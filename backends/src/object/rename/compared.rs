//! Two directories beside each other: whether one is what a rename of the other has left behind.
//!
//! A directory may have millions of keys, so little is kept of each but hashes; they are keyed at random, so that nobody can
//! choose names or contents that meet.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use futures_util::TryStreamExt;

use crate::object::bucket::Bucket;
use crate::object::list::walk::{Folders, Item, walk};
use crate::object::store::object::{Object, is_digest};
use crate::{Error, ErrorKind, Result, StoragePath};

/// The hashes of the objects of a rename.
#[derive(Default)]
pub(crate) struct Hashes {
    state: RandomState,
    /// The store encrypts what it stores, and its entity tags have the form of digests and are none.
    hides_digests: bool,
}

impl Hashes {
    pub(crate) fn of(bucket: &Bucket) -> Self {
        Self { state: RandomState::new(), hides_digests: bucket.traits().hides_digests }
    }

    /// Whether the store has a digest of the content of an object.
    pub(crate) fn know(&self, object: &Object) -> bool {
        !self.hides_digests && object.has_digest()
    }

    /// The hash of an object in its present state: after it is replaced, the hash is another.
    pub(crate) fn print(&self, item: &Item) -> u64 {
        let object = &item.object;
        if object.is_folder {
            return self.state.hash_one((&item.relative, object.is_folder));
        }
        self.state.hash_one((&item.relative, &object.e_tag, object.size, object.stored))
    }

    /// Its key below the directory.
    pub(crate) fn place(&self, item: &Item) -> u64 {
        self.state.hash_one(&item.relative)
    }

    /// The directories that an object is in, as the places of their markers.
    pub(crate) fn above(&self, item: &Item) -> impl Iterator<Item = u64> {
        let ends = std::iter::once(0).chain(item.relative.match_indices('/').map(|(slash, _)| slash + 1));
        ends.map(|end| self.state.hash_one(item.relative.get(..end).unwrap_or_default()))
    }

    fn content(&self, object: &Object) -> Content {
        Content {
            size: object.size,
            e_tag: object
                .e_tag
                .as_deref()
                .filter(|e_tag| !self.hides_digests && is_digest(e_tag))
                .map(|e_tag| self.state.hash_one(e_tag)),
            md5: object.md5.as_ref().map(|md5| self.state.hash_one(md5)),
        }
    }
}

/// The digests that the store has of the content of an object.
struct Content {
    size: u64,
    /// Of an entity tag that is a digest.
    e_tag: Option<u64>,
    md5: Option<u64>,
}

impl Content {
    /// Whether another object has the same content; `None` if their digests can't be compared.
    fn is_same(&self, other: &Self) -> Option<bool> {
        let both = |one: Option<u64>, two: Option<u64>| Some(one? == two?);
        match self.size == other.size {
            true => both(self.e_tag, other.e_tag).or_else(|| both(self.md5, other.md5)),
            false => Some(false),
        }
    }
}

/// An object of the source until its counterpart is found.
struct Source {
    print: u64,
    content: Content,
    /// The object itself, if no digest is known: then the copy may show its source.
    object: Option<Box<Object>>,
}

impl Source {
    fn new(item: Item, hashes: &Hashes) -> Self {
        let (print, content) = (hashes.print(&item), hashes.content(&item.object));
        let object = (!hashes.know(&item.object)).then(|| Box::new(item.object));
        Self { print, content, object }
    }
}

/// Whether an object is a copy of another, by its headers.
async fn is_copy(bucket: &Bucket, path: &StoragePath, copy: &Object, of: &Object) -> Result<bool> {
    bucket.store.is_copy(copy, of).await.map_err(|failure| failure.at(path))
}

/// Whether it is nothing but a marker: some keep data under the key of one.
pub(crate) fn is_plain_marker(item: &Item) -> bool {
    item.is_marker && item.object.size == 0
}

/// Two directories beside each other.
#[derive(Default)]
pub(crate) struct Compared {
    /// The prints of the objects in the source that the target has with the same content.
    same: HashSet<u64>,
    /// Whether some of these have a content: empty files are alike everywhere.
    says_something: bool,
    only_source: u64,
    only_target: u64,
    different: u64,
}

impl Compared {
    pub(crate) async fn of(
        bucket: &Arc<Bucket>,
        from: &StoragePath,
        to: &StoragePath,
        hashes: &Hashes,
    ) -> Result<Self> {
        let mut sources = HashMap::new();
        let mut items = walk(bucket, from, bucket.keys.directory(from)?, Folders::Listed);
        while let Some(item) = items.try_next().await? {
            if !is_plain_marker(&item) {
                sources.insert(hashes.place(&item), Source::new(item, hashes));
            }
        }
        let mut compared = Self::default();
        let mut items = walk(bucket, to, bucket.keys.directory(to)?, Folders::Listed);
        while let Some(item) = items.try_next().await? {
            if is_plain_marker(&item) {
                continue;
            }
            let Some(source) = sources.remove(&hashes.place(&item)) else {
                compared.only_target += 1;
                continue;
            };
            let same = match source.content.is_same(&hashes.content(&item.object)) {
                Some(known) => known,
                None => match &source.object {
                    Some(source) => is_copy(bucket, to, &item.object, source).await?,
                    None => false,
                },
            };
            if same {
                compared.same.insert(source.print);
                compared.says_something |= source.content.size > 0;
            } else {
                compared.different += 1;
            }
        }
        compared.only_source = sources.len() as u64;
        Ok(compared)
    }

    /// The objects that were copied already, as [prints](Hashes::print) of the source, if the target exists because a rename was
    /// broken off: while it copied (then the target holds nothing else), or while it removed (then the source holds nothing else).
    pub(crate) fn left_by_a_rename(self, to: &StoragePath) -> Result<HashSet<u64>> {
        let part_of_the_other = self.only_target == 0 || self.only_source == 0;
        match self.says_something && self.different == 0 && part_of_the_other {
            true => Ok(self.same),
            false => Err(Error::new(ErrorKind::AlreadyExists, to)),
        }
    }
}

#[cfg(test)]
#[path = "compared_tests.rs"]
mod tests;
