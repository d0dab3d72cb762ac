//! What is done inside the store, without the content passing through this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, GetOptions, ObjectStore, ObjectStoreExt, PutOptions, PutPayload,
};
use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::locked;
use wharf_testing::played::{Played, answer};
use wharf_testing::proxy::{Fault, Kind, Proxy, Record, When, requests_of};

use crate::servers::{fresh_prefix, path, raw, s3, s3_through, settings_through, tuning, variable};
use crate::sizes::MARK;

const SERVERS: [&str; 2] = ["WHARF_TEST_SEAWEEDFS", "WHARF_TEST_MOTO"];
const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn appending_and_resuming_read_nothing_back() {
    for server in SERVERS {
        let proxy = Proxy::before(&variable(server)).await;
        let storage = s3_through(&proxy, server, &fresh_prefix());
        let mut expected = pattern(11 * MIB, 1);
        put(&storage, "/f", &expected, CreateMode::New).await.unwrap();
        let (appended, requests) =
            requests_of(&proxy, put(&storage, "/f", b"appended", CreateMode::Append)).await;
        appended.unwrap();
        expected.extend(b"appended");
        assert!(requests.iter().all(|request| request.kind != Kind::Get), "{server}: {requests:?}");
        assert!(contents(&storage, "/f").await == expected, "{server}");

        let more = pattern(9 * MIB, 2);
        let kept = 10 * MIB + 2 * MARK + 3;
        let (resumed, requests) =
            requests_of(&proxy, put(&storage, "/f", &more, CreateMode::Resume(kept as u64))).await;
        resumed.unwrap();
        expected.truncate(kept);
        expected.extend(&more);
        assert!(requests.iter().all(|request| request.kind != Kind::Get), "{server}: {requests:?}");
        assert!(contents(&storage, "/f").await == expected, "{server}");
    }
}

