//! A backend of one's own: a shelf of files in memory. It implements all that a storage has to do, and passes the contract suite,
//! as the last lines say: `cargo test --package wharf-backends --all-features --example shelf`.
//!
//! Its names are a [`Tree`], which keeps the rules of directories and renames. What is left are the contents of files, and the
//! moment in which an upload becomes visible. A backend whose names are elsewhere, such as in a database, keeps these rules itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use wharf_backends::tree::Tree;
use wharf_backends::{
    Body, ByteRange, Capabilities, CreateMode, EntryStream, Error, ErrorKind, Metadata, Result, Storage,
    StoragePath, Upload,
};

/// The storage. Its clones are the same shelf.
#[derive(Debug, Clone, Default)]
struct Shelf(Arc<Mutex<Tree<Bytes>>>);

impl Shelf {
    fn tree(&self) -> MutexGuard<'_, Tree<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for Shelf {
    fn capabilities(&self) -> Capabilities {
        Capabilities::DISK
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.tree().stat(path)
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        let entries = self.tree().page(path, "", usize::MAX)?;
        Ok(Box::pin(stream::iter(entries.into_iter().map(Ok))))
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let tree = self.tree();
        let (metadata, content) = tree.open(path)?;
        Body::from_bytes(metadata, content, range, path)
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let old = self.tree().may_store(path)?.cloned();
        mode.allows(old.as_ref().map(|old| old.len() as u64), path)?;
        Ok(Box::new(Draft { shelf: self.clone(), path: path.clone(), mode, old, new: Vec::new() }))
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.tree().remove_file(path)
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.tree().create_directory(path, ())
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.tree().remove_directory(path)
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        self.tree().rename(from, to, replace)
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.tree().set_modified(path, modified)
    }
}

/// An upload: nothing of it is on the shelf before its end.
struct Draft {
    shelf: Shelf,
    path: StoragePath,
    mode: CreateMode,
    /// The content of the file at the beginning.
    old: Option<Bytes>,
    new: Vec<u8>,
}

#[async_trait]
impl Upload for Draft {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.new.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { shelf, path, mode, old, new } = *self;
        shelf.tree().store(&path, |now| {
            let kept = match (mode, now) {
                (CreateMode::New, Some(_)) => return Err(Error::new(ErrorKind::AlreadyExists, &path)),
                (CreateMode::Resume(1..), now) if now.as_deref() != old.as_ref() => {
                    return Err(Error::new(ErrorKind::Conflict, &path));
                }
                (CreateMode::Resume(offset), Some(now)) => now.slice(..offset as usize),
                (CreateMode::Append, Some(now)) => now.clone(),
                _ => Bytes::new(),
            };
            Ok(Bytes::from([&kept[..], &new].concat()))
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (shelf, path) = (Shelf::default(), StoragePath::root());
    let path =
        path.child("report.csv").map_err(|error| Error::with_source(ErrorKind::InvalidName, &path, error))?;
    let mut upload = shelf.create(&path, CreateMode::New).await?;
    upload.write(Bytes::from_static(b"1,2,3\n")).await?;
    assert_eq!(shelf.stat(&path).await.map_err(|error| error.kind()), Err(ErrorKind::NotFound));
    assert_eq!(upload.finish().await?.size, 6);
    assert_eq!(shelf.stat(&path).await?.size, 6);
    Ok(())
}

#[cfg(test)]
mod contract {
    use wharf_backends::contract::Fixture;

    use super::Shelf;

    async fn fixture() -> Fixture {
        let shelf = Shelf::default();
        Fixture { in_memory: true, ..Fixture::new(shelf.clone()).with_second(shelf) }
    }

    wharf_backends::contract_tests!(fixture);

    #[test]
    fn the_example_does_what_it_says() {
        super::main().unwrap();
    }
}
