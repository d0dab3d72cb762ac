//! Objects that the store encrypts with a key of ours and does not keep (SSE-C).

use std::time::{Duration, SystemTime};

use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::object::{CustomerKey, ObjectStorage, Tuning};
use wharf_backends::{ByteRange, CreateMode, Storage};
use wharf_testing::proxy::{Kind, Proxy};

use crate::servers::{fresh_prefix, path, s3_settings, settings_through, tuning, variable};

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const OTHER_KEY: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
const LARGE: usize = 12 << 20;

fn in_small_parts() -> Tuning {
    Tuning { part_size: 5 << 20, ..tuning() }
}

fn storage(server: &str, prefix: &str, key: Option<&str>) -> ObjectStorage {
    let mut settings = s3_settings(server, prefix);
    settings.tuning = in_small_parts();
    settings.options.customer_key = key.map(|key| CustomerKey::from_base64(key).unwrap());
    ObjectStorage::s3(settings).unwrap()
}

/// Everything that is asked about files.
async fn use_all(storage: &ObjectStorage) {
    let large = pattern(LARGE, 1);
    put(storage, "/small", b"small", CreateMode::Replace).await.unwrap();
    put(storage, "/large", &large, CreateMode::Replace).await.unwrap();
    storage.create_directory(&path("/d")).await.unwrap();
    for (name, content) in [("small", b"small".to_vec()), ("large", large)] {
        let (from, to) = (path(&format!("/{name}")), path(&format!("/d/{name}.txt")));
        put(storage, from.as_str(), b"more", CreateMode::Append).await.unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        storage.set_modified(&from, time).await.unwrap();
        assert_eq!(storage.stat(&from).await.unwrap().modified, Some(time), "{name}");
        storage.rename(&from, &to, true).await.unwrap();
        assert!(contents(storage, to.as_str()).await == [&content[..], b"more"].concat(), "{name}");
    }
    storage.rename(&path("/d"), &path("/e"), true).await.unwrap();
    assert_eq!(names_in(storage, "/e").await, ["large.txt", "small.txt"]);
    assert_eq!(contents(storage, "/e/small.txt").await, b"smallmore");
}

/// moto does not encrypt, so that what is missing does not show by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_goes_with_every_request_for_content() {
    let (server, prefix) = ("WHARF_TEST_MOTO", fresh_prefix());
    let proxy = Proxy::before(&variable(server)).await;
    let mut settings = settings_through(&proxy, server, &prefix);
    settings.tuning = in_small_parts();
    settings.options.customer_key = Some(CustomerKey::from_base64(KEY).unwrap());
    let storage = ObjectStorage::s3(settings).unwrap();
    use_all(&storage).await;
    storage.remove_file(&path("/e/small.txt")).await.unwrap();
    let records = proxy.take();
    for kind in [Kind::Head, Kind::Get, Kind::Put, Kind::Create, Kind::Part, Kind::PartCopy, Kind::Copy] {
        assert!(records.iter().any(|record| record.kind == kind), "no {kind} was tried");
    }
    for record in &records {
        let reads_or_writes =
            !matches!(record.kind, Kind::List | Kind::Delete | Kind::Abort | Kind::ListUploads);
        assert_eq!(record.customer_key.as_deref(), reads_or_writes.then_some(KEY), "{record}");
        let copies = matches!(record.kind, Kind::Copy | Kind::PartCopy);
        assert_eq!(record.source_key.as_deref(), copies.then_some(KEY), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_key_opens_what_it_has_encrypted() {
    let (server, prefix) = ("WHARF_TEST_SEAWEEDFS", fresh_prefix());
    let ours = storage(server, &prefix, Some(KEY));
    use_all(&ours).await;
    for key in [None, Some(OTHER_KEY)] {
        let others = storage(server, &prefix, key);
        for name in ["/e/small.txt", "/e/large.txt"] {
            assert!(others.open(&path(name), ByteRange::ALL).await.is_err(), "{name} with {key:?}");
        }
    }
}