/// The sizes of the parts that made an object, in their order.
fn sizes_of_parts(requests: &[Record]) -> Vec<u64> {
    let parts = requests.iter().filter_map(|request| {
        let number = request.query.split('&').find_map(|pair| pair.strip_prefix("partNumber="))?;
        let size = match &request.copy_range {
            Some(range) => {
                let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
                last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap()
            }
            None => request.up,
        };
        Some((number.parse::<u64>().unwrap(), size))
    });
    parts.collect::<BTreeMap<_, _>>().into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_parts_have_to_be_equal_they_are() {
    const SIZE: usize = 5 * MIB;
    const PART: usize = SIZE + MARK;
    for server in SERVERS {
        let proxy = Proxy::before(&variable(server)).await;
        let mut settings = settings_through(&proxy, server, &fresh_prefix());
        settings.equal_parts = Some(true);
        settings.tuning.part_size = SIZE as u64;
        let storage = ObjectStorage::s3(settings).unwrap();
        let mut expected = pattern(3 * PART + 17, 1);
        let (stored, requests) = requests_of(&proxy, put(&storage, "/f", &expected, CreateMode::New)).await;
        stored.unwrap();
        assert_eq!(sizes_of_parts(&requests), [PART as u64, PART as u64, PART as u64, 17], "{server}");

        // What is kept are two whole parts, and some that is sent again.
        let more = pattern(PART, 2);
        let kept = 2 * PART + 1000;
        let resume = put(&storage, "/f", &more, CreateMode::Resume(kept as u64));
        let (resumed, requests) = requests_of(&proxy, resume).await;
        resumed.unwrap();
        expected.truncate(kept);
        expected.extend(&more);
        assert_eq!(sizes_of_parts(&requests), [PART as u64, PART as u64, PART as u64, 1000], "{server}");
        let copied = requests.iter().filter(|request| request.kind == Kind::PartCopy).count();
        assert_eq!(copied, 2, "{server}: {requests:?}");
        assert!(contents(&storage, "/f").await == expected, "{server}");

        // Nothing is left to send again, and less than a part is kept.
        for (kept, sizes) in [(2 * PART, &[PART, PART, 3][..]), (PART - 1, &[PART, 2][..])] {
            let resume = put(&storage, "/f", b"abc", CreateMode::Resume(kept as u64));
            let (resumed, requests) = requests_of(&proxy, resume).await;
            resumed.unwrap();
            expected.truncate(kept);
            expected.extend(b"abc");
            let sizes: Vec<_> = sizes.iter().map(|size| *size as u64).collect();
            assert_eq!(sizes_of_parts(&requests), sizes, "{server}");
            assert!(contents(&storage, "/f").await == expected, "{server}");
        }
    }
}

/// A store with an object of six pieces and a byte, which is played: only what is asked to copy it matters.
#[tokio::test]
async fn large_copies_are_in_equal_parts_too() {
    const PIECE: u64 = (1 << 30) + MARK as u64;
    const SIZE: u64 = 6 * PIECE + 1;
    for equal_parts in [false, true] {
        let ranges = Arc::new(Mutex::new(BTreeMap::new()));
        let (seen, mut is_made) = (Arc::clone(&ranges), false);
        let played = Played::new(move |asked| {
            let is_target = asked.path.ends_with("/g");
            Some(match asked.method.as_str() {
                "HEAD" if is_target && !is_made => answer(404, &[], ""),
                "HEAD" => answer(200, &[("content-length", &SIZE.to_string()), ("etag", "\"e-2\"")], ""),
                "POST" if asked.query("uploads").is_some() => answer(
                    200,
                    &[],
                    "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
                ),
                "POST" => {
                    is_made = true;
                    answer(
                        200,
                        &[],
                        "<CompleteMultipartUploadResult><ETag>\"e-6\"</ETag></CompleteMultipartUploadResult>",
                    )
                }
                "PUT" if asked.query("uploadId").is_none() => {
                    answer(400, &[], "<Error><Code>EntityTooLarge</Code></Error>")
                }
                "PUT" => {
                    if let Some(range) = asked.header("x-amz-copy-source-range") {
                        let number: u64 = asked.query("partNumber").unwrap().parse().unwrap();
                        locked(&seen).insert(number, range.to_owned());
                    }
                    answer(200, &[("etag", "\"p\"")], "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>")
                }
                "DELETE" => answer(204, &[], ""),
                _ => answer(200, &[], "<ListBucketResult></ListBucketResult>"),
            })
        })
        .await;
        let settings = S3Settings {
            endpoint: Some(played.url.clone()),
            anonymous: true,
            equal_parts: Some(equal_parts),
            tuning: tuning(),
            ..S3Settings::new("bucket")
        };
        let storage = ObjectStorage::s3(settings).unwrap();
        storage.rename(&path("/f"), &path("/g"), true).await.unwrap();
        let ranges: Vec<String> = locked(&ranges).values().cloned().collect();
        let last = match equal_parts {
            true => format!("bytes={}-{}", 6 * PIECE, SIZE - 1),
            // Never one that is shorter than what a part has to have.
            false => format!("bytes={}-{}", 5 * PIECE, SIZE - 1),
        };
        assert_eq!(
            (ranges.len(), ranges.last()),
            (if equal_parts { 7 } else { 6 }, Some(&last)),
            "{ranges:?}"
        );
    }
}

#[tokio::test]
async fn an_append_keeps_what_the_object_is() {
    let server = "WHARF_TEST_SEAWEEDFS";
    let prefix = fresh_prefix();
    let (store, storage) = (raw(server), s3(server, &prefix));
    let key = Path::parse(format!("{prefix}/f")).unwrap();
    let mut options = PutOptions::default();
    options.attributes.insert(Attribute::ContentType, AttributeValue::from("text/plain"));
    options.attributes.insert(Attribute::Metadata("owner".into()), AttributeValue::from("somebody"));
    options.attributes.insert(Attribute::Metadata("mtime".into()), AttributeValue::from("1000000000"));
    store.put_opts(&key, PutPayload::from(pattern(6 * MIB, 1)), options).await.unwrap();
    let before = storage.stat(&path("/f")).await.unwrap().modified.unwrap();
    assert_eq!(before, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000), "rclone's time is read");
    put(&storage, "/f", b"more", CreateMode::Append).await.unwrap();
    let attributes = store.get_opts(&key, GetOptions::default()).await.unwrap().attributes;
    assert_eq!(attributes.get(&Attribute::ContentType).map(AsRef::as_ref), Some("text/plain"));
    assert_eq!(attributes.get(&Attribute::Metadata("owner".into())).map(AsRef::as_ref), Some("somebody"));
    // It has changed, so it has a new time.
    assert!(storage.stat(&path("/f")).await.unwrap().modified.unwrap() > before);
}

