//! Law 5: directories behave as on a disk. Also law 7 for listings.

use futures_util::StreamExt;

use super::Fixture;
use super::support::{contents, directory, missing, names_in, ok, path, put, refused, stored};
use crate::{ByteRange, CreateMode, EntryKind, ErrorKind, StoragePath};

pub async fn the_root_is_an_empty_directory_at_first(fixture: Fixture) {
    let storage = &*fixture.storage;
    ok(storage.check().await);
    assert!(ok(storage.stat(&StoragePath::root()).await).is_directory());
    assert_eq!(names_in(storage, "/").await, [""; 0]);
}

pub async fn directories_are_made_listed_and_removed(fixture: Fixture) {
    let storage = &*fixture.storage;
    for at in ["/d", "/d/e", "/d/e/f"] {
        directory(storage, at).await;
        assert!(ok(storage.stat(&path(at)).await).is_directory(), "{at}");
        assert_eq!(names_in(storage, at).await, [""; 0]);
    }
    stored(storage, "/d/file", b"12345").await;
    let mut entries: Vec<_> = ok(storage.list(&path("/d")).await).map(ok).collect().await;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let listed: Vec<_> =
        entries.iter().map(|e| (e.name.as_str(), e.metadata.kind, e.metadata.size)).collect();
    assert_eq!(listed, [("e", EntryKind::Directory, 0), ("file", EntryKind::File, 5)]);
    assert!(entries[1].metadata.modified.is_some());
    ok(storage.remove_file(&path("/d/file")).await);
    for at in ["/d/e/f", "/d/e", "/d"] {
        ok(storage.remove_directory(&path(at)).await);
        missing(storage, at).await;
    }
    assert_eq!(names_in(storage, "/").await, [""; 0]);
}

pub async fn every_file_below_is_told_of_once(fixture: Fixture) {
    let storage = &*fixture.storage;
    for at in ["/d", "/d/e", "/d/empty", "/de"] {
        directory(storage, at).await;
    }
    for (at, content) in
        [("/top", "1"), ("/d/f", "22"), ("/d/e/g", "333"), ("/d/e/none", ""), ("/de/h", "4444")]
    {
        stored(storage, at, content.as_bytes()).await;
    }
    let below = async |at: &str| {
        let mut files = Vec::new();
        ok(storage.files_below(&path(at), &mut |path, size| files.push(format!("{path} {size}"))).await);
        files.sort();
        files
    };
    assert_eq!(below("/").await, ["/d/e/g 3", "/d/e/none 0", "/d/f 2", "/de/h 4", "/top 1"]);
    assert_eq!(below("/d").await, ["/d/e/g 3", "/d/e/none 0", "/d/f 2"]);
    refused(storage.files_below(&path("/missing"), &mut |_, _| ()).await, ErrorKind::NotFound);
}

pub async fn what_exists_is_not_made_again(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/d").await;
    stored(storage, "/d/f", b"content").await;
    refused(storage.create_directory(&path("/d")).await, ErrorKind::AlreadyExists);
    refused(storage.create_directory(&path("/d/f")).await, ErrorKind::AlreadyExists);
    assert_eq!(contents(storage, "/d/f").await, b"content");
}

pub async fn a_full_directory_is_not_removed(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/d").await;
    directory(storage, "/d/e").await;
    refused(storage.remove_directory(&path("/d")).await, ErrorKind::NotEmpty);
    stored(storage, "/d/e/f", b"content").await;
    refused(storage.remove_directory(&path("/d")).await, ErrorKind::NotEmpty);
    refused(storage.remove_directory(&path("/d/e")).await, ErrorKind::NotEmpty);
    assert_eq!(contents(storage, "/d/e/f").await, b"content");
}

pub async fn an_empty_directory_stays_when_its_last_file_goes(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/d").await;
    stored(storage, "/d/f", b"content").await;
    ok(storage.remove_file(&path("/d/f")).await);
    assert_eq!(names_in(storage, "/d").await, [""; 0]);
    assert_eq!(names_in(storage, "/").await, ["d"]);
}

