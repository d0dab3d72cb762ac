use std::fs::File;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::upload::PartialUpload;
use super::*;
use crate::Storage as _;
use crate::local::LocalOptions;

const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

struct Disk {
    storage: LocalStorage,
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { storage: LocalStorage::open(folder.path(), LocalOptions::default()).unwrap(), folder }
    }

    async fn begin(&self, keep_for: Duration, bytes: usize) -> Box<dyn Upload> {
        let keeping = Keeping { owner: "ann".to_owned(), keep_for };
        let mut upload = self.storage.begin(&path(), &keeping, CreateMode::Replace).await.unwrap();
        // More than waits in memory.
        upload.write(Bytes::from(vec![7; bytes])).await.unwrap();
        upload
    }

    /// One whose every write fails from now on.
    async fn broken(&self, bytes: usize) -> PartialUpload {
        let keeping = Keeping { owner: "ann".to_owned(), keep_for: LONG };
        let started = self.storage.started(&path(), &keeping, CreateMode::Replace).await.unwrap();
        let Started::Partial(mut upload) = started else { panic!("it is not kept") };
        upload.write(Bytes::from(vec![7; bytes])).await.unwrap();
        upload.breaks().await;
        upload
    }

    async fn resumed(&self, offset: usize) -> Box<dyn Upload> {
        let keeping = Keeping { owner: "ann".to_owned(), keep_for: LONG };
        self.storage.resume(&path(), &keeping, offset as u64, CreateMode::Replace).await.unwrap()
    }

    async fn left(&self) -> Option<u64> {
        self.storage.find_left(&path(), "ann").await.unwrap().map(|partial| partial.size)
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("f")).unwrap()
    }

    async fn size(&self) -> Option<u64> {
        self.storage.find(&path(), "ann").await.unwrap().map(|partial| partial.size)
    }

    /// The file with the bytes.
    fn data(&self) -> File {
        let entries = std::fs::read_dir(self.folder.path().join(FOLDER)).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().path());
        let is_data = |path: &std::path::PathBuf| !path.to_str().unwrap().ends_with(".json");
        File::options().read(true).write(true).open(names.find(is_data).unwrap()).unwrap()
    }
}

fn path() -> StoragePath {
    StoragePath::parse("/f").unwrap()
}

/// As `CHUNK_SIZE`, so that a thread writes it at once.
const SOME: usize = 256 * 1024;

#[tokio::test]
async fn what_was_not_on_the_disk_when_the_machine_failed_is_not_relied_on() {
    let disk = Disk::new();
    let before_the_start = SystemTime::UNIX_EPOCH + Duration::from_secs(24 * 60 * 60);
    assert_eq!(disk.begin(LONG, SOME).await.leave().await.unwrap(), Some(SOME as u64 - 1));
    // The length of a file may be there before its bytes.
    disk.data().set_len(2 * SOME as u64).unwrap();
    assert_eq!(disk.size().await, Some(2 * SOME as u64 - 1));
    disk.data().set_modified(before_the_start).unwrap();
    assert_eq!(disk.size().await, Some(SOME as u64 - 1));
    let keeping = Keeping { owner: "ann".to_owned(), keep_for: LONG };
    let far = disk.storage.resume(&path(), &keeping, SOME as u64 + 1, CreateMode::Replace).await;
    assert_eq!(far.err().unwrap().kind(), ErrorKind::InvalidRange);
}

#[tokio::test]
async fn an_upload_under_way_is_not_swept_and_what_nobody_wants_is() {
    let disk = Disk::new();
    let upload = disk.begin(Duration::ZERO, SOME).await;
    assert_eq!(disk.storage.sweep().await.unwrap(), 0);
    upload.leave().await.unwrap();
    assert_eq!(disk.storage.sweep().await.unwrap(), 1);
    let left = std::fs::read_dir(disk.folder.path().join(FOLDER)).unwrap();
    assert_eq!(left.count(), 0, "the record is left");
}

