//! What Azure does and its emulator doesn't: copies that go on behind their answer, snapshots, a hierarchical namespace.

use bytes::Bytes;
use wharf_backends::contract::{contents, names_in};
use wharf_backends::{ErrorKind, Storage};
use wharf_testing::played::Played;

use crate::azure_played::{Azure, Blob, Copy};
use crate::cloud::PlayedCloud;
use crate::servers::path;

/// A file whose copy goes on behind the answer.
async fn later(target: Option<Blob>) -> (Azure, wharf_backends::object::ObjectStorage, Played) {
    let store = Azure::default();
    store.state().copies_later = true;
    store.state().put("f", Blob::of("content"));
    if let Some(target) = target {
        store.state().put("g", target);
    }
    let (storage, played) = store.start(|_, _| false).await;
    (store, storage, played)
}

/// Changes what a copy has made so far, as soon as the store was asked how far it is.
async fn meanwhile(store: &Azure, played: &Played, change: impl FnOnce(&mut Blob)) {
    while store.state().blobs.get("g").is_none_or(|blob| blob.copy.is_none())
        || !played.asked().iter().any(|line| line.starts_with("HEAD /account/files/g"))
    {
        tokio::task::yield_now().await;
    }
    let mut state = store.state();
    let mut blob = state.blobs["g"].clone();
    change(&mut blob);
    state.put("g", blob);
}

fn set_status(blob: &mut Blob, status: &'static str) {
    blob.copy.as_mut().unwrap().status = status;
}

#[tokio::test]
async fn a_copy_is_waited_for() {
    let (store, storage, played) = later(None).await;
    let complete = meanwhile(&store, &played, |blob| {
        blob.content = Bytes::from_static(b"content");
        set_status(blob, "success");
    });
    let (from, to) = (path("/f"), path("/g"));
    let (renamed, ()) = tokio::join!(storage.rename(&from, &to, true), complete);
    renamed.unwrap();
    assert_eq!(store.keys(), ["g"]);
    assert!(!played.asked().iter().any(|line| line.contains("comp=copy")));
}

#[tokio::test]
async fn the_copy_of_somebody_else_is_not_taken_for_ours() {
    for status in ["success", "pending"] {
        let (store, storage, played) = later(None).await;
        let theirs = meanwhile(&store, &played, |blob| {
            let source = blob.copy.as_ref().unwrap().source.clone();
            blob.content = Bytes::from_static(b"another");
            blob.copy = Some(Copy { id: "theirs".to_owned(), status, source });
        });
        let (from, to) = (path("/f"), path("/g"));
        let (renamed, ()) = tokio::join!(storage.rename(&from, &to, true), theirs);
        let error = renamed.unwrap_err();
        assert!(error.to_string().contains("replaced"), "{error}");
        assert_eq!(store.keys(), ["f", "g"]);
        assert_eq!(store.state().blobs["g"].content, "another", "and it is left alone");
        assert_eq!(store.state().blobs["g"].copy.as_ref().unwrap().status, status);
    }
}

#[tokio::test]
async fn a_copy_that_failed_leaves_nothing() {
    let (store, storage, played) = later(None).await;
    let failed = meanwhile(&store, &played, |blob| set_status(blob, "failed"));
    let (from, to) = (path("/f"), path("/g"));
    let (renamed, ()) = tokio::join!(storage.rename(&from, &to, true), failed);
    assert!(renamed.unwrap_err().to_string().contains("did not copy"));
    assert_eq!(store.keys(), ["f"]);
}

#[tokio::test]
async fn a_copy_that_nobody_waits_for_is_called_off() {
    let (store, storage, played) = later(None).await;
    let renaming = tokio::spawn(async move { storage.rename(&path("/f"), &path("/g"), true).await });
    meanwhile(&store, &played, |_| {}).await;
    renaming.abort();
    played.is_asked("comp=copy&copyid=copy-").await;
    let gone = async {
        while store.keys() != ["f"] {
            tokio::task::yield_now().await;
        }
    };
    gone.await;
}

