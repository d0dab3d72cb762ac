use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use bytes::Bytes;

use rustix::fs::Mode;

use super::*;
use crate::contract::{contents, pattern, put};
use crate::local::reserved::RECORD_PREFIX;
use crate::local::{LocalOptions, LocalStorage};
use crate::{ByteRange, CreateMode, Storage};

fn open_in(root: &Path) -> LocalStorage {
    LocalStorage::open(root, LocalOptions::default()).unwrap()
}

fn unsynced(root: &Path) -> LocalStorage {
    LocalStorage::open(root, LocalOptions { sync: false, ..LocalOptions::default() }).unwrap()
}

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

fn hidden(root: &Path) -> usize {
    fs::read_dir(root.join(".wharf-uploads")).map_or(0, Iterator::count)
}

/// What is left of an append that was cut off: the record, without its owner, and a part of the tail.
fn cut_off(root: &Path, name: &str, part: &[u8], length: u64) -> Record {
    let file = root.join(name);
    let old = fs::metadata(&file).unwrap().len();
    let opened = File::open(&file).unwrap();
    let record = Record::of(&opened, old, old + length, &path(&format!("/{name}"))).unwrap();
    leave(root, &record, &record.to_text());
    File::options().append(true).open(&file).unwrap().write_all(part).unwrap();
    record
}

fn leave(root: &Path, record: &Record, text: &str) {
    fs::create_dir_all(root.join(".wharf-uploads")).unwrap();
    let device = fs::metadata(root).unwrap().dev();
    let name = format!(".wharf-uploads/{RECORD_PREFIX}{device:x}-{:x}", record.inode);
    fs::write(root.join(name), text).unwrap();
}

#[tokio::test]
async fn what_was_cut_off_is_undone_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    for part in [&b""[..], b"ha", b"half"] {
        fs::write(root.path().join("f"), "old").unwrap();
        cut_off(root.path(), "f", part, 4);
        let storage = open_in(root.path());
        assert_eq!(contents(&storage, "/f").await, b"old");
        assert_eq!(hidden(root.path()), 0);
    }
}

#[tokio::test]
async fn what_was_cut_off_is_undone_before_the_next_append() {
    let root = tempfile::tempdir().unwrap();
    for storage in [open_in(root.path()), unsynced(root.path())] {
        fs::write(root.path().join("f"), "old").unwrap();
        cut_off(root.path(), "f", b"ha", 4);
        put(&storage, "/f", b" new", CreateMode::Append).await.unwrap();
        assert_eq!(contents(&storage, "/f").await, b"old new");
        assert_eq!(hidden(root.path()), 0);
    }
}

#[tokio::test]
async fn what_is_another_file_by_now_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("f");
    // Another file of that name, and one that has grown beyond what the append was to make of it.
    for replaced in [true, false] {
        fs::write(&file, "old").unwrap();
        cut_off(root.path(), "f", b"ha", 4);
        let (becomes, other) =
            if replaced { ("old new", root.path().join("g")) } else { ("old and on", file.clone()) };
        fs::write(&other, becomes).unwrap();
        fs::rename(&other, &file).unwrap();
        let storage = open_in(root.path());
        assert_eq!(contents(&storage, "/f").await, becomes.as_bytes());
        assert_eq!(hidden(root.path()), 0);
        fs::remove_file(&file).unwrap();
    }
}

#[tokio::test]
async fn a_record_that_was_cut_off_itself_says_nothing() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("f"), "old").unwrap();
    let record = cut_off(root.path(), "f", b"", 4);
    fs::write(root.path().join("f"), "oldest").unwrap();
    let text = record.to_text();
    for length in 0..text.len() {
        assert_eq!(Record::parse(&text[..length]), None);
    }
    leave(root.path(), &record, &text[..text.len() / 2]);
    let storage = open_in(root.path());
    assert_eq!(contents(&storage, "/f").await, b"oldest");
    assert_eq!(hidden(root.path()), 0);
}

#[test]
fn records_come_back_as_they_were() {
    for made in [None, Some((1_700_000_000, 999_999_999)), Some((-5, 0))] {
        let record = Record { inode: 7, made, old: 1, new: u64::MAX, path: "/a b/é".to_owned() };
        assert_eq!(Record::parse(&record.to_text()), Some(record));
    }
    for text in ["", "\nend\n", "append 1\n1 2 3 4\n/f\nend\n", "append 2\n1 2 3 4 5\n/f\nend\n"] {
        assert_eq!(Record::parse(text), None, "{text:?}");
    }
}

#[tokio::test]
async fn a_living_append_is_not_undone() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("f"), "old").unwrap();
    let record = cut_off(root.path(), "f", b"ha", 4);
    let folder =
        Dir::open_ambient_dir(root.path().join(".wharf-uploads"), cap_std::ambient_authority()).unwrap();
    let device = fs::metadata(root.path()).unwrap().dev();
    let name = format!("{RECORD_PREFIX}{device:x}-{:x}", record.inode);
    let owner = Owner::take(&folder, name, Duration::ZERO).unwrap().unwrap();
    let storage = open_in(root.path());
    assert_eq!(contents(&storage, "/f").await, b"oldha");
    owner.remove();
}

