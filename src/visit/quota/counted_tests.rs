use wharf_backends::contract::Fixture;
use wharf_backends::memory::MemoryStorage;

use super::super::{Quotas, Usage};
use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

struct World {
    quotas: Arc<Quotas>,
    storage: Arc<dyn Storage>,
}

impl World {
    fn new() -> Self {
        Self::on(Arc::new(MemoryStorage::new(1 << 20)))
    }

    fn on(storage: Arc<dyn Storage>) -> Self {
        Self { quotas: Arc::default(), storage }
    }

    fn origin(&self) -> Origin {
        Origin { storage: Arc::clone(&self.storage), location: None }
    }

    /// The storage as somebody changes it whose place has this quota.
    async fn limited(&self, root: &str, bytes: u64, files: u64) -> Counted {
        self.limited_on(self.origin(), root, bytes, files).await
    }

    async fn limited_on(&self, origin: Origin, root: &str, bytes: u64, files: u64) -> Counted {
        let books = self.quotas.of("store", &origin);
        let ledger = self.quotas.place(&books, &path(root));
        ledger.wait().await;
        let quota = Quota { bytes: Some(bytes), files: Some(files) };
        Counted::new(origin, books, Some(Limit { ledger, quota }))
    }

    fn free(&self) -> Counted {
        let origin = self.origin();
        let books = self.quotas.of("store", &origin);
        Counted::new(origin, books, None)
    }

    /// Another storage takes the place of this one.
    fn follow(&self, storage: &Arc<dyn Storage>, location: Option<&str>) {
        let origin =
            |_: &str| Some(Origin { storage: Arc::clone(storage), location: location.map(Into::into) });
        self.quotas.follow(origin);
    }
}

async fn store(storage: &dyn Storage, at: &str, size: usize, mode: CreateMode) -> Result<()> {
    let mut upload = storage.create(&path(at), mode).await?;
    upload.write(Bytes::from(vec![b'x'; size])).await?;
    upload.finish().await.map(drop)
}

async fn used(storage: &Counted) -> (u64, u64) {
    let QuotaState { used: Usage { bytes, files }, is_counted, .. } =
        storage.state(&StoragePath::root()).await.unwrap();
    assert!(is_counted);
    (bytes, files)
}

#[track_caller]
fn refused<T>(result: Result<T>) {
    assert_eq!(result.err().expect("it worked").kind(), ErrorKind::QuotaExceeded);
}

#[tokio::test]
async fn what_is_there_counts_and_what_passes() {
    let world = World::new();
    world.storage.create_directory(&path("/a")).await.unwrap();
    store(&*world.storage, "/a/old", 60, CreateMode::New).await.unwrap();
    store(&*world.storage, "/other", 500, CreateMode::New).await.unwrap();
    let mine = world.limited("/a", 100, 3).await;
    assert_eq!(used(&mine).await, (60, 1));
    refused(store(&mine, "/a/new", 41, CreateMode::New).await);
    assert_eq!(used(&mine).await, (60, 1));
    store(&mine, "/a/new", 40, CreateMode::New).await.unwrap();
    refused(store(&mine, "/a/new", 1, CreateMode::Append).await);
    store(&mine, "/a/new", 10, CreateMode::Replace).await.unwrap();
    store(&mine, "/a/new", 5, CreateMode::Append).await.unwrap();
    store(&mine, "/a/new", 3, CreateMode::Resume(10)).await.unwrap();
    assert_eq!(used(&mine).await, (73, 2));
    store(&mine, "/a/third", 1, CreateMode::New).await.unwrap();
    refused(store(&mine, "/a/fourth", 1, CreateMode::New).await);
    mine.remove_file(&path("/a/old")).await.unwrap();
    assert_eq!(used(&mine).await, (14, 2));
    mine.remove_file(&path("/a/missing")).await.unwrap_err();
    assert_eq!(used(&mine).await, (14, 2));
    // Others are not held up, and what they do counts.
    let other = world.free();
    store(&other, "/a/theirs", 200, CreateMode::New).await.unwrap();
    assert_eq!(used(&mine).await, (214, 3));
    refused(store(&mine, "/a/new", 20, CreateMode::Replace).await);
    store(&mine, "/a/new", 12, CreateMode::Replace).await.unwrap();
}

#[tokio::test]
async fn moves_count_where_they_lead_to() {
    let world = World::new();
    for directory in ["/a", "/a/d", "/b", "/b/d"] {
        world.storage.create_directory(&path(directory)).await.unwrap();
    }
    store(&*world.storage, "/a/f", 30, CreateMode::New).await.unwrap();
    store(&*world.storage, "/a/d/g", 50, CreateMode::New).await.unwrap();
    let (a, b) = (world.limited("/a", 100, 9).await, world.limited("/b", 60, 9).await);
    let inner = world.limited("/b/d", 1000, 9).await;
    b.rename(&path("/a/f"), &path("/b/d/f"), true).await.unwrap();
    assert_eq!((used(&a).await, used(&b).await, used(&inner).await), ((50, 1), (30, 1), (30, 1)));
    refused(b.rename(&path("/a/d/g"), &path("/b/g"), true).await);
    refused(b.rename(&path("/a/d"), &path("/b/e"), true).await);
    b.rename(&path("/a/d/g"), &path("/b/d/f"), true).await.unwrap();
    assert_eq!((used(&a).await, used(&b).await, used(&inner).await), ((0, 0), (50, 1), (50, 1)));
    // Within a place nothing changes but for what is replaced.
    store(&b, "/b/h", 5, CreateMode::New).await.unwrap();
    b.rename(&path("/b/h"), &path("/b/i"), true).await.unwrap();
    b.rename(&path("/b/i"), &path("/b/i"), true).await.unwrap();
    assert_eq!(used(&b).await, (55, 2));
    b.rename(&path("/b/i"), &path("/b/d/f"), true).await.unwrap();
    assert_eq!((used(&b).await, used(&inner).await), ((5, 1), (5, 1)));
    // A whole directory.
    a.rename(&path("/b/d"), &path("/a/d2"), true).await.unwrap();
    assert_eq!((used(&a).await, used(&b).await), ((5, 1), (0, 0)));
}