#[tokio::test]
async fn what_has_snapshots_stays() {
    let store = Azure::default();
    store.state().put("f", Blob { has_snapshots: true, ..Blob::of("content") });
    let (storage, _played) = store.start(|_, _| false).await;
    let error = storage.remove_file(&path("/f")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("it has snapshots"), "{error}");
    let error = storage.rename(&path("/f"), &path("/g"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("it has snapshots") && error.to_string().contains("/g"), "{error}");
    assert_eq!(store.keys(), ["f", "g"]);
}

#[tokio::test]
async fn a_rename_goes_on_whose_files_have_no_digest() {
    for (status, is_old_copy) in [("success", false), ("success", true), ("failed", false)] {
        let store = Azure::default();
        let source = Blob { lacks_digest: true, ..Blob::of("in parts") };
        store.state().put("x/large", source);
        for key in ["x/1", "x/2", "y/1"] {
            store.state().put(key, Blob::of("content"));
        }
        let (storage, played) = store.start(|_, _| false).await;
        // What a rename leaves that was broken off while it removed.
        let source = format!("{}/account/files/x/large", played.url);
        let copy = Some(Copy { id: "ours".to_owned(), status, source });
        store.state().put("y/large", Blob { copy, is_old_copy, lacks_digest: true, ..Blob::of("in parts") });
        let renamed = storage.rename(&path("/x"), &path("/y"), false).await;
        match (status, is_old_copy) {
            ("success", false) => {
                renamed.unwrap();
                assert_eq!(store.keys(), ["y/1", "y/2", "y/large"]);
            }
            // It says nothing of what is in the source.
            _ => {
                assert_eq!(renamed.unwrap_err().kind(), ErrorKind::AlreadyExists);
                assert_eq!(store.keys(), ["x/1", "x/2", "x/large", "y/1", "y/large"]);
            }
        }
    }
}

#[tokio::test]
async fn what_comes_while_a_hierarchical_directory_is_removed_stays() {
    let store = Azure::default();
    {
        let mut state = store.state();
        state.is_hierarchical = true;
        for key in ["x/s/f", "x/g"] {
            state.put(key, Blob::of("content"));
        }
    }
    let mut is_over = false;
    let (storage, _played) = store
        .start(move |asked, store| {
            if asked.method == "DELETE" && !std::mem::replace(&mut is_over, true) {
                store.state().put("x/s/new", Blob::of("new"));
            }
            false
        })
        .await;
    let error = storage.rename(&path("/x"), &path("/y"), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.advice().is_some_and(|advice| advice.contains("were left here")), "{error:?}");
    assert_eq!(store.keys(), ["x", "x/s", "x/s/new", "y", "y/g", "y/s", "y/s/f"]);
}

#[tokio::test]
async fn a_directory_of_a_hierarchical_account_is_renamed_to_the_end() {
    for lists_folders in [false, true] {
        let store = Azure::default();
        {
            let mut state = store.state();
            (state.is_hierarchical, state.lists_folders) = (true, lists_folders);
            for key in ["x/s/deep/f", "x/s/g", "x/s-1", "x/s.txt", "x/t/h", "x/a", "x/z"] {
                state.put(key, Blob::of("content"));
            }
            for key in ["x/empty", "x/s/empty"] {
                state.put(key, Blob::folder());
            }
        }
        let (storage, _played) = store.start(|_, _| false).await;
        storage.rename(&path("/x"), &path("/y"), false).await.unwrap();
        let expected = [
            "y",
            "y/a",
            "y/empty",
            "y/s",
            "y/s-1",
            "y/s.txt",
            "y/s/deep",
            "y/s/deep/f",
            "y/s/empty",
            "y/s/g",
            "y/t",
            "y/t/h",
            "y/z",
        ];
        assert_eq!(store.keys(), expected);
        assert_eq!(names_in(&storage, "/y").await, ["a", "empty", "s", "s-1", "s.txt", "t", "z"]);
        assert_eq!(contents(&storage, "/y/s/deep/f").await, b"content");
        assert_eq!(storage.remove_directory(&path("/y/s")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
        storage.remove_directory(&path("/y/s/empty")).await.unwrap();
    }
}