#[tokio::test]
async fn a_time_that_is_set_is_metadata_and_keeps_the_rest() {
    for server in SERVERS {
        let prefix = fresh_prefix();
        let (store, storage) = (raw(server), s3(server, &prefix));
        let key = Path::parse(format!("{prefix}/f")).unwrap();
        let mut options = PutOptions::default();
        options.attributes.insert(Attribute::ContentType, AttributeValue::from("text/plain"));
        options.attributes.insert(Attribute::Metadata("owner".into()), AttributeValue::from("somebody"));
        store.put_opts(&key, PutPayload::from_static(b"content"), options).await.unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_580_705_106);
        storage.set_modified(&path("/f"), time).await.unwrap();
        let found = store.get_opts(&key, GetOptions::default()).await.unwrap();
        let told = |name: Attribute| found.attributes.get(&name).map(|value| value.to_string());
        assert_eq!(told(Attribute::Metadata("mtime".into())).as_deref(), Some("1580705106"), "{server}");
        assert_eq!(told(Attribute::Metadata("owner".into())).as_deref(), Some("somebody"), "{server}");
        assert_eq!(told(Attribute::ContentType).as_deref(), Some("text/plain"), "{server}");
        // A rename keeps it, and a new file has a new one.
        storage.rename(&path("/f"), &path("/g"), true).await.unwrap();
        assert_eq!(storage.stat(&path("/g")).await.unwrap().modified, Some(time), "{server}");
        put(&storage, "/g", b"new", CreateMode::Replace).await.unwrap();
        assert_ne!(storage.stat(&path("/g")).await.unwrap().modified, Some(time), "{server}");
    }
}

/// As mirrors do: each file is uploaded, and then gets its time.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_what_was_just_stored_costs_one_request() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_580_705_106);
    for server in SERVERS {
        let proxy = Proxy::before(&variable(server)).await;
        let prefix = fresh_prefix();
        let (store, storage) = (raw(server), s3_through(&proxy, server, &prefix));
        let key = Path::parse(format!("{prefix}/f.txt")).unwrap();
        put(&storage, "/f.txt", b"content", CreateMode::Replace).await.unwrap();
        let stored = store.get_opts(&key, GetOptions::default()).await.unwrap().attributes;

        // At first it is not known whether the store looks at the condition of a copy.
        let mut kinds = Vec::new();
        for _ in 0..2 {
            put(&storage, "/f.txt", b"content", CreateMode::Replace).await.unwrap();
            let (set, requests) = requests_of(&proxy, storage.set_modified(&path("/f.txt"), time)).await;
            set.unwrap();
            kinds.push(requests.iter().map(|request| request.kind).collect::<Vec<_>>());
        }
        match server {
            // It does not, so the object is looked at each time.
            "WHARF_TEST_MOTO" => assert_eq!(kinds, [[Kind::Head, Kind::Copy], [Kind::Head, Kind::Copy]]),
            _ => assert_eq!(kinds, [vec![Kind::Head, Kind::Copy, Kind::Copy], vec![Kind::Copy]]),
        }
        assert_eq!(storage.stat(&path("/f.txt")).await.unwrap().modified, Some(time), "{server}");
        assert_eq!(contents(&storage, "/f.txt").await, b"content", "{server}");
        let now = store.get_opts(&key, GetOptions::default()).await.unwrap().attributes;
        for name in [Attribute::ContentType, Attribute::CacheControl, Attribute::StorageClass] {
            assert_eq!(now.get(&name), stored.get(&name), "{server}: {name:?}");
        }

        // Another program replaces the file in between: it keeps what that program gave it.
        put(&storage, "/f.txt", b"content", CreateMode::Replace).await.unwrap();
        let mut options = PutOptions::default();
        options.attributes.insert(Attribute::ContentType, AttributeValue::from("text/x-other"));
        options.attributes.insert(Attribute::Metadata("owner".into()), AttributeValue::from("somebody"));
        store.put_opts(&key, PutPayload::from_static(b"another's"), options).await.unwrap();
        storage.set_modified(&path("/f.txt"), time).await.unwrap();
        let found = store.get_opts(&key, GetOptions::default()).await.unwrap();
        let told = |name: Attribute| found.attributes.get(&name).map(|value| value.to_string());
        assert_eq!(told(Attribute::Metadata("mtime".into())).as_deref(), Some("1580705106"), "{server}");
        assert_eq!(told(Attribute::Metadata("owner".into())).as_deref(), Some("somebody"), "{server}");
        assert_eq!(told(Attribute::ContentType).as_deref(), Some("text/x-other"), "{server}");

        // Or it removes the file.
        put(&storage, "/f.txt", b"content", CreateMode::Replace).await.unwrap();
        store.delete(&key).await.unwrap();
        let error = storage.set_modified(&path("/f.txt"), time).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{server}");
    }
}

