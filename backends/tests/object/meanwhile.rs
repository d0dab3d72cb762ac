//! What other programs and servers do to a file while this server changes it, at the moment between a look and a request, or
//! between a request and its repetition.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use wharf_backends::contract::{pattern, put};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::played::{Answer, Asked, answer};

use crate::azure_played::{Azure, Blob};
use crate::bucket::{Dialect, Server};
use crate::cloud::PlayedCloud;
use crate::google_played::{Google, Object};
use crate::servers::{path, tuning};

/// Whether it is the first request that stores something.
fn first_put() -> impl FnMut(&Asked) -> bool {
    let mut is_over = false;
    move |asked| asked.method == "PUT" && !std::mem::replace(&mut is_over, true)
}

/// A played bucket of S3. `play` answers each request in its place, and may ask it or change what it holds.
async fn s3(
    mut play: impl FnMut(&Asked, &Server, &mut dyn FnMut() -> Option<Answer>) -> Option<Answer> + Send + 'static,
) -> Arc<OnceLock<Server>> {
    let shared: Arc<OnceLock<Server>> = Arc::default();
    let others = Arc::clone(&shared);
    let server = Server::behind(Dialect::default(), move |asked, store| {
        play(asked, others.get().unwrap(), &mut || store(asked))
    });
    assert!(shared.set(server.await).is_ok());
    shared
}

#[tokio::test]
async fn two_who_append_the_same_to_a_new_file_on_azure_both_find_it() {
    let store = Azure::default();
    let mut is_first = first_put();
    let played = store.played(move |asked, store| {
        if is_first(asked) {
            store.state().put("f", Blob::of("same"));
        }
        Some(store.answer(asked))
    });
    let played = played.await;
    let storage = Azure::storage(&played, tuning());
    put(&storage, "/f", b"same", CreateMode::Append).await.unwrap();
    assert_eq!(store.state().blobs["f"].content, "samesame");
}

#[tokio::test]
async fn what_was_appended_without_an_answer_is_not_appended_again_on_azure() {
    for old in [None, Some("old ")] {
        let store = Azure::default();
        if let Some(old) = old {
            store.state().put("f", Blob::of(old));
        }
        let mut is_first = first_put();
        let (storage, _played) = store
            .start(move |asked, store| {
                let is_lost = is_first(asked);
                if is_lost {
                    let mut state = store.state();
                    let content = [&state.blobs["f"].content[..], b" theirs"].concat();
                    state.put("f", Blob { content: content.into(), ..Blob::default() });
                }
                is_lost
            })
            .await;
        let error = put(&storage, "/f", b"ours", CreateMode::Append).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{old:?}: {error}");
        let expected = format!("{}ours theirs", old.unwrap_or_default());
        assert_eq!(store.state().blobs["f"].content, expected);
    }
}

#[tokio::test]
async fn what_was_appended_without_an_answer_is_not_appended_again_on_s3() {
    for (old, both) in [(None, &b"ours theirs"[..]), (Some(&b"old "[..]), b"old ours theirs")] {
        let mut is_first = first_put();
        let server = s3(move |asked, server, store| {
            if is_first(asked) {
                let _ = store();
                server.holds("f", both);
                return None;
            }
            store()
        });
        let server = server.await;
        let server = server.get().unwrap();
        if let Some(old) = old {
            server.holds("f", old);
        }
        let error = put(&server.storage(), "/f", b"ours", CreateMode::Append).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{old:?}: {error}");
        assert_eq!(server.content("f").unwrap(), both);
    }
}

/// Another client removes the file between the request and its repetition.
#[tokio::test]
async fn what_was_appended_without_an_answer_and_removed_does_not_come_back() {
    let (mut is_first, mut is_gone) = (first_put(), false);
    let server = s3(move |asked, _, store| {
        let is_conditional = asked.header("if-match").is_some() || asked.method != "PUT";
        match () {
            () if is_first(asked) => {
                is_gone = true;
                let _ = store();
                None
            }
            () if is_gone && is_conditional => {
                Some(answer(404, &[], "<Error><Code>NoSuchKey</Code><Message>No.</Message></Error>"))
            }
            () => store(),
        }
    });
    let server = server.await;
    let server = server.get().unwrap();
    server.holds("f", b"old ");
    let error = put(&server.storage(), "/f", b"ours", CreateMode::Append).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    // Nothing was stored after it.
    assert_eq!(server.content("f").unwrap(), "old ours");
}

/// The store says that two requests met, and that the one of this server was not carried out.
#[tokio::test]
async fn an_append_that_met_another_one_is_done_again() {
    let old_and_theirs = [(Some(&b"old "[..]), &b"old theirs "[..]), (None, b"theirs "), (None, b"ours")];
    for (old, theirs) in old_and_theirs {
        let mut is_first = first_put();
        let server = s3(move |asked, server, store| {
            if is_first(asked) {
                server.holds("f", theirs);
                let body = "<Error><Code>ConditionalRequestConflict</Code><Message>No.</Message></Error>";
                return Some(answer(409, &[], body));
            }
            store()
        });
        let server = server.await;
        let server = server.get().unwrap();
        if let Some(old) = old {
            server.holds("f", old);
        }
        put(&server.storage(), "/f", b"ours", CreateMode::Append).await.unwrap();
        assert_eq!(server.content("f").unwrap(), [theirs, b"ours"].concat());
    }
}

#[tokio::test]
async fn a_directory_that_meets_a_new_file_on_azure_is_refused_as_one_that_exists() {
    let store = Azure::default();
    let mut is_first = first_put();
    let played = store.played(move |asked, store| {
        if is_first(asked) {
            store.state().put("d", Blob::of("theirs"));
        }
        Some(store.answer(asked))
    });
    let played = played.await;
    let storage = Azure::storage(&played, tuning());
    let error = storage.create_directory(&path("/d")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert_eq!(store.state().blobs["d"].content, "theirs");
}

/// No header can hold it as the signers take it, and what is large is begun with headers.
#[tokio::test]
async fn what_is_large_on_google_can_be_appended_to_whatever_its_metadata() {
    let store = Google::default();
    let old = pattern(12 << 20, 1);
    let own = [("author", "Müller"), ("plain", "x")];
    let metadata: HashMap<String, String> =
        own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    store.state().put("f", Object { content: Bytes::from(old.clone()), metadata, ..Object::default() });
    let (storage, _played) = store.start(|_, _| false).await;
    put(&storage, "/f", b"more", CreateMode::Append).await.unwrap();
    let state = store.state();
    assert!(state.objects["f"].content == [&old[..], b"more"].concat());
    assert_eq!(state.objects["f"].metadata, HashMap::from([("plain".to_owned(), "x".to_owned())]));
}