/// Nobody has noticed that the line of the first one is lost.
#[tokio::test]
async fn two_uploads_never_write_one_file() {
    let disk = Disk::new();
    let mut dead = disk.begin(LONG, SOME).await;
    dead.write(Bytes::from_static(b"waits")).await.unwrap();
    let keeping = Keeping { owner: "ann".to_owned(), keep_for: LONG };
    while disk.size().await.is_none() {
        tokio::task::yield_now().await;
    }
    let mut alive = disk.storage.resume(&path(), &keeping, 1000, CreateMode::Replace).await.unwrap();
    alive.write(Bytes::from(vec![8; SOME])).await.unwrap();
    assert_eq!(dead.leave().await.unwrap(), None, "an older upload is kept in place of a newer one");
    assert_eq!(alive.finish().await.unwrap().size, 1000 + SOME as u64);
    let content = std::fs::read(disk.folder.path().join("f")).unwrap();
    assert!(content[..1000].iter().all(|byte| *byte == 7) && content[1000..].iter().all(|byte| *byte == 8));
    let mut dead = disk.begin(LONG, SOME).await;
    dead.write(Bytes::from_static(b"waits")).await.unwrap();
    let mut new = disk.begin(LONG, SOME).await;
    new.write(Bytes::from_static(b"more")).await.unwrap();
    assert_eq!(dead.finish().await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(new.finish().await.unwrap().size, SOME as u64 + 4);
}

/// What waited in memory when a write failed has no place in the file any more.
#[tokio::test]
async fn nothing_is_written_behind_a_write_that_failed() {
    let disk = Disk::new();
    let mut upload = disk.broken(SOME).await;
    upload.write(Bytes::from(vec![8; SOME])).await.unwrap();
    assert!(upload.write(Bytes::from(vec![9; SOME])).await.is_err());
    assert_eq!(Box::new(upload).leave().await.unwrap(), Some(SOME as u64 - 1));
    let mut upload = disk.resumed(SOME - 1).await;
    upload.write(Bytes::from_static(b"77rest")).await.unwrap();
    upload.finish().await.unwrap();
    let expected = [vec![7; SOME - 1], b"77rest".to_vec()].concat();
    assert!(disk.content() == expected, "late bytes are in the file");
}

#[tokio::test]
async fn a_newer_upload_is_not_touched_by_what_is_left_of_an_older_one() {
    let disk = Disk::new();
    let mut old = disk.broken(SOME).await;
    old.write(Bytes::from(vec![8; SOME])).await.unwrap();
    old.write(Bytes::from(vec![8; SOME])).await.unwrap_err();
    let new = disk.begin(LONG, 2 * SOME).await;
    assert_eq!(Box::new(old).leave().await.unwrap(), None);
    assert_eq!(new.finish().await.unwrap().size, 2 * SOME as u64);
    assert!(disk.content() == vec![7; 2 * SOME]);
}

#[tokio::test]
async fn what_is_under_way_is_not_listed_until_it_is_left_or_silent() {
    let disk = Disk::new();
    let upload = disk.begin(LONG, SOME).await;
    while disk.size().await.is_none() {
        tokio::task::yield_now().await;
    }
    let root = StoragePath::root();
    let shown = async || {
        let all = disk.storage.all().await.unwrap().len();
        (disk.left().await.is_some(), disk.storage.find_in(&root, "ann").await.unwrap().len(), all)
    };
    let found = disk.storage.find(&path(), "ann").await.unwrap().unwrap();
    assert!(found.under_way);
    let (now, minute) = (SystemTime::now(), Duration::from_secs(60));
    // Something comes in a minute: so no machine is too slow for this test.
    disk.data().set_modified(now + minute).unwrap();
    assert_eq!(shown().await, (false, 0, 0));
    disk.data().set_modified(now - minute).unwrap();
    assert_eq!(shown().await, (false, 1, 1));
    upload.leave().await.unwrap();
    assert_eq!(shown().await, (true, 1, 1));
    // It is under way again.
    let upload = disk.resumed(SOME - 1).await;
    disk.data().set_modified(now + minute).unwrap();
    assert_eq!(shown().await, (false, 0, 0));
    // The end of its process ends its lock.
    drop(upload);
    while disk.left().await.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(shown().await, (true, 1, 1));
}

/// However an older upload ends: the newer one keeps its name and its record.
#[tokio::test]
async fn the_end_of_an_older_upload_takes_nothing_of_a_newer_one() {
    let disk = Disk::new();
    for ends in ["finish", "abort", "leave", "drop"] {
        let old = disk.begin(LONG, SOME).await;
        let new = disk.begin(LONG, SOME).await;
        match ends {
            "finish" => assert_eq!(old.finish().await.unwrap_err().kind(), ErrorKind::Conflict),
            "abort" => old.abort().await.unwrap(),
            "leave" => assert_eq!(old.leave().await.unwrap(), None),
            _ => drop(old),
        }
        assert_eq!(new.leave().await.unwrap(), Some(SOME as u64 - 1), "{ends}");
        let mut new = disk.resumed(SOME - 1).await;
        new.write(Bytes::from_static(b"7")).await.unwrap();
        assert_eq!(new.finish().await.unwrap().size, SOME as u64, "{ends}");
        let left = std::fs::read_dir(disk.folder.path().join(FOLDER)).unwrap();
        assert_eq!(left.count(), 0, "{ends} leaves something");
    }
}

/// Between a look at a name and its move, a newer upload may take it.
#[test]
fn what_was_moved_by_mistake_is_put_back_unless_the_name_has_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = || Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
    let slot = Slot { folder: dir(), data: "name".to_owned() };
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("taken"), "newer").unwrap();
    slot.put_back("taken").unwrap();
    assert_eq!(std::fs::read(at("name")).unwrap(), b"newer");
    std::fs::rename(at("name"), at("taken")).unwrap();
    std::fs::write(at("name"), "newest").unwrap();
    slot.put_back("taken").unwrap();
    assert_eq!(std::fs::read(at("name")).unwrap(), b"newest");
    assert!(!at("taken").exists());
    // Another file is not moved at all.
    assert!(slot.take((0, 0), &path()).is_err());
    assert_eq!(std::fs::read(at("name")).unwrap(), b"newest");
}

/// A slow client sends few bytes at a time, each of which may be a slice of a large buffer.
#[tokio::test]
async fn small_chunks_do_not_keep_their_buffers() {
    let disk = Disk::new();
    let mut upload = disk.storage.create(&path(), CreateMode::Replace).await.unwrap();
    let mut buffers = Vec::new();
    for number in 0..100_u8 {
        let buffer = Bytes::from(vec![number; SOME]);
        upload.write(buffer.slice(..2)).await.unwrap();
        buffers.push(buffer);
    }
    assert!(buffers.iter().all(Bytes::is_unique), "a buffer is kept for two bytes of it");
    upload.finish().await.unwrap();
    let expected: Vec<u8> = (0..100).flat_map(|number| [number; 2]).collect();
    assert_eq!(disk.content(), expected);
}
