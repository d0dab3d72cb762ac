//! What depends on sizes: parts of uploads, pages of listings, many keys.

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{ByteRange, CreateMode, ErrorKind, Storage};
use wharf_testing::proxy::{Kind, Proxy};

use crate::servers::{SERVERS, fresh_prefix, path, raw, s3_settings, settings_through, variable};

const PART: usize = 5 << 20;

/// What a part of S3 has beyond its size: it marks the upload.
pub const MARK: usize = 22_513;

/// A storage whose uploads have the smallest parts.
fn small_parts(server: &str, prefix: &str) -> ObjectStorage {
    let mut settings = s3_settings(server, prefix);
    settings.tuning = Tuning { part_size: PART as u64, upload_concurrency: 3, ..settings.tuning };
    ObjectStorage::s3(settings).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_signed_where_it_has_to_be() {
    for server in SERVERS {
        for (sign_payload, signed) in [(None, false), (Some(false), false), (Some(true), true)] {
            let proxy = Proxy::before(&variable(server)).await;
            let mut settings = settings_through(&proxy, server, &fresh_prefix());
            settings.sign_payload = sign_payload;
            settings.tuning = Tuning { part_size: PART as u64, ..settings.tuning };
            let storage = ObjectStorage::s3(settings).unwrap();
            for size in [1000, PART + MARK + 1] {
                let content = pattern(size, 1);
                put(&storage, "/f", &content, CreateMode::Replace).await.unwrap();
                assert!(contents(&storage, "/f").await == content, "{server}: {size} bytes");
            }
            let sent: Vec<_> = proxy
                .take()
                .into_iter()
                .filter(|record| matches!(record.kind, Kind::Put | Kind::Part))
                .map(|record| record.content_sha256.unwrap())
                .collect();
            assert_eq!(sent.len(), 3, "{sent:?}");
            let hashes = sent
                .iter()
                .filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert_eq!(hashes.count(), if signed { 3 } else { 0 }, "{server}, {sign_payload:?}: {sent:?}");
            assert!(signed || sent.iter().all(|hash| hash == "UNSIGNED-PAYLOAD"), "{sent:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_around_the_size_of_parts_come_back() {
    for server in SERVERS {
        let storage = small_parts(server, &fresh_prefix());
        const WHOLE: usize = PART + MARK;
        for size in [PART, PART + 1, WHOLE - 1, WHOLE, WHOLE + 1, 3 * WHOLE, 3 * WHOLE + 1] {
            let content = pattern(size, size as u64);
            let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
            for chunk in content.chunks(300_001) {
                upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
            }
            let told = upload.finish().await.unwrap();
            assert_eq!(told.size, size as u64);
            assert_eq!(storage.stat(&path("/f")).await.unwrap().size, size as u64);
            assert!(contents(&storage, "/f").await == content, "{server}: {size} bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_goes_on_behind_several_parts() {
    for server in SERVERS {
        let storage = small_parts(server, &fresh_prefix());
        let (old, tail) = (pattern(2 * PART + 17, 1), pattern(PART + 5, 2));
        put(&storage, "/f", &old, CreateMode::Replace).await.unwrap();
        for kept in [PART + 3, old.len()] {
            put(&storage, "/f", &old, CreateMode::Replace).await.unwrap();
            put(&storage, "/f", &tail, CreateMode::Resume(kept as u64)).await.unwrap();
            assert!(contents(&storage, "/f").await == [&old[..kept], &tail[..]].concat(), "{server}: {kept}");
        }
        put(&storage, "/f", b"end", CreateMode::Append).await.unwrap();
        assert!(contents(&storage, "/f").await.ends_with(b"end"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn going_on_from_a_file_that_was_replaced_is_a_conflict() {
    for server in SERVERS {
        let storage = small_parts(server, &fresh_prefix());
        // One that is finished by a single request, and one that has parts.
        for more in [10, 2 * PART] {
            put(&storage, "/f", b"old", CreateMode::Replace).await.unwrap();
            let mut upload = storage.create(&path("/f"), CreateMode::Resume(3)).await.unwrap();
            upload.write(pattern(more, 1).into()).await.unwrap();
            put(&storage, "/f", b"new", CreateMode::Replace).await.unwrap();
            let error = upload.finish().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{server}: {error}");
            assert_eq!(contents(&storage, "/f").await, b"new");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_is_decided_at_finish_for_large_files_too() {
    for server in SERVERS {
        let prefix = fresh_prefix();
        let storage = small_parts(server, &prefix);
        let mut upload = storage.create(&path("/f"), CreateMode::New).await.unwrap();
        upload.write(pattern(2 * PART, 1).into()).await.unwrap();
        put(&storage, "/f", b"first", CreateMode::New).await.unwrap();
        let error = upload.finish().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{server}: {error}");
        assert_eq!(contents(&storage, "/f").await, b"first");
        assert_eq!(open_uploads(server, &prefix).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_and_dropped_uploads_leave_no_parts() {
    for server in SERVERS {
        let prefix = fresh_prefix();
        let storage = small_parts(server, &prefix);
        let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
        upload.write(pattern(2 * PART + 1, 1).into()).await.unwrap();
        assert_eq!(open_uploads(server, &prefix).await, 1, "{server} has an upload under way");
        upload.abort().await.unwrap();
        assert_eq!(open_uploads(server, &prefix).await, 0, "{server} after an abort");

        let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
        upload.write(pattern(2 * PART + 1, 1).into()).await.unwrap();
        drop(upload);
        // The abort of a dropped upload runs in the background; how soon is up to the store.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while open_uploads(server, &prefix).await > 0 {
            assert!(std::time::Instant::now() < deadline, "{server} still has the dropped upload");
        }
    }
}

// On one thread, as only then nothing can be done for the upload before it waits.
#[tokio::test]
async fn an_upload_that_lost_bytes_is_never_finished() {
    for server in SERVERS {
        let prefix = fresh_prefix();
        let storage = small_parts(server, &prefix);
        let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
        // Dropped while it waits for the store.
        let half = upload.write(pattern(PART + MARK + 1, 1).into());
        assert!(half.now_or_never().is_none());
        upload.write(Bytes::from_static(b"more")).await.unwrap();
        assert!(upload.finish().await.is_err(), "{server}");
        assert_eq!(storage.stat(&path("/f")).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(open_uploads(server, &prefix).await, 0, "{server}");
    }
}

/// How many multipart uploads are open below a prefix, asked of the store itself.
pub async fn open_uploads(server: &str, prefix: &str) -> usize {
    use object_store::aws::AwsAuthorizer;
    use object_store::client::{HttpConnector, ReqwestConnector};
    use object_store::{ClientOptions, HeaderMap};

    let store = raw(server);
    let credential = store.credentials().get_credential().await.unwrap();
    let client = ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true)).unwrap();
    let url = format!("{}/{}?uploads=", variable(server), crate::servers::bucket_on(server));
    let mut request = object_store::client::HttpRequest::new(object_store::client::HttpRequestBody::empty());
    *request.uri_mut() = url.parse().unwrap();
    *request.headers_mut() = HeaderMap::new();
    AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(&mut request, None).unwrap();
    let answer = client.execute(request).await.unwrap();
    assert!(answer.status().is_success(), "{:?}", answer.status());
    let body = answer.into_body().bytes().await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    text.matches(&format!("<Key>{}", prefix.trim_start_matches('/'))).count()
}

async fn fill(server: &str, prefix: &str, names: impl Iterator<Item = String>) {
    let store = raw(server);
    let puts = names.map(|name| {
        let key = Path::parse(format!("{prefix}/{name}")).unwrap();
        let store = store.clone();
        async move { store.put(&key, PutPayload::from_static(b"x")).await }
    });
    futures_util::stream::iter(puts)
        .buffer_unordered(32)
        .for_each(|done| async { drop(done.unwrap()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_of_several_pages_are_complete() {
    for server in SERVERS {
        let prefix = fresh_prefix();
        let names: Vec<String> = (0..2500).map(|n| format!("key-{n:04}")).collect();
        fill(server, &format!("{prefix}/d"), names.iter().cloned()).await;
        let storage = small_parts(server, &prefix);
        assert_eq!(names_in(&storage, "/d").await, names, "{server}");
        assert_eq!(names_in(&storage, "/").await, ["d"], "{server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_many_keys_is_renamed_whole() {
    for server in SERVERS {
        let prefix = fresh_prefix();
        let storage = small_parts(server, &prefix);
        let names = (0..1200).map(|n| if n % 2 == 0 { format!("sub/{n}") } else { format!("{n}") });
        fill(server, &format!("{prefix}/from"), names).await;
        storage.create_directory(&path("/from/sub/empty")).await.unwrap();
        storage.rename(&path("/from"), &path("/to"), false).await.unwrap();
        assert_eq!(storage.stat(&path("/from")).await.unwrap_err().kind(), ErrorKind::NotFound, "{server}");
        assert_eq!(names_in(&storage, "/to").await.len(), 601);
        assert_eq!(names_in(&storage, "/to/sub").await.len(), 601);
        assert_eq!(names_in(&storage, "/to/sub/empty").await, [""; 0]);
        assert_eq!(contents(&storage, "/to/sub/1198").await, b"x");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_ends_with_a_conflict_when_the_file_was_replaced() {
    for server in SERVERS {
        let storage = small_parts(server, &fresh_prefix());
        // More than fits into the buffers on the way, so that some of it is asked for later.
        put(&storage, "/f", &pattern(40 << 20, 1), CreateMode::Replace).await.unwrap();
        let mut body = storage.open(&path("/f"), ByteRange::ALL).await.unwrap().into_stream();
        let first = body.next().await.unwrap().unwrap();
        put(&storage, "/f", &pattern(40 << 20, 2), CreateMode::Replace).await.unwrap();
        let mut length = first.len();
        let mut failed = None;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(bytes) => length += bytes.len(),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            // The store kept the old one for who was reading it.
            None => assert_eq!(length, 40 << 20, "{server}: it ended early without an error"),
            Some(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{server}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_markers_of_one_name_are_told_apart() {
    // A store with a flat key space: the other one can't hold both.
    let server = "WHARF_TEST_MOTO";
    let prefix = fresh_prefix();
    let (store, storage) = (raw(server), small_parts(server, &prefix));
    let key = |name: &str| Path::parse(format!("{prefix}/{name}")).unwrap();
    store.put(&key("d/tw"), PutPayload::from_static(b"file")).await.unwrap();
    store.put(&key("d/tw").join(""), PutPayload::new()).await.unwrap();
    assert_eq!(names_in(&storage, "/d").await, ["tw"]);
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap();
    assert_eq!(contents(&storage, "/e/tw").await, b"file");
    assert!(store.head(&key("e/tw").join("")).await.is_ok(), "the marker went along");
    assert!(store.head(&key("d/tw").join("")).await.is_err(), "and is gone where it was");
}
