//! Renames, appends and resumes on stores that can't copy inside themselves, or not under conditions.

use std::time::{Duration, SystemTime};

use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::object::ObjectStorage;
use wharf_backends::{CreateMode, ErrorKind, Storage};

use crate::bucket::{COPIES, Copies, Dialect, Server, bucket};
use crate::servers::path;

/// Sizes of one request and of several.
const SIZES: [usize; 3] = [0, 100, 12 << 20];

async fn stores(copies: Copies) -> Vec<(ObjectStorage, Server)> {
    vec![
        bucket(Dialect { copies, ..Dialect::default() }).await,
        bucket(Dialect { copies, copies_parts: copies, ..Dialect::default() }).await,
    ]
}

#[tokio::test]
async fn a_file_gets_another_name() {
    for copies in COPIES {
        for (storage, _server) in stores(copies).await {
            for size in SIZES {
                for target in ["/new", "/there"] {
                    put(&storage, "/there", b"old", CreateMode::Replace).await.unwrap();
                    put(&storage, "/f", &pattern(size, 1), CreateMode::Replace).await.unwrap();
                    // As one who has seen it, and as one who has not.
                    if size > 0 {
                        storage.stat(&path("/f")).await.unwrap();
                    }
                    storage.rename(&path("/f"), &path(target), true).await.unwrap();
                    assert!(contents(&storage, target).await == pattern(size, 1), "{copies:?}: {size}");
                    let error = storage.stat(&path("/f")).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{copies:?}: {size}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_file_keeps_its_time_under_another_name() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for copies in [Copies::Known, Copies::NotImplemented] {
        for size in [100, 12 << 20] {
            // The time is set where copies are known, and the bucket then loses them.
            let known = Dialect::default();
            let (storage, server) = bucket(known).await;
            put(&storage, "/f", &pattern(size, 1), CreateMode::Replace).await.unwrap();
            storage.set_modified(&path("/f"), time).await.unwrap();
            server.becomes(Dialect { copies, ..known });
            storage.rename(&path("/f"), &path("/g"), true).await.unwrap();
            assert_eq!(storage.stat(&path("/g")).await.unwrap().modified, Some(time), "{copies:?}: {size}");
        }
    }
}

#[tokio::test]
async fn a_directory_gets_another_name() {
    for copies in COPIES {
        for (storage, _server) in stores(copies).await {
            storage.create_directory(&path("/d")).await.unwrap();
            storage.create_directory(&path("/d/empty")).await.unwrap();
            for size in SIZES {
                put(&storage, &format!("/d/{size}"), &pattern(size, 1), CreateMode::Replace).await.unwrap();
            }
            storage.rename(&path("/d"), &path("/e"), true).await.unwrap();
            for size in SIZES {
                assert!(
                    contents(&storage, &format!("/e/{size}")).await == pattern(size, 1),
                    "{copies:?}: {size}"
                );
            }
            assert_eq!(names_in(&storage, "/").await, ["e"], "{copies:?}");
        }
    }
}

/// An empty object beside a directory is a marker of another tool, and nothing that a file may be replaced by.
#[tokio::test]
async fn a_marker_is_not_taken_for_a_file() {
    for copies in COPIES {
        let (storage, server) = bucket(Dialect { copies, ..Dialect::default() }).await;
        put(&storage, "/there", b"old", CreateMode::Replace).await.unwrap();
        put(&storage, "/d/file", b"content", CreateMode::Replace).await.unwrap();
        server.holds("d", b"");
        let error = server.storage().rename(&path("/d"), &path("/there"), true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{copies:?}: {error}");
        assert_eq!(contents(&storage, "/there").await, b"old", "{copies:?}");
        server.storage().rename(&path("/d"), &path("/e"), true).await.unwrap();
        assert_eq!(names_in(&server.storage(), "/").await, ["e", "there"], "{copies:?}");
        assert_eq!(contents(&storage, "/e/file").await, b"content", "{copies:?}");
    }
}

#[tokio::test]
async fn appends_and_resumes_need_no_copies() {
    for copies_parts in COPIES {
        for size in [7 << 20, 12 << 20] {
            let (storage, server) = bucket(Dialect { copies_parts, ..Dialect::default() }).await;
            let mut expected = pattern(size, 1);
            put(&storage, "/f", &expected, CreateMode::Replace).await.unwrap();
            for more in [10, 12 << 20] {
                put(&storage, "/f", &pattern(more, 2), CreateMode::Append).await.unwrap();
                expected.extend(pattern(more, 2));
                assert!(contents(&storage, "/f").await == expected, "{copies_parts:?}: {size}, {more}");
            }
            // Another one that has learned nothing.
            let storage = server.storage();
            expected.truncate(expected.len() - 5);
            let kept = expected.len() as u64;
            put(&storage, "/f", b"the end", CreateMode::Resume(kept)).await.unwrap();
            expected.extend(b"the end");
            assert!(contents(&storage, "/f").await == expected, "{copies_parts:?}: {size}");
        }
    }
}

#[tokio::test]
async fn what_a_store_can_not_copy_is_asked_once() {
    let (storage, server) = bucket(Dialect { copies: Copies::NotImplemented, ..Dialect::default() }).await;
    for name in ["/a", "/b"] {
        put(&storage, name, b"content", CreateMode::Replace).await.unwrap();
    }
    let puts = || server.asked().iter().filter(|line| line.starts_with("PUT")).count();
    let before = puts();
    storage.rename(&path("/a"), &path("/c"), true).await.unwrap();
    // With its condition and without, and then what was read.
    assert_eq!(puts() - before, 3, "{:?}", server.asked());
    storage.rename(&path("/b"), &path("/d"), true).await.unwrap();
    assert_eq!(puts() - before, 4, "{:?}", server.asked());
}