/// The same file, so that hard links, owners, modes and whatever else a file has stay.
#[tokio::test]
async fn the_file_stays_the_same_one() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_in(root.path());
    let file = root.path().join("f");
    fs::write(&file, "old").unwrap();
    fs::hard_link(&file, root.path().join("other")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(&file).unwrap();
    put(&storage, "/f", b" new", CreateMode::Append).await.unwrap();
    put(&storage, "/f", b" tail", CreateMode::Resume(7)).await.unwrap();
    let after = fs::metadata(&file).unwrap();
    assert_eq!((after.ino(), after.mode(), after.nlink()), (before.ino(), before.mode(), 2));
    assert_eq!(contents(&storage, "/other").await, b"old new tail");
}

#[tokio::test]
async fn through_a_link_the_file_grows_that_it_leads_to() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_in(root.path());
    fs::create_dir(root.path().join("d")).unwrap();
    fs::write(root.path().join("d/f"), "old").unwrap();
    symlink("d/f", root.path().join("link")).unwrap();
    put(&storage, "/link", b" new", CreateMode::Append).await.unwrap();
    assert_eq!(fs::read(root.path().join("d/f")).unwrap(), b"old new");
    assert!(fs::symlink_metadata(root.path().join("link")).unwrap().is_symlink());
    // Not through one that leads out.
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("f"), "old").unwrap();
    symlink(outside.path().join("f"), root.path().join("out")).unwrap();
    let refused = storage.create(&path("/out"), CreateMode::Append).await.map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert_eq!(fs::read(outside.path().join("f")).unwrap(), b"old");
}

#[tokio::test]
async fn who_reads_already_does_not_see_the_tail() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_in(root.path());
    let old = pattern(1_000_000, 1);
    put(&storage, "/f", &old, CreateMode::New).await.unwrap();
    let body = storage.open(&path("/f"), ByteRange::ALL).await.unwrap();
    put(&storage, "/f", &pattern(1000, 2), CreateMode::Append).await.unwrap();
    let mut stream = body.into_stream();
    let mut read = Vec::new();
    while let Some(chunk) = futures_util::StreamExt::next(&mut stream).await {
        read.extend_from_slice(&chunk.unwrap());
    }
    assert!(read == old);
}

/// What another program adds while an append is under way is not written over.
#[tokio::test]
async fn programs_beside_the_server_lose_nothing() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_in(root.path());
    fs::write(root.path().join("f"), "old").unwrap();
    let mut upload = storage.create(&path("/f"), CreateMode::Append).await.unwrap();
    upload.write(Bytes::from_static(b" tail")).await.unwrap();
    File::options().append(true).open(root.path().join("f")).unwrap().write_all(b" theirs").unwrap();
    upload.finish().await.unwrap();
    assert_eq!(contents(&storage, "/f").await, b"old theirs tail");
}

#[tokio::test]
async fn what_is_no_file_is_refused_before_anything_comes() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_in(root.path());
    let mode = Mode::from_raw_mode(0o644);
    rustix::fs::mknodat(rustix::fs::CWD, root.path().join("pipe"), rustix::fs::FileType::Fifo, mode, 0)
        .unwrap();
    let refused = storage.create(&path("/pipe"), CreateMode::Append).await.map(drop);
    assert!(refused.is_err());
}

/// Those that end at the end of a page, that go beyond it, and that are none.
#[tokio::test]
async fn short_tails_around_the_end_of_a_page() {
    let root = tempfile::tempdir().unwrap();
    let storage = unsynced(root.path());
    for old in [0, 1, 4086, 4090, 4095, 4096] {
        for added in [0, 1, 6, 10, 5000] {
            let (old, tail) = (pattern(old, 1), pattern(added, 2));
            fs::write(root.path().join("f"), &old).unwrap();
            put(&storage, "/f", &tail, CreateMode::Append).await.unwrap();
            let whole = [old, tail].concat();
            assert_eq!(storage.stat(&path("/f")).await.unwrap().size, whole.len() as u64);
            assert_eq!(contents(&storage, "/f").await, whole);
        }
    }
    assert_eq!(hidden(root.path()), 0);
}

/// Whoever else has locked the file is respected as far as that can last.
#[tokio::test]
async fn a_short_tail_is_put_behind_a_file_that_somebody_has_locked() {
    let root = tempfile::tempdir().unwrap();
    let storage = unsynced(root.path());
    fs::write(root.path().join("f"), "old").unwrap();
    let theirs = File::open(root.path().join("f")).unwrap();
    flock(&theirs, FlockOperation::LockExclusive).unwrap();
    put(&storage, "/f", b" new", CreateMode::Append).await.unwrap();
    assert_eq!(contents(&storage, "/f").await, b"old new");
}

/// The file goes while the tail waits for its turn: what was sent becomes a new one.
#[tokio::test]
async fn a_short_tail_becomes_a_file_where_there_is_none_any_more() {
    let root = tempfile::tempdir().unwrap();
    for storage in [open_in(root.path()), unsynced(root.path())] {
        fs::write(root.path().join("f"), "old").unwrap();
        let mut upload = storage.create(&path("/f"), CreateMode::Append).await.unwrap();
        upload.write(Bytes::from_static(b"new")).await.unwrap();
        fs::remove_file(root.path().join("f")).unwrap();
        upload.finish().await.unwrap();
        assert_eq!(contents(&storage, "/f").await, b"new");
        assert_eq!(hidden(root.path()), 0);
    }
}
