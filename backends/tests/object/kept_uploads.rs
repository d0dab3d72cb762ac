//! Uploads that are kept for their owners, where something goes wrong: servers that are killed, answers that are lost, and documents that
//! others have put there.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use wharf_backends::contract::{contents, pattern};
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{CreateMode, ErrorKind, Keeping, Partials, Storage, StoragePath, Upload};
use wharf_testing::played::{Asked, answer};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, When};

use crate::azure_played::Azure;
use crate::bucket::{Behind, Dialect, Server, bucket};
use crate::cloud::PlayedCloud;
use crate::servers::{fresh_prefix, path, s3, s3_through, tuning, variable};

/// The size of a part, with the bytes that mark it.
pub(crate) const PART: usize = (5 << 20) + 22_513;
const DOCUMENTS: &str = ".wharf-partial/";

fn keeping() -> Keeping {
    Keeping { owner: "ann".to_owned(), keep_for: Duration::from_secs(3600) }
}

pub(crate) async fn begun(storage: &ObjectStorage, content: &[u8]) -> Box<dyn Upload> {
    let mut upload = storage.begin(&path("/f"), &keeping(), CreateMode::Replace).await.unwrap();
    write(&mut *upload, content).await;
    upload
}

pub(crate) async fn resume(storage: &ObjectStorage, from: usize) -> wharf_backends::Result<Box<dyn Upload>> {
    let partials: &dyn Partials = storage;
    partials.resume(&path("/f"), &keeping(), from as u64, CreateMode::Replace).await
}

async fn resumed(storage: &ObjectStorage, from: usize, content: &[u8]) -> Box<dyn Upload> {
    let mut upload = resume(storage, from).await.unwrap();
    write(&mut *upload, content).await;
    upload
}

async fn write(upload: &mut dyn Upload, content: &[u8]) {
    for chunk in content.chunks(100_000) {
        upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
}

async fn size(storage: &ObjectStorage) -> Option<usize> {
    let found = storage.find(&path("/f"), "ann").await.unwrap();
    found.map(|partial| usize::try_from(partial.size).unwrap())
}

pub(crate) fn document(server: &Server) -> String {
    let mut keys = server.keys(DOCUMENTS).into_iter().filter(|key| !key.contains(".tail-"));
    keys.next().unwrap_or_else(|| panic!("there is no document"))
}

pub(crate) fn aborts(server: &Server) -> usize {
    let is_abort = |line: &&String| line.starts_with("DELETE ") && line.contains("uploadId");
    server.asked().iter().filter(is_abort).count()
}

/// A store with a door before some requests: while it is closed, they are answered with 503.
fn door(
    is_behind: impl Fn(&Asked) -> bool + Send + 'static,
) -> (Arc<AtomicBool>, impl Fn(&Asked) -> bool + Send) {
    let is_open = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&is_open);
    (is_open, move |asked: &Asked| is_behind(asked) && !open.load(Ordering::Relaxed))
}

fn busy() -> wharf_testing::played::Answer {
    answer(503, &[], "<Error><Code>SlowDown</Code><Message>later</Message></Error>")
}

/// As long as the door may be closed.
fn patient() -> Tuning {
    Tuning { retries: 100, retry_timeout: Duration::from_secs(600), ..tuning() }
}

async fn looks_from_all_sides(storage: &ObjectStorage) {
    assert_eq!(size(storage).await, None);
    assert_eq!(storage.find_left(&path("/f"), "ann").await.unwrap(), None);
    assert_eq!(storage.find_in(&StoragePath::root(), "ann").await.unwrap(), []);
    assert_eq!(storage.all().await.unwrap(), []);
    storage.sweep().await.unwrap();
}

