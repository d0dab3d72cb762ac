//! Removals on a played store, by the requests that they take one after the other.

use futures_util::TryStreamExt;

use super::*;
use crate::object::ObjectStorage;
use crate::object::played::{FAR, Store};
use crate::object::settings::Tuning;
use crate::{ErrorKind, Storage};

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

/// A server that has seen nothing of so many files in a directory.
fn unseen(files: usize) -> (Store, ObjectStorage) {
    let store = Store::new(FAR);
    for number in 0..files {
        store.holds(&format!("d/{number:04}"), 5);
    }
    let storage = store.storage(Tuning::default());
    (store, storage)
}

/// Removes these files; says for how many waits for the store.
async fn remove(storage: &ObjectStorage, files: impl Iterator<Item = usize>) -> f64 {
    let begin = Instant::now();
    for number in files {
        storage.remove_file(&path(&format!("/d/{number:04}"))).await.unwrap();
    }
    begin.elapsed().as_secs_f64() / FAR.answers_after.as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn one_unseen_file_is_looked_at_and_removed() {
    let (store, storage) = unseen(3);
    assert_eq!(remove(&storage, 0..1).await.round(), 2.0);
    assert_eq!(store.take_asked(), ["HEAD d/0000", "DELETE d/0000"]);
    // Much later it is none of many.
    tokio::time::sleep(FOLLOWS).await;
    remove(&storage, 1..2).await;
    assert_eq!(store.take_asked(), ["HEAD d/0001", "DELETE d/0001"]);
}

#[tokio::test(start_paused = true)]
async fn many_unseen_files_take_one_wait_each() {
    let (store, storage) = unseen(50);
    assert_eq!(remove(&storage, 0..50).await.round(), 52.0);
    let asked = store.take_asked();
    let count = |kind| asked.iter().filter(|line| line.starts_with(kind)).count();
    assert_eq!((count("HEAD"), count("LIST"), count("DELETE")), (2, 1, 50));
    for number in 0..50 {
        assert!(!store.has(&format!("d/{number:04}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_of_several_pages_is_looked_at_as_often_as_that_helps() {
    let (store, storage) = unseen(3000);
    // In the order of listings, over half a minute and more.
    assert!(remove(&storage, 0..1500).await < 1.02 * 1500.0);
    store.take_asked();
    // In another order, the first page doesn't have them.
    assert!(remove(&storage, (2700..3000).rev()).await <= 2.0 * 300.0 + 1.0);
    assert!(store.take_asked().iter().filter(|line| line.starts_with("LIST")).count() <= 3);
}

#[tokio::test(start_paused = true)]
async fn files_of_a_listing_take_one_wait_each() {
    let (store, storage) = unseen(20);
    let _: Vec<_> = storage.list(&path("/d")).await.unwrap().try_collect().await.unwrap();
    store.take_asked();
    assert_eq!(remove(&storage, 0..20).await.round(), 20.0);
    assert_eq!(store.take_asked().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_file_stays_whatever_was_listed_beside_it() {
    let (store, storage) = unseen(10);
    // An empty object beside keys below it is some tool's marker.
    for (key, size) in [("d/0003x", 0), ("d/0003x/f", 5), ("d/made/", 0), ("d/held/f", 5)] {
        store.holds(key, size);
    }
    remove(&storage, 0..4).await;
    for (name, kind) in [
        ("/d/0003x", ErrorKind::IsADirectory),
        ("/d/made", ErrorKind::IsADirectory),
        ("/d/held", ErrorKind::IsADirectory),
        ("/d/none", ErrorKind::NotFound),
        // It was removed before the others were listed, and one after that.
        ("/d/0000", ErrorKind::NotFound),
        ("/d/0003", ErrorKind::NotFound),
    ] {
        assert_eq!(storage.remove_file(&path(name)).await.unwrap_err().kind(), kind, "{name}");
    }
    assert!(store.has("d/0003x") && store.has("d/made/") && store.has("d/held/f"));
}
