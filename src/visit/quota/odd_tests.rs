//! Storages that are not like others, and what is counted on them.

use std::time::{Duration, SystemTime};

use wharf_backends::memory::MemoryStorage;
use wharf_backends::{
    Body, ByteRange, Capabilities, CreateMode, EachFile, EntryStream, Error, ErrorKind, Metadata, Result,
    Storage, StoragePath, Upload,
};

use super::*;

/// How a storage is not like others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// What it renames is copied, and it may remove nothing.
    KeepsAll,
    /// Upper and lower case are one.
    OneCase,
    /// It never tells all of what is there.
    NeverEnds,
}

#[derive(Debug)]
struct Odd(Way, MemoryStorage);

impl Odd {
    fn that(way: Way) -> Arc<dyn Storage> {
        Arc::new(Self(way, MemoryStorage::new(1 << 20)))
    }

    fn path(&self, at: &StoragePath) -> StoragePath {
        match self.0 {
            Way::OneCase => path(&at.as_str().to_lowercase()),
            _ => at.clone(),
        }
    }
}

#[async_trait]
impl Storage for Odd {
    fn capabilities(&self) -> Capabilities {
        self.1.capabilities()
    }

    async fn check(&self) -> Result<()> {
        self.1.check().await
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.1.stat(&self.path(path)).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.1.list(&self.path(path)).await
    }

    async fn files_below(&self, directory: &StoragePath, each: EachFile<'_>) -> Result<()> {
        if self.0 == Way::NeverEnds {
            std::future::pending::<()>().await;
        }
        self.1.files_below(directory, each).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        self.1.open(&self.path(path), range).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        self.1.create(&self.path(path), mode).await
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.1.remove_file(&self.path(path)).await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.1.create_directory(&self.path(path)).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.1.remove_directory(&self.path(path)).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        if self.0 != Way::KeepsAll {
            return self.1.rename(&self.path(from), &self.path(to), replace).await;
        }
        let (mut files, mut each) = (Vec::new(), Vec::new());
        if self.1.stat(from).await?.is_directory() {
            self.1.create_directory(to).await?;
            self.1.files_below(from, &mut |path, size| each.push((path.clone(), size))).await?;
            for (file, size) in each {
                files.push((to.child(file.name().unwrap())?, size));
            }
        } else {
            files.push((to.clone(), self.1.stat(from).await?.size));
        }
        for (file, size) in files {
            store(&self.1, file.as_str(), usize::try_from(size).unwrap(), CreateMode::Replace).await?;
        }
        Err(Error::new(ErrorKind::PermissionDenied, from))
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.1.set_modified(path, modified).await
    }
}

#[tokio::test]
async fn a_copy_that_a_rename_leaves_behind_counts() {
    let world = World::on(Odd::that(Way::KeepsAll));
    let mine = world.limited("/", 100, 9).await;
    store(&mine, "/f", 40, CreateMode::New).await.unwrap();
    store(&mine, "/old", 10, CreateMode::New).await.unwrap();
    mine.rename(&path("/f"), &path("/g"), true).await.unwrap_err();
    assert_eq!(used(&mine).await, (90, 3));
    mine.rename(&path("/missing"), &path("/h"), true).await.unwrap_err();
    mine.rename(&path("/f"), &path("/g"), true).await.unwrap_err();
    assert_eq!(used(&mine).await, (90, 3));
    refused(store(&mine, "/h", 20, CreateMode::New).await);
    // What it replaces is charged for what it has become.
    mine.rename(&path("/f"), &path("/old"), true).await.unwrap_err();
    assert_eq!(used(&mine).await, (120, 3));
    // A directory.
    mine.create_directory(&path("/d")).await.unwrap();
    mine.remove_file(&path("/g")).await.unwrap();
    store(&mine, "/d/f", 20, CreateMode::New).await.unwrap();
    mine.rename(&path("/d"), &path("/e"), true).await.unwrap_err();
    assert_eq!(used(&mine).await, (120, 4));
}

#[tokio::test]
async fn another_spelling_is_no_other_file() {
    let world = World::on(Odd::that(Way::OneCase));
    let mine = world.limited("/", 100, 9).await;
    store(&mine, "/f", 40, CreateMode::New).await.unwrap();
    store(&mine, "/g", 30, CreateMode::New).await.unwrap();
    for (from, to) in [("/f", "/F"), ("/F", "/f"), ("/f", "/F")] {
        mine.rename(&path(from), &path(to), true).await.unwrap();
        assert_eq!(used(&mine).await, (70, 2));
    }
    // Another file is replaced as ever, whatever the spelling.
    mine.rename(&path("/F"), &path("/G"), true).await.unwrap();
    assert_eq!(used(&mine).await, (40, 1));
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_ends_with_its_storage() {
    let world = World::on(Odd::that(Way::NeverEnds));
    let mine = world.limited("/", 100, 9).await;
    assert!(!mine.state(&StoragePath::root()).await.unwrap().is_counted, "it would take for ever");
    let other = World::new();
    store(&*other.storage, "/f", 30, CreateMode::New).await.unwrap();
    world.follow(&other.storage, None);
    let origin = Origin { storage: Arc::clone(&other.storage), location: None };
    let mine = world.limited_on(origin, "/", 100, 9).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(used(&mine).await, (30, 1));
    assert!(begun.elapsed() < Duration::from_secs(1));
}