/// The store has heard of the upload, and has none of its parts yet.
#[tokio::test]
async fn a_look_removes_nothing_of_an_upload_that_begins() {
    let content = pattern(2 * PART + 10, 1);
    let is_part = |asked: &Asked| asked.method == "PUT" && asked.query("partNumber").is_some();
    let (open, is_kept_back) = door(is_part);
    let server =
        Server::behind(
            Dialect::default(),
            move |asked: &Asked, store: Behind<'_>| {
                if is_kept_back(asked) { Some(busy()) } else { store(asked) }
            },
        );
    let server = server.await;
    let mut settings = server.settings();
    settings.tuning = Tuning { part_size: 5 << 20, ..patient() };
    let upload = begun(&ObjectStorage::s3(settings).unwrap(), &content).await;
    looks_from_all_sides(&server.storage()).await;
    open.store(true, Ordering::Relaxed);
    upload.finish().await.unwrap();
    assert!(server.content("f").unwrap() == content);

    let azure = Azure::default();
    let (open, is_kept_back) = door(|asked: &Asked| asked.query("comp") == Some("block"));
    let played = azure.played(move |asked, cloud| match is_kept_back(asked) {
        true => Some(busy()),
        false => Some(cloud.answer(asked)),
    });
    let played = played.await;
    let own = || Tuning { part_size: 5 << 20, ..patient() };
    let upload = begun(&Azure::storage(&played, own()), &content).await;
    looks_from_all_sides(&Azure::storage(&played, own())).await;
    open.store(true, Ordering::Relaxed);
    upload.finish().await.unwrap();
    assert!(azure.state().blobs["f"].content == content);
    assert_eq!(azure.keys(), ["f"]);
}

/// What is behind a place where an upload goes on is another upload's, whatever the store still has of it.
#[tokio::test]
async fn parts_of_two_uploads_are_never_joined() {
    for ends in ["is killed", "breaks"] {
        let (one, server) = bucket(Dialect::default()).await;
        let (old, new) = (pattern(4 * PART + 500, 1), pattern(3 * PART + 77, 2));
        assert_eq!(begun(&one, &old).await.leave().await.unwrap(), Some(old.len() as u64 - 1));
        let in_a_part =
            one.resume(&path("/f"), &keeping(), PART as u64 + 100, CreateMode::Replace).await.map(drop);
        assert_eq!(in_a_part.unwrap_err().kind(), ErrorKind::InvalidRange);
        assert_eq!(size(&one).await, Some(old.len() - 1), "the question has changed something");

        // The first part stays, and one and a half of the others are sent anew.
        let (two, until) = (server.storage(), 2 * PART + PART / 2);
        let upload = resumed(&two, PART - 1, &new[PART - 1..until]).await;
        match ends {
            "breaks" => assert_eq!(upload.leave().await.unwrap(), Some(until as u64 - 1)),
            _ => drop(upload),
        }
        let three = server.storage();
        let there = size(&three).await.unwrap();
        assert!(there >= PART - 1 && there < until, "{ends}: {there}");
        resumed(&three, there, &new[there..]).await.finish().await.unwrap();
        let expected = [&old[..PART], &new[PART..]].concat();
        assert!(contents(&three, "/f").await == expected, "{ends}: other bytes are joined to it");
        assert_eq!(server.keys(DOCUMENTS), [""; 0], "{ends}");
    }
}

#[tokio::test]
async fn what_is_behind_the_last_part_is_cut_anywhere() {
    let (one, server) = bucket(Dialect::default()).await;
    let content = pattern(PART + 2000, 3);
    begun(&one, &content).await.leave().await.unwrap();
    let upload = resumed(&one, PART + 1000, &[]).await;
    assert_eq!(upload.leave().await.unwrap(), Some(PART as u64 + 999));
    assert_eq!(size(&server.storage()).await, Some(PART + 999));
    let upload = resumed(&one, PART + 999, b"other").await;
    assert_eq!(upload.leave().await.unwrap(), Some(PART as u64 + 1003));
    let upload = resumed(&one, PART, b"end").await;
    upload.finish().await.unwrap();
    assert!(contents(&one, "/f").await == [&content[..PART], b"end"].concat());
    assert_eq!(server.keys(DOCUMENTS), [""; 0]);
}

/// What was kept as one piece becomes an upload in parts, of which each part is kept.
#[tokio::test]
async fn a_piece_that_goes_on_is_kept_by_its_parts() {
    let (one, server) = bucket(Dialect::default()).await;
    let content = pattern(3 * PART, 4);
    begun(&one, &content[..1000]).await.leave().await.unwrap();
    let two = server.storage();
    let upload = resumed(&two, 999, &content[999..2 * PART + 10]).await;
    while server.open_parts() < 2 {
        tokio::task::yield_now().await;
    }
    // Nothing of its server is left.
    drop(upload);
    let three = server.storage();
    assert_eq!(size(&three).await, Some(2 * PART - 1));
    resumed(&three, 2 * PART - 1, &content[2 * PART - 1..]).await.finish().await.unwrap();
    assert!(contents(&three, "/f").await == content);
}

