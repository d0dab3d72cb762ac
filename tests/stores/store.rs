//! The stores, and a place on one that no other test uses.

use std::time::Duration;

use wharf_backends::StoragePath;
use wharf_backends::object::{AzureSettings, GcsSettings, ObjectStorage, S3Settings, Tuning};

use crate::support::{Setup, fresh_prefix, installed, on_demand};

/// Azurite's built-in account and its key, the same everywhere and documented by it.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The least that S3 takes, so that a file of 12 MiB has three.
const PART_SIZE: u64 = 5 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    SeaweedFs,
    Moto,
    CephRgw,
    Swift,
    Rclone,
    S3sFs,
    Azurite,
    FakeGcs,
}

impl Store {
    /// In the order of the table's columns.
    pub const ALL: [Self; 8] = [
        Self::SeaweedFs,
        Self::CephRgw,
        Self::Swift,
        Self::Moto,
        Self::S3sFs,
        Self::Rclone,
        Self::Azurite,
        Self::FakeGcs,
    ];

    /// What it is called, and the file of ours that pins its version behind these words.
    pub fn name_and_pin(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::SeaweedFs => ("SeaweedFS", "scripts/requirements.txt", "\nseaweedfs-bin=="),
            Self::Moto => ("moto", "scripts/requirements.txt", "\nmoto=="),
            Self::CephRgw => ("Ceph RGW", "", ""),
            Self::Swift => ("Swift", "scripts/requirements-swift.txt", "\nswift=="),
            Self::Rclone => ("rclone serve s3", "scripts/requirements-clients.txt", "\nrclone-bin=="),
            Self::S3sFs => ("s3s-fs", "scripts/install-test-tools", "\ns3s_fs_version="),
            Self::Azurite => ("Azurite", "scripts/azurite/package.json", "\"azurite\": \""),
            Self::FakeGcs => {
                ("fake-gcs-server", "scripts/requirements.txt", "\nfake-gcs-server-python-wrapper==")
            }
        }
    }
}

/// How a store is reached.
#[derive(Debug, Clone)]
pub struct Access {
    pub url: String,
    pub access_key: String,
    pub secret_key: String,
    pub bucket: String,
}

#[track_caller]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: this test needs the servers of scripts/with-servers (`make test`)")
    })
}

impl Access {
    #[track_caller]
    fn to(store: Store) -> Self {
        let variable_of = |url| Self {
            url: variable(url),
            access_key: variable("WHARF_TEST_S3_ACCESS_KEY"),
            secret_key: variable("WHARF_TEST_S3_SECRET_KEY"),
            bucket: variable("WHARF_TEST_S3_BUCKET"),
        };
        match store {
            Store::SeaweedFs => variable_of("WHARF_TEST_SEAWEEDFS"),
            Store::Moto => variable_of("WHARF_TEST_MOTO"),
            Store::Azurite => variable_of("WHARF_TEST_AZURITE"),
            Store::FakeGcs => variable_of("WHARF_TEST_GCS"),
            Store::CephRgw => Self::on_demand("ceph-rgw"),
            Store::Swift => Self::on_demand("swift"),
            Store::Rclone => Self::on_demand("rclone"),
            Store::S3sFs => Self::on_demand("s3s-fs"),
        }
    }

    #[track_caller]
    fn on_demand(name: &str) -> Self {
        let [url, access_key, secret_key, bucket] = on_demand(name);
        Self { url, access_key, secret_key, bucket }
    }
}

/// A prefix in a bucket of a store.
pub struct Place {
    pub store: Store,
    pub access: Access,
    pub prefix: String,
}

impl Place {
    #[track_caller]
    pub fn fresh(store: Store) -> Self {
        let mut place =
            Self { store, access: Access::to(store), prefix: format!("stores-{}", fresh_prefix()) };
        if store == Store::Moto {
            // It answers 500 when a listing meets somebody who stores in the same bucket.
            place.access.bucket.clone_from(&place.prefix);
            place.beside(&["make"]);
        }
        place
    }

