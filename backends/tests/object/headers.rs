//! What objects have beside their content, as the stores tell it.

use std::time::{Duration, SystemTime};

use object_store::azure::{MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::path::Path;
use object_store::{Attribute, Attributes, GetOptions, ObjectStore};
use wharf_backends::contract::{contents, pattern, put};
use wharf_backends::object::{AzureSettings, ContentType, ObjectOptions, ObjectStorage, S3Options, Tuning};
use wharf_backends::{CreateMode, Storage};
use wharf_testing::proxy::Proxy;

use crate::servers::{
    SERVERS, azure_settings, bucket, bucket_on, fresh_prefix, google_settings, path, raw, s3, s3_settings,
    send_raw, settings_through, tuning, variable,
};

/// Larger than a part.
const LARGE: usize = 6 << 20;

fn in_small_parts() -> Tuning {
    Tuning { part_size: 5 << 20, ..tuning() }
}

async fn attributes(store: &dyn ObjectStore, key: String) -> Attributes {
    let head = GetOptions { head: true, ..GetOptions::default() };
    store.get_opts(&Path::parse(&key).unwrap(), head).await.unwrap().attributes
}

async fn type_of(store: &dyn ObjectStore, key: String) -> String {
    attributes(store, key).await.get(&Attribute::ContentType).unwrap().to_string()
}

#[tokio::test]
async fn types_on_s3() {
    for server in SERVERS {
        let prefix = fresh_prefix();
        let mut settings = s3_settings(server, &prefix);
        settings.tuning = in_small_parts();
        let storage = ObjectStorage::s3(settings.clone()).unwrap();
        let store = raw(server);
        let large = pattern(LARGE, 1);
        put(&storage, "/small.PDF", b"pdf", CreateMode::Replace).await.unwrap();
        put(&storage, "/large.csv", &large, CreateMode::Replace).await.unwrap();
        put(&storage, "/scan.jpg.filepart", b"jpg", CreateMode::Replace).await.unwrap();
        put(&storage, "/none", b"?", CreateMode::New).await.unwrap();
        for (name, expected) in [
            ("small.PDF", "application/pdf"),
            ("large.csv", "text/csv"),
            ("scan.jpg.filepart", "application/octet-stream"),
            ("none", "application/octet-stream"),
        ] {
            assert_eq!(type_of(&store, format!("{prefix}/{name}")).await, expected, "{server} {name}");
        }

        // Whoever sends under another name first means the last one.
        storage.rename(&path("/scan.jpg.filepart"), &path("/scan.jpg"), true).await.unwrap();
        assert_eq!(type_of(&store, format!("{prefix}/scan.jpg")).await, "image/jpeg", "{server}");

        // Another one that somebody chose is kept when something is appended, the time is set, and at a rename.
        settings.content_type = ContentType::Fixed("text/x-ours; charset=utf-8".into());
        let theirs = ObjectStorage::s3(settings).unwrap();
        put(&theirs, "/theirs.csv", &large, CreateMode::Replace).await.unwrap();
        let is_kept = async |name: &str| {
            let found = type_of(&store, format!("{prefix}/{name}")).await;
            assert_eq!(found, "text/x-ours; charset=utf-8", "{server} {name}");
        };
        put(&storage, "/theirs.csv", b"more", CreateMode::Append).await.unwrap();
        is_kept("theirs.csv").await;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        storage.set_modified(&path("/theirs.csv"), time).await.unwrap();
        is_kept("theirs.csv").await;
        storage.rename(&path("/theirs.csv"), &path("/theirs.txt"), true).await.unwrap();
        is_kept("theirs.txt").await;
        assert_eq!(contents(&storage, "/theirs.txt").await, [&large[..], b"more"].concat());
        put(&storage, "/theirs.txt", b"new", CreateMode::Replace).await.unwrap();
        assert_eq!(type_of(&store, format!("{prefix}/theirs.txt")).await, "text/plain", "{server}");
    }
}

fn raw_azure(settings: &AzureSettings) -> MicrosoftAzure {
    MicrosoftAzureBuilder::new()
        .with_account(&settings.account)
        .with_container_name(&settings.container)
        .with_endpoint(settings.endpoint.clone().unwrap())
        .with_allow_http(true)
        .with_access_key(settings.access_key.clone().unwrap())
        .build()
        .unwrap()
}

#[tokio::test]
async fn types_on_azure() {
    let prefix = fresh_prefix();
    let mut settings = azure_settings(&prefix);
    settings.tuning = in_small_parts();
    let store = raw_azure(&settings);
    let storage = ObjectStorage::azure(settings).unwrap();
    let large = pattern(LARGE, 2);
    put(&storage, "/small.pdf", b"pdf", CreateMode::Replace).await.unwrap();
    put(&storage, "/large.csv", &large, CreateMode::Replace).await.unwrap();
    assert_eq!(type_of(&store, format!("{prefix}/small.pdf")).await, "application/pdf");
    assert_eq!(type_of(&store, format!("{prefix}/large.csv")).await, "text/csv");
    assert_eq!(contents(&storage, "/large.csv").await, large);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    storage.set_modified(&path("/large.csv"), time).await.unwrap();
    storage.rename(&path("/large.csv"), &path("/moved.csv"), true).await.unwrap();
    assert_eq!(type_of(&store, format!("{prefix}/moved.csv")).await, "text/csv");
}

#[tokio::test]
async fn what_a_blob_has_is_kept() {
    let prefix = fresh_prefix();
    let mut settings = azure_settings(&prefix);
    settings.tuning = in_small_parts();
    let store = raw_azure(&settings);
    let plain = ObjectStorage::azure(settings.clone()).unwrap();
    settings.content_type = ContentType::Fixed("text/x-ours".into());
    settings.options =
        ObjectOptions { storage_class: Some("Cool".into()), cache_control: Some("max-age=60".into()) };
    let theirs = ObjectStorage::azure(settings).unwrap();
    let is_kept = async |name: &str| {
        let found = attributes(&store, format!("{prefix}/{name}")).await;
        let text = |attribute: &Attribute| found.get(attribute).map(|value| value.as_ref().to_owned());
        assert_eq!(text(&Attribute::ContentType).as_deref(), Some("text/x-ours"), "{name}");
        assert_eq!(text(&Attribute::CacheControl).as_deref(), Some("max-age=60"), "{name}");
    };
    for (name, content) in [("small.csv", b"small".to_vec()), ("large.csv", pattern(LARGE, 5))] {
        put(&theirs, &format!("/{name}"), &content, CreateMode::Replace).await.unwrap();
        is_kept(name).await;
        put(&plain, &format!("/{name}"), b"more", CreateMode::Append).await.unwrap();
        is_kept(name).await;
        let to = name.replace("csv", "txt");
        plain.rename(&path(&format!("/{name}")), &path(&format!("/{to}")), true).await.unwrap();
        is_kept(&to).await;
        assert_eq!(contents(&plain, &format!("/{to}")).await, [&content[..], b"more"].concat());
        put(&plain, &format!("/{to}"), b"new", CreateMode::Replace).await.unwrap();
        assert_eq!(type_of(&store, format!("{prefix}/{to}")).await, "text/plain", "{to}");
    }
    put(&plain, "/scan.jpg.filepart", b"jpg", CreateMode::Replace).await.unwrap();
    plain.rename(&path("/scan.jpg.filepart"), &path("/scan.jpg"), true).await.unwrap();
    assert_eq!(type_of(&store, format!("{prefix}/scan.jpg")).await, "image/jpeg");
}

#[tokio::test]
async fn what_an_object_of_google_has_is_kept() {
    let prefix = fresh_prefix();
    let url = variable("WHARF_TEST_GCS");
    let mut settings = google_settings(&url, &prefix);
    let plain = ObjectStorage::gcs(settings.clone()).unwrap();
    settings.content_type = ContentType::Fixed("text/x-ours".into());
    settings.options =
        ObjectOptions { storage_class: Some("NEARLINE".into()), cache_control: Some("max-age=60".into()) };
    let theirs = ObjectStorage::gcs(settings).unwrap();
    let ask =
        |name: &str| send_raw(&url, &format!("GET /storage/v1/b/{}/o/{prefix}%2F{name}", bucket()), "", "");
    let is_kept = |name: &str, all: &[&str]| {
        let told = ask(name);
        for kept in all {
            assert!(told.contains(kept), "{name} has no {kept}: {told}");
        }
    };
    let all = ["\"text/x-ours\"", "\"max-age=60\"", "\"NEARLINE\""];
    put(&theirs, "/a.csv", b"first", CreateMode::Replace).await.unwrap();
    is_kept("a.csv", &all);
    put(&plain, "/a.csv", b"more", CreateMode::Append).await.unwrap();
    is_kept("a.csv", &all);
    theirs.rename(&path("/a.csv"), &path("/b.txt"), true).await.unwrap();
    // The emulator takes no class of a copy.
    is_kept("b.txt", &all[..2]);
    assert_eq!(contents(&plain, "/b.txt").await, b"firstmore");
    put(&plain, "/scan.jpg.filepart", b"jpg", CreateMode::Replace).await.unwrap();
    plain.rename(&path("/scan.jpg.filepart"), &path("/scan.jpg"), true).await.unwrap();
    assert!(ask("scan.jpg").contains("\"image/jpeg\""), "{}", ask("scan.jpg"));
}

#[tokio::test]
async fn types_on_google() {
    let prefix = fresh_prefix();
    let url = variable("WHARF_TEST_GCS");
    let storage = ObjectStorage::gcs(google_settings(&url, &prefix)).unwrap();
    put(&storage, "/small.pdf", b"pdf", CreateMode::Replace).await.unwrap();
    let line = format!("GET /storage/v1/b/{}/o/{prefix}%2Fsmall.pdf", bucket());
    let told = send_raw(&url, &line, "", "");
    assert!(told.contains("\"application/pdf\""), "{told}");
}

fn options() -> S3Options {
    S3Options {
        storage_class: Some("STANDARD_IA".into()),
        server_side_encryption: Some("aws:kms".into()),
        kms_key_id: Some("a-key".into()),
        customer_key: None,
        acl: Some("public-read".into()),
        tags: vec![("team".into(), "a + b".into()), ("source".into(), "ftp".into())],
        cache_control: Some("max-age=60".into()),
        requester_pays: true,
    }
}

/// moto tells all that it was told.
#[tokio::test]
async fn options_reach_every_new_object_and_every_copy() {
    const MOTO: &str = "WHARF_TEST_MOTO";
    let prefix = fresh_prefix();
    let mut settings = s3_settings(MOTO, &prefix);
    settings.tuning = in_small_parts();
    settings.options = options();
    let storage = ObjectStorage::s3(settings).unwrap();
    let ask = |line: &str, name: &str, query: &str| {
        let line = format!("{line} /{}/{prefix}/{name}{query}", bucket_on(MOTO));
        send_raw(&variable(MOTO), &line, "", "").to_lowercase()
    };
    let has_all = |name: &str| {
        let head = ask("HEAD", name, "");
        for header in [
            "x-amz-storage-class: standard_ia",
            "x-amz-server-side-encryption: aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id: a-key",
            "cache-control: max-age=60",
        ] {
            assert!(head.contains(header), "{name} has no {header}: {head}");
        }
        let tags = ask("GET", name, "?tagging");
        assert!(tags.contains("<value>a + b</value>") && tags.contains("<value>ftp</value>"), "{tags}");
        let acl = ask("GET", name, "?acl");
        assert!(acl.contains("allusers"), "{name}: {acl}");
    };
    put(&storage, "/small.txt", b"small", CreateMode::Replace).await.unwrap();
    has_all("small.txt");
    put(&storage, "/large.txt", &pattern(LARGE, 3), CreateMode::Replace).await.unwrap();
    has_all("large.txt");
    for name in ["small", "large"] {
        let (from, to) = (format!("/{name}.txt"), format!("/{name}.csv"));
        put(&storage, &from, b"more", CreateMode::Append).await.unwrap();
        has_all(&from[1..]);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        storage.set_modified(&path(&from), time).await.unwrap();
        has_all(&from[1..]);
        storage.rename(&path(&from), &path(&to), true).await.unwrap();
        has_all(&to[1..]);
    }

    // Who has no such settings keeps what is there.
    let mut settings = s3_settings(MOTO, &prefix);
    settings.tuning = in_small_parts();
    // But for this: the store tells nobody whose object it is.
    settings.options.acl = Some("public-read".into());
    let plain = ObjectStorage::s3(settings).unwrap();
    for name in ["small", "large"] {
        put(&plain, &format!("/{name}.csv"), b"more", CreateMode::Append).await.unwrap();
        let told = ask("HEAD", &format!("{name}.csv"), "") + &ask("GET", &format!("{name}.csv"), "?tagging");
        for kept in ["cache-control: max-age=60", "content-type: text/csv", "<value>a + b</value>"] {
            assert!(told.contains(kept), "{name} has lost {kept}: {told}");
        }
    }

    // What was there before gets them with its copy.
    put(&s3(MOTO, &prefix), "/old.txt", b"old", CreateMode::Replace).await.unwrap();
    storage.rename(&path("/old.txt"), &path("/new.txt"), true).await.unwrap();
    let head = ask("HEAD", "new.txt", "");
    assert!(head.contains("x-amz-storage-class: standard_ia"), "{head}");
    assert!(head.contains("x-amz-server-side-encryption: aws:kms"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pays_is_said_with_every_request() {
    let (server, prefix) = ("WHARF_TEST_MOTO", fresh_prefix());
    let proxy = Proxy::before(&variable(server)).await;
    let mut settings = settings_through(&proxy, server, &prefix);
    settings.tuning = in_small_parts();
    settings.options.requester_pays = true;
    let storage = ObjectStorage::s3(settings).unwrap();
    put(&storage, "/a", &pattern(LARGE, 4), CreateMode::Replace).await.unwrap();
    put(&storage, "/a", b"more", CreateMode::Append).await.unwrap();
    storage.rename(&path("/a"), &path("/b"), true).await.unwrap();
    contents(&storage, "/b").await;
    storage.create_directory(&path("/d")).await.unwrap();
    wharf_backends::contract::names_in(&storage, "/").await;
    storage.remove_file(&path("/b")).await.unwrap();
    let records = proxy.take();
    assert!(records.len() > 10);
    for record in records {
        assert_eq!(record.request_payer.as_deref(), Some("requester"), "{record}");
    }
}
