//! Law 5 for directories that another server has made: this server knows nothing of them before it asks.

use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use super::Fixture;
use super::support::{contents, directory, ok, path, pattern, put, refused, stored};
use crate::{CreateMode, ErrorKind, Storage, StoragePath};

/// More than is sent in one request.
const LARGE: usize = 9 << 20;

pub async fn no_file_takes_the_name_of_anothers_directory(fixture: Fixture) {
    // A storage that no other server can open has no directories of others.
    let Some(other) = fixture.second else { return };
    let storage = &*fixture.storage;
    directory(&*other, "/empty").await;
    directory(&*other, "/full").await;
    stored(&*other, "/full/f", b"inner").await;
    stored(storage, "/file", b"content").await;
    let large = pattern(LARGE, 1);
    for at in ["/empty", "/full"] {
        for (content, mode) in [
            (&b"x"[..], CreateMode::Replace),
            (b"", CreateMode::Replace),
            (b"x", CreateMode::New),
            (b"x", CreateMode::Append),
            (&large, CreateMode::Replace),
        ] {
            match put(storage, at, content, mode).await {
                Ok(()) => panic!("{at} became a file: {mode:?}"),
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::AlreadyExists),
                    "{at}, {mode:?}: {error}"
                ),
            }
        }
        refused(storage.rename(&path("/file"), &path(at), true).await, ErrorKind::AlreadyExists);
        assert!(ok(storage.stat(&path(at)).await).is_directory());
    }
    assert_eq!(contents(storage, "/full/f").await, b"inner");
    assert_eq!(contents(storage, "/file").await, b"content");
}

pub async fn nothing_is_stored_below_anothers_file(fixture: Fixture) {
    let Some(other) = fixture.second else { return };
    let storage = &*fixture.storage;
    stored(&*other, "/f", b"theirs").await;
    stored(storage, "/file", b"content").await;
    directory(storage, "/d").await;
    let large = pattern(LARGE, 1);
    for at in ["/f/below", "/f/deep/below"] {
        for content in [&b"x"[..], &large] {
            let below = put(storage, at, content, CreateMode::Replace).await;
            not_below(below, at);
        }
        not_below(storage.create_directory(&path(at)).await, at);
        not_below(storage.rename(&path("/file"), &path(at), true).await, at);
        not_below(storage.rename(&path("/d"), &path(at), true).await, at);
    }
    assert_eq!(contents(&*other, "/f").await, b"theirs");
    assert_eq!(contents(storage, "/file").await, b"content");
}

fn not_below(result: crate::Result<()>, at: &str) {
    match result {
        Ok(()) => panic!("{at} is below a file"),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound), "{at}: {error}");
        }
    }
}

/// Clients remove a tree like this: they list each directory, remove its entries, then the directory.
pub async fn what_is_listed_can_be_entered_and_removed(fixture: Fixture) {
    let other = fixture.second.as_deref().unwrap_or(&*fixture.storage);
    let storage = &*fixture.storage;
    let implicit = storage.capabilities().implicit_directories;
    for at in ["/tree", "/tree/marked", "/tree/empty"] {
        directory(other, at).await;
    }
    stored(other, "/tree/marked/f", b"1").await;
    for at in ["/tree/implicit", "/tree/implicit/deep", "/tree/once"] {
        if !implicit {
            directory(other, at).await;
        }
    }
    stored(other, "/tree/implicit/deep/f", b"2").await;
    // A directory whose last file is gone: the storage decides whether it still exists.
    stored(other, "/tree/once/f", b"3").await;
    ok(other.remove_file(&path("/tree/once/f")).await);
    remove_all(storage, path("/tree")).await;
    assert_eq!(super::names_in(storage, "/").await, [""; 0]);
}

fn remove_all(storage: &dyn Storage, at: StoragePath) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        ok(storage.enter(&at).await);
        assert!(ok(storage.stat(&at).await).is_directory(), "{at}");
        let entries: Vec<_> = ok(storage.list(&at).await).map(ok).collect().await;
        for entry in entries {
            let below = ok(at
                .child(&entry.name)
                .map_err(|error| crate::Error::with_source(ErrorKind::InvalidName, &at, error)));
            match entry.metadata.is_directory() {
                true => remove_all(storage, below).await,
                false => ok(storage.remove_file(&below).await),
            }
        }
        ok(storage.remove_directory(&at).await);
    })
}