/// The store was asked to make the file, and nobody has heard whether it did.
#[tokio::test]
async fn what_the_store_was_asked_to_complete_is_never_aborted_blindly() {
    for over in [false, true] {
        let server = Server::behind(Dialect::default(), |asked: &Asked, store: Behind<'_>| {
            let completes = asked.method == "POST" && asked.query("uploadId").is_some();
            if completes { Some(answer(504, &[], "upstream timed out")) } else { store(asked) }
        });
        let server = server.await;
        let mut settings = server.settings();
        settings.tuning.retries = 1;
        settings.tuning.retry_timeout = Duration::from_millis(100);
        let storage = ObjectStorage::s3(settings).unwrap();
        let content = pattern(2 * PART, 6);
        let keep_for = if over { Duration::ZERO } else { Duration::from_secs(3600) };
        let keeping = Keeping { keep_for, ..keeping() };
        let mut upload = storage.begin(&path("/f"), &keeping, CreateMode::Replace).await.unwrap();
        write(&mut *upload, &content).await;
        assert_eq!(upload.finish().await.unwrap_err().kind(), ErrorKind::Unavailable);
        match over {
            true => drop(storage.sweep().await.unwrap()),
            false => drop(storage.begin(&path("/f"), &keeping, CreateMode::Replace).await.unwrap()),
        }
        assert_eq!(server.keys(DOCUMENTS), [""; 0], "{over}: the document is there");
        assert_eq!((aborts(&server), server.open_parts()), (0, 2), "{over}");
    }
    // What nobody asked to be completed is.
    let (storage, server) = bucket(Dialect::default()).await;
    begun(&storage, &pattern(2 * PART, 7)).await.leave().await.unwrap();
    drop(storage.begin(&path("/f"), &keeping(), CreateMode::Replace).await.unwrap());
    assert_eq!((aborts(&server), server.open_parts()), (1, 0));
}

/// Whoever can write to the bucket can write there.
#[tokio::test]
async fn foreign_documents_harm_nobody() {
    let (storage, server) = bucket(Dialect::default()).await;
    begun(&storage, &pattern(PART + 10, 8)).await.leave().await.unwrap();
    let key = document(&server);
    let text = server.content(&key).unwrap();
    let is = |text: Vec<u8>| -> &'static [u8] { Box::leak(text.into_boxed_slice()) };
    let own: Value = serde_json::from_slice(&text).unwrap();
    server.holds(".wharf-partial/elsewhere/of/others", is(text.to_vec()));
    server.holds(".wharf-partial/nonsense", b"nonsense");
    assert_eq!(storage.all().await.unwrap().len(), 1, "a document counts under another key");
    for (name, value) in [
        ("at", Value::from(u64::MAX)),
        ("at", Value::from(1_u64 << 40)),
        ("keep_for", Value::from(u64::MAX)),
        ("part_size", Value::from(u64::MAX)),
        ("tail", serde_json::json!({ "name": "x", "behind": 1, "length": u64::MAX })),
        ("path", Value::from("/other")),
        ("path", Value::from("../..")),
        ("owner", Value::from("eve")),
        ("counts", Value::from(u64::MAX)),
        ("arrived", Value::from(u64::MAX)),
    ] {
        let mut other = own.clone();
        other[name] = value;
        server.holds(&key, is(serde_json::to_vec(&other).unwrap()));
        let _ = size(&storage).await;
        let _ = storage.find_in(&StoragePath::root(), "ann").await.unwrap();
        let _ = storage.all().await.unwrap();
        assert_eq!(storage.sweep().await.unwrap(), 0, "{name}");
    }
    server.holds(&key, is(text.to_vec()));
    assert_eq!(size(&storage).await, Some(PART + 9));
}

