//! What an operator says of a bucket, and what is wrong with it.

pub(crate) mod authorities;
pub(crate) mod options;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::authorities::Authorities;
use self::options::{ContentType, ObjectOptions};
use crate::object::s3::{Profile, Role, S3Options};
use crate::observe::Observers;
use crate::{Buffers, StoragePath};

/// Why a bucket can't be used as configured; one sentence that names the setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A setting has a value that can't be used.
    #[error("{setting}: {reason}")]
    Invalid {
        /// The setting, as its field is called.
        setting: &'static str,
        /// What is wrong with it; never its value if that is a secret.
        reason: String,
    },
    /// Nothing says how to prove who asks. Falling through to the cloud's metadata address, as cloud libraries
    /// do, would contact an address that nobody configured.
    #[error(
        "no credentials: set {keys}, or `ambient_credentials` to take those of the machine, \
         or `anonymous` for a public bucket"
    )]
    NoCredentials {
        /// The settings that would do.
        keys: &'static str,
    },
    /// The HTTP client could not be made.
    #[error("the client can't be made: {0}")]
    Client(String),
}

impl SettingsError {
    pub(crate) fn invalid(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { setting, reason: reason.into() }
    }
}

/// How a bucket is talked to: sizes, parallel requests, patience.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Bytes of one part of a multipart upload; an upload that stays below is a single request. From 5 MiB, the
    /// least that S3 takes, to 5 GiB. An upload grows it as it comes near `max_parts`, unless all have to be equal.
    pub part_size: u64,
    /// Parts of one upload that are sent at the same time, at least 1. An upload holds at most this many parts
    /// and the one it gathers in memory, and less where the `buffers` have no room.
    pub upload_concurrency: usize,
    /// How many parts of one upload the store takes: from 1000 to 10,000, which is what S3 takes.
    pub max_parts: u16,
    /// How often a request that failed for a reason that may pass is sent again; one that carries the content of an upload
    /// twice as often, as more is lost with it. A download asks as often for its rest, each time as a request of its own.
    pub retries: usize,
    /// No request is sent again when this much time has passed since it was first sent.
    pub retry_timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the store may be silent: before it answers, and between two pieces of a body. There is no limit
    /// on the time that a whole body takes.
    pub read_timeout: Duration,
    /// How old an unfinished upload of ours is when it is taken to be abandoned, and removed.
    pub abandoned_after: Duration,
    /// Whether the store is asked, beside an upload, if its name is a directory's, or below a file's. Without that a name can
    /// become both.
    pub check_names: bool,
    /// The memory for what is on its way to and from the store; storages that are given the same share it.
    pub buffers: Arc<Buffers>,
    /// Who hears of the requests.
    pub observers: Observers,
    /// Who vouches for the certificates of the store and of those who hand out credentials; if not given, whoever the system
    /// trusts.
    pub authorities: Option<Authorities>,
}

impl Tuning {
    /// The least part size, in bytes.
    pub const MIN_PART_SIZE: u64 = 5 << 20;
    /// The largest part size, in bytes.
    pub const MAX_PART_SIZE: u64 = 5 << 30;
    /// The most parts of one upload that S3 takes.
    pub const MAX_PARTS: u16 = 10_000;
    /// The least that a store may take: appending needs so many numbers.
    pub const LEAST_MAX_PARTS: u16 = 1000;

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if !(Self::MIN_PART_SIZE..=Self::MAX_PART_SIZE).contains(&self.part_size) {
            return Err(SettingsError::invalid("part_size", "must be between 5 MiB and 5 GiB"));
        }
        if !(Self::LEAST_MAX_PARTS..=Self::MAX_PARTS).contains(&self.max_parts) {
            return Err(SettingsError::invalid("max_parts", "must be between 1000 and 10000"));
        }
        if self.upload_concurrency == 0 {
            return Err(SettingsError::invalid("upload_concurrency", "must be at least 1"));
        }
        if self.part_size > self.buffers.largest_part() {
            return Err(SettingsError::invalid(
                "part_size",
                "must not be more than a quarter of the buffer memory",
            ));
        }
        if self.connect_timeout.is_zero() {
            return Err(SettingsError::invalid("connect_timeout", "must be longer than 0"));
        }
        if self.read_timeout.is_zero() {
            return Err(SettingsError::invalid("read_timeout", "must be longer than 0"));
        }
        Ok(())
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            part_size: 8 << 20,
            max_parts: Self::MAX_PARTS,
            upload_concurrency: 4,
            retries: 5,
            retry_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            abandoned_after: Duration::from_secs(24 * 60 * 60),
            check_names: true,
            buffers: Buffers::new(256 << 20, None),
            observers: Observers::default(),
            authorities: None,
        }
    }
}