#[tokio::test]
async fn two_who_store_under_one_name_are_counted_once() {
    let world = World::new();
    let mine = world.limited("/", 100, 9).await;
    let begin = async || {
        let mut upload = mine.create(&path("/f"), CreateMode::Replace).await.unwrap();
        upload.write(Bytes::from_static(b"0123456789")).await.unwrap();
        upload
    };
    let (first, second, third) = (begin().await, begin().await, begin().await);
    assert_eq!(used(&mine).await, (30, 3), "what is held");
    first.finish().await.unwrap();
    second.finish().await.unwrap();
    third.abort().await.unwrap();
    assert_eq!(used(&mine).await, (10, 1));
}

#[tokio::test]
async fn a_storage_that_takes_the_place_of_another_is_counted_anew() {
    let world = World::new();
    let mine = world.limited("/", 100, 9).await;
    store(&mine, "/f", 40, CreateMode::New).await.unwrap();
    let mut under_way = mine.create(&path("/h"), CreateMode::New).await.unwrap();
    under_way.write(Bytes::from_static(b"0123456789")).await.unwrap();
    let other: Arc<dyn Storage> = Arc::new(MemoryStorage::new(1 << 20));
    store(&*other, "/g", 7, CreateMode::New).await.unwrap();
    world.follow(&other, None);
    // Whoever still has the old one changes nothing of what is counted.
    under_way.finish().await.unwrap();
    assert_eq!(used(&mine).await, (7, 1));
    mine.remove_file(&path("/f")).await.unwrap();
    store(&mine, "/f", 9, CreateMode::New).await.unwrap();
    assert_eq!(used(&mine).await, (7, 1));
}

#[tokio::test]
async fn what_is_opened_anew_in_the_same_place_is_still_counted() {
    let world = World::new();
    let origin = || Origin { location: Some("local /srv".into()), ..world.origin() };
    let mine = world.limited_on(origin(), "/", 100, 9).await;
    store(&mine, "/f", 40, CreateMode::New).await.unwrap();
    // It is empty, so that whatever is known is from before.
    let other: Arc<dyn Storage> = Arc::new(MemoryStorage::new(1 << 20));
    world.follow(&other, Some("local /srv"));
    assert_eq!(used(&mine).await, (40, 1));
    store(&mine, "/g", 5, CreateMode::New).await.unwrap();
    assert_eq!(used(&mine).await, (45, 2), "sessions with the old key store in the same place");
    world.follow(&other, Some("local /srv/other"));
    assert_eq!(used(&mine).await, (45, 2), "the same storage");
    let third: Arc<dyn Storage> = Arc::new(MemoryStorage::new(1 << 20));
    world.follow(&third, Some("local /srv/other"));
    assert_eq!(used(&mine).await, (0, 0));
}

#[tokio::test]
async fn only_what_outlives_the_server_is_known_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    for (location, known) in [(None, 0), (Some("local /srv"), 40)] {
        let world = World::new();
        world.quotas.start(Some(directory.path()), &crate::ops::metrics::QuotaMeter::default());
        let origin = Origin { location: location.map(Into::into), ..world.origin() };
        let mine = world.limited_on(origin, "/", 100, 9).await;
        store(&mine, "/f", 40, CreateMode::New).await.unwrap();
        world.quotas.write(true).await;
        let next = World::new();
        next.quotas.start(Some(directory.path()), &crate::ops::metrics::QuotaMeter::default());
        let origin = Origin { location: location.map(Into::into), ..next.origin() };
        let mine = next.limited_on(origin, "/", 100, 9).await;
        assert_eq!(used(&mine).await.0, known, "{location:?}");
        next.quotas.write(true).await;
    }
    // What was written for a disk is not that of the memory which has its name now.
    let world = World::new();
    world.quotas.start(Some(directory.path()), &crate::ops::metrics::QuotaMeter::default());
    assert_eq!(used(&world.limited("/", 100, 9).await).await, (0, 0));
}

#[path = "odd_tests.rs"]
mod odd;

/// A storage that is counted is a storage.
mod contract {
    use super::*;

    async fn fixture() -> Fixture {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new(256 << 20));
        let world = World::on(storage);
        Fixture { in_memory: true, ..Fixture::new(world.limited("/", 1 << 30, 1 << 20).await) }
    }

    wharf_backends::contract_tests!(fixture);
}

/// A backend that is taken away takes its memory along.
#[tokio::test]
async fn a_backend_that_is_gone_is_let_go() {
    let World { quotas, storage } = {
        let world = World::new();
        drop(world.limited("/", 100, 9).await);
        world
    };
    quotas.follow(|_: &str| None);
    let left = Arc::downgrade(&storage);
    drop(storage);
    // Whoever looked at its places has to see that it is over.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(left.upgrade().is_none());
}