/// Where it is not known what is kept, nothing that may be is removed.
#[tokio::test]
async fn an_incomplete_look_ends_no_upload_that_is_kept() {
    for refuses in ["the document", "the list", "nothing"] {
        let refused = Arc::new(AtomicBool::new(false));
        let is_refused = Arc::clone(&refused);
        let server = Server::behind(Dialect::default(), move |asked: &Asked, store: Behind<'_>| {
            let is_it = match refuses {
                "the document" => asked.method == "GET" && asked.path.contains(DOCUMENTS),
                "the list" => asked.query("prefix") == Some(DOCUMENTS),
                _ => false,
            };
            if is_it && is_refused.load(Ordering::Relaxed) {
                return Some(answer(
                    403,
                    &[],
                    "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
                ));
            }
            store(asked)
        });
        let server = server.await;
        let mut settings = server.settings();
        settings.tuning.abandoned_after = Duration::ZERO;
        let storage = ObjectStorage::s3(settings).unwrap();
        begun(&storage, &pattern(PART + 10, 9)).await.leave().await.unwrap();
        refused.store(true, Ordering::Relaxed);
        let _ = storage.sweep().await;
        refused.store(false, Ordering::Relaxed);
        assert_eq!(aborts(&server), 0, "{refuses}");
        assert_eq!(size(&storage).await, Some(PART + 9), "{refuses}");
        // It is one that the sweep would take but for its document.
        server.loses(&document(&server));
        storage.sweep().await.unwrap();
        assert_eq!(aborts(&server), 1, "{refuses}");
    }
}

/// A listing asks for the documents, and not for the parts of each upload.
#[tokio::test]
async fn a_listing_asks_once_for_each_upload_that_was_left() {
    let (storage, server) = bucket(Dialect::default()).await;
    for name in ["/a", "/b", "/c"] {
        let mut upload = storage.begin(&path(name), &keeping(), CreateMode::Replace).await.unwrap();
        write(&mut *upload, &pattern(PART + 10, 10)).await;
        upload.leave().await.unwrap();
    }
    let mut going = storage.begin(&path("/d"), &keeping(), CreateMode::Replace).await.unwrap();
    write(&mut *going, &pattern(PART + 10, 10)).await;
    let before = server.asked().len();
    let found = storage.find_in(&StoragePath::root(), "ann").await.unwrap();
    assert_eq!(found.iter().map(|partial| partial.size).collect::<Vec<_>>(), [PART as u64 + 9; 3]);
    let asked = server.asked().split_off(before);
    let of_parts = asked.iter().filter(|line| line.contains("uploadId") && line.starts_with("GET")).count();
    assert_eq!((of_parts, asked.iter().filter(|line| line.starts_with("GET")).count()), (0, 5), "{asked:?}");
    going.abort().await.unwrap();
}

/// An upload whose place was taken hears so when it writes about itself, and takes nothing from the newer one.
#[tokio::test]
async fn an_older_upload_never_takes_back_its_place() {
    let (storage, _server) = bucket(Dialect::default()).await;
    let content = pattern(2 * PART, 11);
    let old = begun(&storage, &content[..PART + 10]).await;
    let newer = resumed(&storage, PART - 1, &content[PART - 1..]).await;
    assert_eq!(old.finish().await.unwrap_err().kind(), ErrorKind::Conflict);
    newer.finish().await.unwrap();
    assert!(contents(&storage, "/f").await == content);
}

/// Tries each request twice, and not for long.
fn impatient(server: &Server) -> ObjectStorage {
    let mut settings = server.settings();
    settings.tuning.retries = 1;
    settings.tuning.retry_timeout = Duration::from_millis(100);
    ObjectStorage::s3(settings).unwrap()
}