/// A bucket of Amazon S3 or of anything that speaks its protocol.
#[derive(Clone, PartialEq)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// Its region; `us-east-1` if not given.
    pub region: Option<String>,
    /// The URL of the service, for a store that is not Amazon's: `https://host:port` or `http://…`.
    pub endpoint: Option<String>,
    /// The root of the backend inside the bucket; `/` for the whole bucket.
    pub prefix: StoragePath,
    /// Who asks. Goes together with `secret_access_key`.
    pub access_key_id: Option<String>,
    /// The secret of `access_key_id`.
    pub secret_access_key: Option<String>,
    /// Goes with keys that expire.
    pub session_token: Option<String>,
    /// Where the keys are instead, which others change while the server runs.
    pub profile: Option<Profile>,
    /// The role that requests are made in: whoever the credentials belong to may assume it.
    pub role: Option<Role>,
    /// The bucket stands in the path of URLs rather than in the host name. If not given: with an `endpoint` yes,
    /// at Amazon no.
    pub path_style: Option<bool>,
    /// The content of uploads is hashed and the hash signed, so that nobody changes it on its way. If not given: where it
    /// leaves the machine without TLS.
    pub sign_payload: Option<bool>,
    /// All parts of an upload but the last have one size, the `part_size`, and the last is no larger. That limits files to
    /// 10,000 times this size. If not given: at Cloudflare's R2, which takes no others.
    pub equal_parts: Option<bool>,
    /// The type of content of new objects.
    pub content_type: ContentType,
    /// What else is wanted for objects.
    pub options: S3Options,
    /// Takes the credentials of the machine: the `AWS_…` environment variables for keys, web identities and
    /// containers, or else the instance's metadata address. Contacted only if this is set.
    pub ambient_credentials: bool,
    /// Signs nothing: the bucket is public.
    pub anonymous: bool,
    /// Sizes, parallel requests, patience.
    pub tuning: Tuning,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, PartialEq)]
pub struct GcsSettings {
    /// Its name.
    pub bucket: String,
    /// The root of the backend inside the bucket; `/` for the whole bucket.
    pub prefix: StoragePath,
    /// The JSON text of a service account's key.
    pub service_account_key: Option<String>,
    /// The URL of the service if it is not Google's.
    pub endpoint: Option<String>,
    /// The type of content of new objects.
    pub content_type: ContentType,
    /// What else is wanted for them.
    pub options: ObjectOptions,
    /// Takes the credentials of the machine: application default credentials, or else the metadata address.
    /// Contacted only if this is set.
    pub ambient_credentials: bool,
    /// Signs nothing: the bucket is public.
    pub anonymous: bool,
    /// Sizes, parallel requests, patience.
    pub tuning: Tuning,
}