/// A directory with files in two levels, one of them stored in parts.
async fn tree(storage: &ObjectStorage) {
    for number in 0..20 {
        put(storage, &format!("/d/{number}"), format!("file {number}").as_bytes(), CreateMode::New)
            .await
            .unwrap();
        put(storage, &format!("/d/sub/{number}"), b"below", CreateMode::New).await.unwrap();
    }
    put(storage, "/d/large", &pattern(11 * MIB, 4), CreateMode::New).await.unwrap();
}

async fn moved(storage: &ObjectStorage, server: &str) {
    assert_eq!(storage.stat(&path("/d")).await.unwrap_err().kind(), ErrorKind::NotFound, "{server}");
    assert_eq!(names_in(storage, "/e").await.len(), 22, "{server}");
    assert_eq!(names_in(storage, "/e/sub").await.len(), 20, "{server}");
    assert_eq!(contents(storage, "/e/7").await, b"file 7", "{server}");
    assert!(contents(storage, "/e/large").await == pattern(11 * MIB, 4), "{server}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_that_was_broken_off_is_completed_by_another() {
    for server in SERVERS {
        for kind in [Kind::Copy, Kind::Delete] {
            let proxy = Proxy::before(&variable(server)).await;
            let mut settings = settings_through(&proxy, server, &fresh_prefix());
            settings.tuning.part_size = 5 << 20;
            settings.tuning.retries = 0;
            let storage = ObjectStorage::s3(settings).unwrap();
            tree(&storage).await;
            proxy.fault(When::nth(kind, 12), Fault::DropBefore);
            let error = storage.rename(&path("/d"), &path("/e"), true).await.unwrap_err();
            assert!(error.to_string().contains("rename it again"), "{server} {kind:?}: {error}");
            proxy.clear_faults();
            storage.rename(&path("/d"), &path("/e"), true).await.unwrap();
            moved(&storage, server).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_are_alike_are_not_taken_for_a_rename() {
    let server = "WHARF_TEST_SEAWEEDFS";
    let mut settings = crate::servers::s3_settings(server, &fresh_prefix());
    settings.tuning.part_size = 5 << 20;
    let storage = ObjectStorage::s3(settings).unwrap();
    // The same name and size, and stored in parts, so that entity tags say nothing of what is in them.
    for (directory, seed) in [("d", 1), ("e", 2)] {
        put(&storage, &format!("/{directory}/disk.img"), &pattern(11 * MIB, seed), CreateMode::New)
            .await
            .unwrap();
    }
    let error = storage.rename(&path("/d"), &path("/e"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert!(contents(&storage, "/e/disk.img").await == pattern(11 * MIB, 2));
    assert!(contents(&storage, "/d/disk.img").await == pattern(11 * MIB, 1));
}