/// The store takes the first document, and its answer never comes.
#[tokio::test]
async fn a_document_whose_answer_was_lost_is_its_own() {
    for finishes in [false, true] {
        let lost = AtomicUsize::new(0);
        let server = Server::behind(Dialect::default(), move |asked: &Asked, store: Behind<'_>| {
            let is_document = asked.method == "PUT" && asked.path.contains(DOCUMENTS);
            let answered = store(asked);
            match is_document && lost.fetch_add(1, Ordering::Relaxed) < 2 {
                true => Some(answer(504, &[], "upstream timed out")),
                false => answered,
            }
        });
        let server = server.await;
        let content = pattern(2 * PART + 10, 12);
        let upload = begun(&impatient(&server), &content).await;
        if finishes {
            upload.finish().await.unwrap();
            assert_eq!(server.keys(DOCUMENTS), [""; 0], "the document names the file's parts");
            assert!(server.content("f").unwrap() == content);
            continue;
        }
        assert_eq!(upload.leave().await.unwrap(), Some(content.len() as u64 - 1));
        let other = server.storage();
        let there = size(&other).await.unwrap();
        assert_eq!(there, content.len() - 1);
        resumed(&other, there, &content[there..]).await.finish().await.unwrap();
        assert!(contents(&other, "/f").await == content);
        assert_eq!((aborts(&server), server.keys(DOCUMENTS)), (0, Vec::<String>::new()));
    }
}

/// The last part is not taken, or it can't be seen what stands there.
#[tokio::test]
async fn a_store_that_is_away_at_the_end_loses_nothing_before() {
    let ends = Arc::new(AtomicBool::new(false));
    let is_end = Arc::clone(&ends);
    let server = Server::behind(Dialect::default(), move |asked: &Asked, store: Behind<'_>| {
        let is_part = asked.method == "PUT" && asked.query("partNumber").is_some();
        if is_part && is_end.load(Ordering::Relaxed) { Some(busy()) } else { store(asked) }
    });
    let server = server.await;
    let content = pattern(2 * PART + 500, 13);
    let upload = begun(&impatient(&server), &content).await;
    while server.open_parts() < 2 {
        tokio::task::yield_now().await;
    }
    ends.store(true, Ordering::Relaxed);
    assert_eq!(upload.finish().await.unwrap_err().kind(), ErrorKind::Unavailable);
    ends.store(false, Ordering::Relaxed);
    assert_eq!((aborts(&server), server.open_parts()), (0, 2));
    let other = server.storage();
    let there = size(&other).await.unwrap();
    assert_eq!(there, 2 * PART - 1);
    resumed(&other, there, &content[there..]).await.finish().await.unwrap();
    assert!(contents(&other, "/f").await == content);
}

/// A session ends while the store has not answered yet, or before the first byte.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_at_the_start_leaves_it_as_it_was() {
    let content = pattern(PART + 2000, 14);
    for goes in ["before the document is taken", "before the last bytes are read", "when all is ready"] {
        let prefix = fresh_prefix();
        let proxy = Proxy::before(&variable("WHARF_TEST_SEAWEEDFS")).await;
        let storage = s3_through(&proxy, "WHARF_TEST_SEAWEEDFS", &prefix);
        begun(&storage, &content).await.leave().await.unwrap();
        proxy.take();
        let gate = Gate::new();
        match goes {
            "before the document is taken" => {
                proxy.fault(When::nth(Kind::Put, 1), Fault::Delay(Arc::clone(&gate)));
            }
            "before the last bytes are read" => {
                proxy.fault(When::first(Kind::Head, 1).at(".tail-"), Fault::Delay(Arc::clone(&gate)));
            }
            _ => gate.open(),
        }
        {
            let (at, keeping) = (path("/f"), keeping());
            let from = content.len() as u64 - 1;
            let partials: &dyn Partials = &storage;
            let mut resume = pin!(partials.resume(&at, &keeping, from, CreateMode::Replace));
            tokio::select! {
                resumed = &mut resume => {
                    assert_eq!(goes, "when all is ready");
                    drop(resumed.unwrap());
                }
                () = gate.reached() => {}
            }
        }
        gate.open();
        proxy.answered(Kind::Put, 2).await;
        let other = s3("WHARF_TEST_SEAWEEDFS", &prefix);
        let left = other.find_left(&path("/f"), "ann").await.unwrap();
        assert_eq!(left.map(|left| left.size), Some(content.len() as u64 - 1), "{goes}");
        let mut upload = resumed(&other, content.len() - 1, &content[content.len() - 1..]).await;
        write(&mut *upload, b"more").await;
        upload.finish().await.unwrap();
        assert!(contents(&other, "/f").await == [&content[..], b"more"].concat(), "{goes}");
    }
}