pub async fn missing_things_are_not_found(fixture: Fixture) {
    let storage = &*fixture.storage;
    let none = path("/none");
    refused(storage.stat(&none).await, ErrorKind::NotFound);
    refused(storage.list(&none).await.map(drop), ErrorKind::NotFound);
    refused(storage.open(&none, ByteRange::ALL).await, ErrorKind::NotFound);
    refused(storage.remove_file(&none).await, ErrorKind::NotFound);
    refused(storage.remove_directory(&none).await, ErrorKind::NotFound);
    refused(storage.rename(&none, &path("/other"), true).await, ErrorKind::NotFound);
    refused(storage.stat(&path("/none/below")).await, ErrorKind::NotFound);
    refused(storage.list(&path("/none/below")).await.map(drop), ErrorKind::NotFound);
    refused(storage.remove_file(&path("/none/below")).await, ErrorKind::NotFound);
    // A name that starts like an existing one is another name.
    directory(storage, "/dir").await;
    stored(storage, "/dir/file", b"content").await;
    missing(storage, "/di").await;
    missing(storage, "/dir/fil").await;
    missing(storage, "/dir/filee").await;
    refused(storage.list(&path("/di")).await.map(drop), ErrorKind::NotFound);
}

pub async fn files_are_not_directories(fixture: Fixture) {
    let storage = &*fixture.storage;
    stored(storage, "/f", b"content").await;
    refused(storage.list(&path("/f")).await.map(drop), ErrorKind::NotADirectory);
    refused(storage.remove_directory(&path("/f")).await, ErrorKind::NotADirectory);
    let below = storage.create(&path("/f/below"), CreateMode::Replace).await;
    refused(below.map(drop), ErrorKind::NotADirectory);
    refused(storage.create_directory(&path("/f/below")).await, ErrorKind::NotADirectory);
    for result in [
        storage.stat(&path("/f/below")).await.map(drop),
        storage.open(&path("/f/below"), ByteRange::ALL).await.map(drop),
        storage.remove_file(&path("/f/below")).await,
    ] {
        match result {
            Ok(()) => panic!("something is below a file"),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound), "{error}")
            }
        }
    }
    assert_eq!(contents(storage, "/f").await, b"content");
}

pub async fn directories_are_not_files(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/empty").await;
    directory(storage, "/full").await;
    stored(storage, "/full/f", b"content").await;
    for at in ["/empty", "/full"] {
        refused(storage.open(&path(at), ByteRange::ALL).await, ErrorKind::IsADirectory);
        refused(storage.remove_file(&path(at)).await, ErrorKind::IsADirectory);
        for mode in [CreateMode::Replace, CreateMode::New, CreateMode::Append, CreateMode::Resume(1)] {
            match put(storage, at, b"x", mode).await {
                Ok(()) => panic!("{at} became a file"),
                Err(error) => assert!(
                    error.kind() == ErrorKind::IsADirectory
                        || (mode == CreateMode::New && error.kind() == ErrorKind::AlreadyExists),
                    "{mode:?}: {error}"
                ),
            }
        }
        assert!(ok(storage.stat(&path(at)).await).is_directory());
    }
    assert_eq!(contents(storage, "/full/f").await, b"content");
}

pub async fn missing_parents_are_refused_or_made(fixture: Fixture) {
    let storage = &*fixture.storage;
    let stored_below = put(storage, "/a/b/f", b"content", CreateMode::New).await;
    if storage.capabilities().implicit_directories {
        ok(stored_below);
        assert_eq!(contents(storage, "/a/b/f").await, b"content");
        assert_eq!(names_in(storage, "/").await, ["a"]);
        assert_eq!(names_in(storage, "/a").await, ["b"]);
        assert!(ok(storage.stat(&path("/a")).await).is_directory());
        refused(storage.create_directory(&path("/a/b")).await, ErrorKind::AlreadyExists);
        refused(storage.remove_directory(&path("/a")).await, ErrorKind::NotEmpty);
    } else {
        refused(stored_below, ErrorKind::NotFound);
        refused(storage.create_directory(&path("/a/b")).await, ErrorKind::NotFound);
        missing(storage, "/a").await;
    }
}

pub async fn a_long_listing_is_complete(fixture: Fixture) {
    let storage = &*fixture.storage;
    // More than two pages of a store whose pages have a thousand entries.
    let names: Vec<String> = (0..2100).map(|n| format!("entry-{n:05}")).collect();
    for some in names.chunks(32) {
        let creations = some
            .iter()
            .map(|name| async move { put(storage, &format!("/{name}"), b"", CreateMode::New).await });
        for result in futures_util::future::join_all(creations).await {
            ok(result);
        }
    }
    assert_eq!(names_in(storage, "/").await, names);
    // A listing that is dropped halfway leaves nothing behind that disturbs others.
    let mut half = ok(storage.list(&StoragePath::root()).await);
    assert!(half.next().await.is_some());
    drop(half);
    assert_eq!(names_in(storage, "/").await.len(), names.len());
}
