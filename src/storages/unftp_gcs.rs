//! `kind: unftp-gcs`: a bucket of Google Cloud Storage through the crate `unftp-sbe-gcs`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use wharf_backends::{Storage, StoragePath};

use super::gcs::Credentials;
use super::unftp_fs::needs_feature;
use super::{bucket, gcs};
use crate::config::section::{Around, At, Checker, Secret, Section};
use crate::config::{Backend, Ground, Needs, OpenError, Shared};

/// A bucket of Google Cloud Storage through unftp-sbe-gcs, libunftp's own storage backend.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnftpGcs {
    /// The bucket's name. Example: `bucket: acme-old`.
    #[schemars(required)]
    bucket: Option<At<String>>,
    /// The directory of the bucket that is shown as `/`. Default: the whole bucket. Example: `prefix: inbound`.
    #[schemars(extend("x-type" = "path"))]
    prefix: Option<At<String>>,
    /// The key of a service account: the text of its JSON file. Example: `service_account_key: { file: secrets/gcs.json }`.
    service_account_key: Option<At<Secret>>,
    /// Send requests without credentials: the bucket is public. Default: `false`. Example: `anonymous: true`.
    anonymous: Option<At<bool>>,
    /// Use the credentials that the environment provides. Default: `false`. Example: `ambient_credentials: true`.
    ambient_credentials: Option<At<bool>>,
}

impl Section for UnftpGcs {
    const KIND: &'static str = "unftp-gcs";

    fn check(self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>> {
        needs_feature(checker, around);
        let name = bucket::name(checker, self.bucket, "bucket", around);
        let prefix = checker.storage_path(self.prefix);
        let credentials = gcs::credentials(
            checker,
            self.service_account_key,
            self.anonymous,
            self.ambient_credentials,
            around,
        );
        Some(Arc::new(Bucket { name: name?, prefix: prefix?, credentials: credentials? }))
    }
}

/// A bucket and the directory of it that is shown as `/`.
#[derive(Debug)]
struct Bucket {
    name: String,
    prefix: StoragePath,
    credentials: Credentials,
}

impl Backend for Bucket {
    fn kind(&self) -> &'static str {
        UnftpGcs::KIND
    }

    #[cfg(not(feature = "unftp-backends"))]
    fn open(&self, _: &str, _: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        Err(format!("this build has no backends of kind {}", self.kind()).into())
    }

    #[cfg(feature = "unftp-backends")]
    fn open(&self, _: &str, _: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        use wharf_backends::Capabilities;
        use wharf_backends::unftp::{AuthMethod, CloudStorage, UnftpStorage};
        let bucket = Capabilities {
            remote: true,
            implicit_directories: true,
            set_modified: false,
            lists_set_times: false,
            rename_directories: false,
        };
        let credentials = match &self.credentials {
            Credentials::ServiceAccountKey(key) => {
                AuthMethod::ServiceAccountKey(key.expose().as_bytes().to_vec())
            }
            Credentials::Anonymous => AuthMethod::None,
            Credentials::Ambient => AuthMethod::WorkloadIdentity(None),
        };
        let storage = CloudStorage::with_bucket_root(&self.name, self.prefix.relative().into(), credentials);
        Ok(Arc::new(UnftpStorage::new(storage, bucket)))
    }

    fn keeps_uploads(&self) -> Option<bool> {
        None
    }

    fn location(&self) -> Option<String> {
        Some(format!("{:?}", (&self.name, &self.prefix)))
    }

    fn ground(&self) -> Option<Ground> {
        Some(Ground::of_bucket("gcs", None, &self.name, &self.prefix))
    }

    fn needs(&self) -> Needs {
        bucket::needs(matches!(self.credentials, Credentials::Ambient), [])
    }
}
