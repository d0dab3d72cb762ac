//! Nothing outside of a backend's prefix is ever asked for.

use bytes::Bytes;
use futures_util::StreamExt;
use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{CreateMode, Storage, StoragePath};
use wharf_testing::proxy::{Kind, Proxy, Record};

use crate::servers::{SERVERS, bucket_on, fresh_prefix, path, settings_through, variable};

/// The keys or prefixes of keys that a request names.
fn named(server: &str, record: &Record) -> Vec<String> {
    let root = format!("/{}", bucket_on(server));
    let key = record.path.strip_prefix(&root).unwrap().trim_start_matches('/').to_owned();
    let parameter = |name: &str| {
        let found = record.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().replace("%2F", "/")
    };
    let mut names = match record.kind {
        Kind::List | Kind::ListUploads => vec![parameter("prefix")],
        Kind::DeleteBulk => {
            let document = record.document.as_deref().unwrap();
            let keys = document.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap());
            keys.map(str::to_owned).collect()
        }
        _ => vec![key],
    };
    if let Some(source) = &record.copy_source {
        let source = source.replace("%2F", "/");
        let source = source.trim_start_matches('/');
        names.push(source.strip_prefix(&format!("{}/", bucket_on(server))).unwrap().to_owned());
    }
    names
}

async fn list_all(storage: &ObjectStorage, at: &StoragePath) -> usize {
    storage.list(at).await.unwrap().map(Result::unwrap).count().await
}

/// Every operation there is, good ones and refused ones.
async fn everything(storage: &ObjectStorage) {
    let root = StoragePath::root();
    storage.check().await.unwrap();
    assert_eq!(list_all(storage, &root).await, 0);
    storage.stat(&root).await.unwrap();
    put(storage, "/f", b"content", CreateMode::Replace).await.unwrap();
    put(storage, "/f", b"more", CreateMode::Append).await.unwrap();
    put(storage, "/f", b"more", CreateMode::Resume(2)).await.unwrap();
    put(storage, "/../../up", b"clamped at the root", CreateMode::New).await.unwrap();
    assert_eq!(contents(storage, "/f").await, b"comore");
    let mut large = storage.create(&path("/a/b/large"), CreateMode::Replace).await.unwrap();
    large.write(Bytes::from(pattern(6 << 20, 1))).await.unwrap();
    large.finish().await.unwrap();
    let mut large = storage.create(&path("/a/b/aborted"), CreateMode::Replace).await.unwrap();
    large.write(Bytes::from(pattern(6 << 20, 1))).await.unwrap();
    large.abort().await.unwrap();
    storage.create_directory(&path("/d")).await.unwrap();
    storage.create_directory(&path("/d/e")).await.unwrap();
    storage.create_directory(&path("/f/g")).await.unwrap_err();
    put(storage, "/d/e/f", b"x", CreateMode::New).await.unwrap();
    storage.remove_directory(&path("/d")).await.unwrap_err();
    storage.remove_directory(&root).await.unwrap_err();
    storage.rename(&path("/f"), &path("/d/f"), false).await.unwrap();
    storage.rename(&path("/d"), &path("/moved"), false).await.unwrap();
    storage.rename(&path("/gone"), &path("/../up"), false).await.unwrap_err();
    assert_eq!(names_in(storage, "/").await, ["a", "moved", "up"]);
    for file in ["/moved/f", "/moved/e/f", "/a/b/large", "/up"] {
        storage.stat(&path(file)).await.unwrap();
        storage.remove_file(&path(file)).await.unwrap();
    }
    storage.remove_file(&path("/gone")).await.unwrap_err();
    storage.remove_directory(&path("/moved/e")).await.unwrap();
    storage.remove_directory(&path("/moved")).await.unwrap();
    storage.list(&path("/gone")).await.map(drop).unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_prefix_is_asked_for() {
    for server in SERVERS {
        let proxy = Proxy::before(&variable(server)).await;
        // Of its own and yet alike: a neighbour's keys start with the same letters.
        let prefix = format!("{}/inbound", fresh_prefix());
        let mut settings = settings_through(&proxy, server, &prefix);
        settings.tuning = Tuning { part_size: Tuning::MIN_PART_SIZE, ..settings.tuning };
        let storage = ObjectStorage::s3(settings).unwrap();
        everything(&storage).await;
        let records = proxy.take();
        assert!(records.len() > 30);
        for record in records {
            for name in named(server, &record) {
                assert!(name.starts_with(&format!("{prefix}/")), "{server}: {record} names {name:?}");
            }
        }
    }
}
