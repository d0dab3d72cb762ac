use std::fs::File;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

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
