//! Where the servers are, and storages on them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use wharf_backends::StoragePath;
use wharf_backends::contract::Fixture;
use wharf_backends::object::{AzureSettings, GcsSettings, ObjectStorage, S3Settings, Tuning};
use wharf_testing::proxy::Proxy;

/// Azurite's built-in account and its key, the same everywhere and documented by it.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The servers that speak S3's protocol.
pub const SERVERS: [&str; 2] = ["WHARF_TEST_SEAWEEDFS", "WHARF_TEST_MOTO"];

pub fn variable(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) => value,
        Err(_) => panic!("{name} is not set: start the test servers with scripts/with-servers COMMAND"),
    }
}

pub fn bucket() -> String {
    std::env::var("WHARF_TEST_S3_BUCKET").unwrap_or_else(|_| "wharf-test".to_owned())
}

/// The bucket of a test on one of the S3 servers. On moto it is one of its own: moto answers 500 when a listing meets
/// somebody who stores in the same bucket.
pub fn bucket_on(server: &str) -> String {
    static MADE: OnceLock<String> = OnceLock::new();
    if server != "WHARF_TEST_MOTO" {
        return bucket();
    }
    MADE.get_or_init(|| {
        let name = format!("{}-{}", bucket(), fresh_prefix());
        let mut connection = TcpStream::connect(variable(server).trim_start_matches("http://")).unwrap();
        let request =
            format!("PUT /{name} HTTP/1.1\r\nHost: s3\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        name
    })
    .clone()
}

/// A prefix that no other test has used.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    format!("t{time:x}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

/// Quick to give up, so that a failure is one of a test, not of a patient client.
pub fn tuning() -> Tuning {
    Tuning { retries: 2, retry_timeout: Duration::from_secs(20), ..Tuning::default() }
}

/// Settings of one of the S3 servers, by the variable that holds its URL.
pub fn s3_settings(server: &str, prefix: &str) -> S3Settings {
    S3Settings {
        endpoint: Some(variable(server)),
        prefix: path(prefix),
        access_key_id: Some(variable("WHARF_TEST_S3_ACCESS_KEY")),
        secret_access_key: Some(variable("WHARF_TEST_S3_SECRET_KEY")),
        tuning: tuning(),
        ..S3Settings::new(bucket_on(server))
    }
}

pub fn s3(server: &str, prefix: &str) -> ObjectStorage {
    ObjectStorage::s3(s3_settings(server, prefix)).unwrap()
}

/// The settings of a storage on the same server that reaches it through a proxy.
pub fn settings_through(proxy: &Proxy, server: &str, prefix: &str) -> S3Settings {
    S3Settings { endpoint: Some(proxy.url()), ..s3_settings(server, prefix) }
}

pub fn s3_through(proxy: &Proxy, server: &str, prefix: &str) -> ObjectStorage {
    ObjectStorage::s3(settings_through(proxy, server, prefix)).unwrap()
}

/// The same bucket past the backend, for keys that it would not write and facts that it doesn't tell.
pub fn raw(server: &str) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(variable(server))
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(bucket_on(server))
        .with_access_key_id(variable("WHARF_TEST_S3_ACCESS_KEY"))
        .with_secret_access_key(variable("WHARF_TEST_S3_SECRET_KEY"))
        .with_disable_bulk_delete(true)
        .build()
        .unwrap()
}

pub fn azure_settings(prefix: &str) -> AzureSettings {
    AzureSettings {
        endpoint: Some(format!("{}/{AZURE_ACCOUNT}", variable("WHARF_TEST_AZURITE"))),
        prefix: path(prefix),
        access_key: Some(AZURE_KEY.to_owned()),
        tuning: tuning(),
        ..AzureSettings::new(AZURE_ACCOUNT, bucket())
    }
}

/// A bucket of the emulator, reached at this URL.
pub fn google_settings(endpoint: &str, prefix: &str) -> GcsSettings {
    GcsSettings {
        endpoint: Some(endpoint.to_owned()),
        prefix: path(prefix),
        anonymous: true,
        tuning: tuning(),
        ..GcsSettings::new(bucket())
    }
}

/// Sends a request of HTTP/1.1 as it stands, and returns the whole answer, which has to be one of success.
pub fn send_raw(url: &str, request_line: &str, headers: &str, body: &str) -> String {
    let mut connection = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let request = format!(
        "{request_line} HTTP/1.1\r\nHost: store\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 2"), "{request_line}: {answer}");
    answer
}

pub async fn seaweedfs() -> Fixture {
    let prefix = fresh_prefix();
    Fixture::new(s3("WHARF_TEST_SEAWEEDFS", &prefix)).with_second(s3("WHARF_TEST_SEAWEEDFS", &prefix))
}

pub async fn moto() -> Fixture {
    let prefix = fresh_prefix();
    Fixture::new(s3("WHARF_TEST_MOTO", &prefix)).with_second(s3("WHARF_TEST_MOTO", &prefix))
}

pub async fn azurite() -> Fixture {
    let prefix = fresh_prefix();
    let open = || ObjectStorage::azure(azure_settings(&prefix)).unwrap();
    Fixture::new(open()).with_second(open())
}
