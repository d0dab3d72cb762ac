//! `kind: gcs`: a bucket of Google Cloud Storage.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use wharf_backends::Storage;
use wharf_backends::object::{Authorities, GcsSettings, ObjectOptions, ObjectStorage};

use super::bucket::{self, Uploads};
use super::proof::{Way, Ways};
use crate::config::section::{Around, At, Checker, Scalar, Secret as WrittenSecret, Section};
use crate::config::{Backend, Ground, Needs, OpenError, Secret, Shared};

/// A bucket of Google Cloud Storage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gcs {
    /// The bucket's name. Example: `bucket: acme-archive`.
    #[schemars(required)]
    bucket: Option<At<String>>,
    /// The directory of the bucket that is shown as `/`. Default: the whole bucket. Example: `prefix: partners`.
    #[schemars(extend("x-type" = "path"))]
    prefix: Option<At<String>>,
    /// The text of the JSON file of a service account's key. Example: `service_account_key: { file: secrets/gcs.json }`.
    service_account_key: Option<At<WrittenSecret>>,
    /// The URL of the store if it is not Google's. Default: Google's. Example: `endpoint: https://storage.example.com`.
    #[schemars(extend("x-type" = "URL"))]
    endpoint: Option<At<String>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the store's authority, or
    /// the store's own. Default: the system's authorities. Example: `ca_file: tls/store-ca.pem`.
    #[schemars(extend("x-type" = "path"))]
    ca_file: Option<At<String>>,
    /// Sign nothing: the bucket is public, or the store an emulator. Default: `false`. Example: `anonymous: true`.
    anonymous: Option<At<bool>>,
    /// Use the credentials that the environment provides. Default: `false`. Example: `ambient_credentials: true`.
    ambient_credentials: Option<At<bool>>,
    /// The type of content of new objects. Default: `by-extension`. Example: `content_type: text/plain`.
    #[schemars(extend("x-type" = "`by-extension`, `none` or a type"))]
    content_type: Option<At<String>>,
    /// The header Cache-Control of new objects. Example: `cache_control: max-age=3600`.
    cache_control: Option<At<String>>,
    /// The storage class of new objects. Default: the bucket's. Example: `storage_class: NEARLINE`.
    #[schemars(extend("x-type" = "word"))]
    storage_class: Option<At<String>>,
    /// The size of the parts of an upload, from `5MiB` to `5GiB`, and at most a quarter of `server.limits.buffer_memory`.
    /// Default: `8MiB`. Example: `part_size: 16MiB`.
    #[schemars(extend("x-type" = "size"))]
    part_size: Option<At<Scalar>>,
    /// How many parts of one upload are sent at once; each takes memory. Default: `4`. Example: `upload_concurrency: 8`.
    #[schemars(range(min = 1, max = 64))]
    upload_concurrency: Option<At<u64>>,
    /// Ask the store, during an upload, whether its name is a directory's or below a file's. Default: `true`. Example:
    /// `check_names: false`.
    check_names: Option<At<bool>>,
}

/// Google's classes. Some buckets still have the older words.
const CLASSES: &[&str] = &[
    "STANDARD",
    "NEARLINE",
    "COLDLINE",
    "ARCHIVE",
    "MULTI_REGIONAL",
    "REGIONAL",
    "DURABLE_REDUCED_AVAILABILITY",
];

impl Section for Gcs {
    const KIND: &'static str = "gcs";

    fn check(self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>> {
        let name = bucket::name(checker, self.bucket, "bucket", around);
        let prefix = checker.storage_path(self.prefix);
        let endpoint = bucket::endpoint(checker, self.endpoint);
        let authorities = bucket::authorities(checker, self.ca_file, endpoint.as_deref());
        let credentials =
            credentials(checker, self.service_account_key, self.anonymous, self.ambient_credentials, around);
        let uploads = Uploads {
            part_size: self.part_size,
            concurrency: self.upload_concurrency,
            check_names: self.check_names,
        };
        let tuning = uploads.check(checker, authorities, around);
        let content_type = bucket::content_type(checker, self.content_type);
        let google = endpoint.is_none().then_some("Google");
        let options = ObjectOptions {
            storage_class: bucket::word(checker, self.storage_class, CLASSES, google),
            cache_control: bucket::header(checker, self.cache_control),
        };
        let settings = GcsSettings {
            prefix: prefix?,
            content_type,
            options,
            endpoint,
            tuning,
            ..GcsSettings::new(name?)
        };
        Some(Arc::new(Bucket { settings, credentials: credentials? }))
    }
}

/// How to prove to Google Cloud Storage who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// With the key of a service account: the text of its JSON file.
    ServiceAccountKey(Secret),
    /// Not at all: public buckets and emulators.
    Anonymous,
    /// With what the environment hands out: application default credentials, instance metadata.
    Ambient,
}

pub(super) fn credentials(
    checker: &Checker<'_>,
    key: Option<At<WrittenSecret>>,
    anonymous: Option<At<bool>>,
    ambient: Option<At<bool>>,
    around: Around,
) -> Option<Credentials> {
    let ways = Ways { keys: "`service_account_key`", anonymous, ambient, owner: around.name };
    let way = ways.choice(checker, key.as_ref().map(|at| at.key));
    let key = key.and_then(|at| checker.secret(at)).filter(|(key, span)| {
        let is_key = is_service_account_key(key);
        if !is_key {
            checker.problem(*span, "this is not the JSON text of a service account's key");
        }
        is_key
    });
    Some(match way? {
        Way::Keys => Credentials::ServiceAccountKey(key?.0),
        Way::Anonymous => Credentials::Anonymous,
        Way::Ambient => Credentials::Ambient,
    })
}

fn is_service_account_key(key: &Secret) -> bool {
    let json: Result<serde_json::Value, _> = serde_json::from_str(key.expose());
    json.is_ok_and(|json| ["client_email", "private_key"].iter().all(|field| json[field].is_string()))
}

/// A bucket and its credentials.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// All settings but the credentials and the memory that storages share.
    pub(crate) settings: GcsSettings,
    pub(crate) credentials: Credentials,
}

impl Backend for Bucket {
    fn kind(&self) -> &'static str {
        Gcs::KIND
    }

    fn open(&self, _: &str, shared: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        let mut settings = self.settings.clone();
        settings.tuning = bucket::shared(&settings.tuning, shared);
        match &self.credentials {
            Credentials::ServiceAccountKey(key) => {
                settings.service_account_key = Some(key.expose().to_owned());
            }
            Credentials::Anonymous => settings.anonymous = true,
            Credentials::Ambient => settings.ambient_credentials = true,
        }
        Ok(Arc::new(ObjectStorage::gcs(settings)?))
    }

    fn location(&self) -> Option<String> {
        let GcsSettings { endpoint, bucket, prefix, .. } = &self.settings;
        Some(format!("{:?}", (endpoint, bucket, prefix)))
    }

    fn ground(&self) -> Option<Ground> {
        let GcsSettings { endpoint, bucket, prefix, .. } = &self.settings;
        Some(Ground::of_bucket("gcs", endpoint.as_deref(), bucket, prefix))
    }

    fn web(&self) -> Option<(String, Option<Authorities>)> {
        let GcsSettings { endpoint, tuning, .. } = &self.settings;
        let google = || "https://storage.googleapis.com".to_owned();
        Some((endpoint.clone().unwrap_or_else(google), tuning.authorities.clone()))
    }

    fn needs(&self) -> Needs {
        bucket::needs(matches!(self.credentials, Credentials::Ambient), [])
    }
}