    /// The `{ … }` of a backend here.
    pub fn backend(&self) -> String {
        let Self { store, access: Access { url, access_key, secret_key, bucket }, prefix } = self;
        let common = format!("prefix: {prefix}, part_size: 5MiB");
        match store {
            Store::Azurite => format!(
                "{{ kind: azure, account: {AZURE_ACCOUNT}, container: {bucket}, access_key: '{AZURE_KEY}', \
                 endpoint: '{url}/{AZURE_ACCOUNT}', {common} }}"
            ),
            // It knows no uploads in parts.
            Store::FakeGcs => format!(
                "{{ kind: gcs, bucket: {bucket}, anonymous: true, endpoint: '{url}', prefix: {prefix}, part_size: 60MiB }}"
            ),
            _ => format!(
                "{{ kind: s3, bucket: {bucket}, region: us-east-1, endpoint: '{url}', access_key_id: '{access_key}', \
                 secret_access_key: '{secret_key}', {common} }}"
            ),
        }
    }

    /// The user `demo` who may do everything here, and `careful` who may not overwrite.
    pub fn setup(&self) -> Setup {
        Self::setup_of(&self.backend())
    }

    /// The same with another backend.
    pub fn setup_of(backend: &str) -> Setup {
        Setup::new(format!(
            "
backends:
  bucket: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: bucket, permissions: full }}
  - {{ name: careful, password: careful, plain: true, backend: bucket, permissions: [list, download, upload] }}
"
        ))
    }

    /// Another server's view of the same place, inside of this process. For it, every unfinished upload is an old one.
    pub fn storage(&self) -> ObjectStorage {
        let Self { store, access: Access { url, access_key, secret_key, bucket }, prefix } = self;
        let prefix = StoragePath::parse(prefix).unwrap();
        let tuning = Tuning {
            part_size: PART_SIZE,
            retries: 2,
            retry_timeout: Duration::from_secs(20),
            abandoned_after: Duration::ZERO,
            ..Tuning::default()
        };
        let storage = match store {
            Store::Azurite => ObjectStorage::azure(AzureSettings {
                endpoint: Some(format!("{url}/{AZURE_ACCOUNT}")),
                prefix,
                access_key: Some(AZURE_KEY.to_owned()),
                tuning,
                ..AzureSettings::new(AZURE_ACCOUNT, bucket)
            }),
            Store::FakeGcs => ObjectStorage::gcs(GcsSettings {
                endpoint: Some(url.clone()),
                prefix,
                anonymous: true,
                tuning: Tuning { part_size: 60 << 20, ..tuning },
                ..GcsSettings::new(bucket)
            }),
            _ => ObjectStorage::s3(S3Settings {
                endpoint: Some(url.clone()),
                prefix,
                access_key_id: Some(access_key.clone()),
                secret_access_key: Some(secret_key.clone()),
                tuning,
                ..S3Settings::new(bucket)
            }),
        };
        storage.unwrap()
    }

    pub fn speaks_s3(&self) -> bool {
        !matches!(self.store, Store::Azurite | Store::FakeGcs)
    }

    /// What `tests/clients/bucket.py` prints, by lines: somebody who looks past the server into a bucket of S3.
    #[track_caller]
    pub fn beside(&self, arguments: &[&str]) -> Vec<String> {
        let Access { url, access_key, secret_key, bucket } = &self.access;
        let folder = tempfile::tempdir().unwrap();
        let printed = installed("python/bin/python", folder.path())
            .arg(crate::support::client_script("bucket.py"))
            .args(arguments)
            .env("WHARF_TEST_BUCKET", [&**url, access_key, secret_key, bucket].join("\n"))
            .run();
        printed.lines().map(str::to_owned).collect()
    }

    /// The keys of unfinished uploads here, and how many parts each has. Other clouds than S3 tell of none.
    #[track_caller]
    pub fn unfinished_uploads(&self) -> Vec<(String, usize)> {
        if !self.speaks_s3() {
            return Vec::new();
        }
        let lines = self.beside(&["uploads", &format!("{}/", self.prefix)]);
        let upload = |line: &String| {
            let (key, parts) = line.rsplit_once(' ').unwrap();
            (key.to_owned(), parts.parse().unwrap())
        };
        lines.iter().map(upload).collect()
    }
}