/// A container of Azure Blob Storage.
#[derive(Clone, PartialEq)]
pub struct AzureSettings {
    /// The name of the storage account.
    pub account: String,
    /// The name of the container.
    pub container: String,
    /// The root of the backend inside the container; `/` for the whole container.
    pub prefix: StoragePath,
    /// The account's key, in base64.
    pub access_key: Option<String>,
    /// A shared access signature, as a query without the question mark: in place of the key.
    pub sas_token: Option<String>,
    /// The URL of the account if it is not `https://ACCOUNT.blob.core.windows.net`; the emulator wants the
    /// account in the path.
    pub endpoint: Option<String>,
    /// The type of content of new blobs.
    pub content_type: ContentType,
    /// What else is wanted for them.
    pub options: ObjectOptions,
    /// Takes the credentials of the machine: the `AZURE_…` environment variables for a client secret or a
    /// workload identity, or else the managed identity of the metadata address. Contacted only if this is set.
    pub ambient_credentials: bool,
    /// Signs nothing: the container is public.
    pub anonymous: bool,
    /// Sizes, parallel requests, patience.
    pub tuning: Tuning,
}

impl S3Settings {
    /// The bucket `bucket` at Amazon, whole, with everything else left at its default.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            region: None,
            endpoint: None,
            prefix: StoragePath::root(),
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            profile: None,
            role: None,
            path_style: None,
            sign_payload: None,
            equal_parts: None,
            content_type: ContentType::default(),
            options: S3Options::default(),
            ambient_credentials: false,
            anonymous: false,
            tuning: Tuning::default(),
        }
    }
}

impl GcsSettings {
    /// The bucket `bucket` at Google, whole, with everything else left at its default.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: StoragePath::root(),
            service_account_key: None,
            endpoint: None,
            content_type: ContentType::default(),
            options: ObjectOptions::default(),
            ambient_credentials: false,
            anonymous: false,
            tuning: Tuning::default(),
        }
    }
}

impl AzureSettings {
    /// The container `container` of `account`, whole, with everything else left at its default.
    pub fn new(account: impl Into<String>, container: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            container: container.into(),
            prefix: StoragePath::root(),
            access_key: None,
            sas_token: None,
            endpoint: None,
            content_type: ContentType::default(),
            options: ObjectOptions::default(),
            ambient_credentials: false,
            anonymous: false,
            tuning: Tuning::default(),
        }
    }
}

/// Shows that a secret is there, and no more.
fn hidden(secret: Option<&String>) -> Option<fmt::Arguments<'static>> {
    secret.map(|_| format_args!("<hidden>"))
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("prefix", &self.prefix)
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &hidden(self.secret_access_key.as_ref()))
            .field("session_token", &hidden(self.session_token.as_ref()))
            .field("profile", &self.profile)
            .field("role", &self.role)
            .field("path_style", &self.path_style)
            .field("sign_payload", &self.sign_payload)
            .field("equal_parts", &self.equal_parts)
            .field("content_type", &self.content_type)
            .field("options", &self.options)
            .field("ambient_credentials", &self.ambient_credentials)
            .field("anonymous", &self.anonymous)
            .field("tuning", &self.tuning)
            .finish()
    }
}

impl fmt::Debug for GcsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcsSettings")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("service_account_key", &hidden(self.service_account_key.as_ref()))
            .field("endpoint", &self.endpoint)
            .field("content_type", &self.content_type)
            .field("options", &self.options)
            .field("ambient_credentials", &self.ambient_credentials)
            .field("anonymous", &self.anonymous)
            .field("tuning", &self.tuning)
            .finish()
    }
}

impl fmt::Debug for AzureSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureSettings")
            .field("account", &self.account)
            .field("container", &self.container)
            .field("prefix", &self.prefix)
            .field("access_key", &hidden(self.access_key.as_ref()))
            .field("sas_token", &hidden(self.sas_token.as_ref()))
            .field("endpoint", &self.endpoint)
            .field("content_type", &self.content_type)
            .field("options", &self.options)
            .field("ambient_credentials", &self.ambient_credentials)
            .field("anonymous", &self.anonymous)
            .field("tuning", &self.tuning)
            .finish()
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
