//! Storages as they can be opened.

use std::path::PathBuf;
use std::time::Duration;

use wharf_backends::StoragePath;
use wharf_backends::local::LocalOptions;
use wharf_backends::object::{Authorities, ContentType, ObjectOptions, Profile, Role, S3Options};

use crate::config::Secret;

/// A configured storage.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A local directory.
    Local {
        /// The directory. It exists, or [`create_root`](LocalOptions::create_root) is set.
        root: PathBuf,
        /// How it is treated.
        options: LocalOptions,
    },
    /// The memory of this process.
    Memory {
        /// How many bytes of content may be held; more than zero.
        capacity: u64,
    },
    /// A bucket of Amazon S3 or of a store that speaks its protocol.
    S3(Box<S3>),
    /// A bucket of Google Cloud Storage.
    Gcs(Gcs),
    /// A container of Azure Blob Storage.
    Azure(Azure),
    /// A local directory through the crate `unftp-sbe-fs`.
    UnftpFs {
        /// The directory; it exists.
        root: PathBuf,
    },
    /// A bucket of Google Cloud Storage through the crate `unftp-sbe-gcs`.
    UnftpGcs {
        /// The bucket's name.
        bucket: String,
        /// The directory of the bucket that is shown as `/`.
        prefix: StoragePath,
        /// How to prove who we are.
        credentials: GcsCredentials,
    },
}

impl Backend {
    /// The word for this kind in the file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local { .. } => "local",
            Self::Memory { .. } => "memory",
            Self::S3(_) => "s3",
            Self::Gcs(_) => "gcs",
            Self::Azure(_) => "azure",
            Self::UnftpFs { .. } => "unftp-fs",
            Self::UnftpGcs { .. } => "unftp-gcs",
        }
    }
}

/// A bucket of Amazon S3 or of a store that speaks its protocol.
#[derive(Debug, Clone)]
pub struct S3 {
    /// The bucket's name.
    pub bucket: String,
    /// The region; `us-east-1` if the file names an endpoint only.
    pub region: String,
    /// The directory of the bucket that is shown as `/`.
    pub prefix: StoragePath,
    /// The URL of the store, `http` or `https`; `None`: Amazon's for the region.
    pub endpoint: Option<String>,
    /// Who vouches for its certificate; `None`: whoever the system trusts.
    pub authorities: Option<Authorities>,
    /// How to prove who we are.
    pub credentials: S3Credentials,
    /// The role that requests are made in; `None`: none beside.
    pub role: Option<Role>,
    /// Whether the bucket's name stands in the path of requests rather than in the host name; `None`: with an
    /// endpoint it does, at Amazon it doesn't.
    pub path_style: Option<bool>,
    /// Whether the content of uploads is signed, too; `None`: where it leaves the machine without TLS.
    pub sign_payload: Option<bool>,
    /// Whether all parts of an upload have one size; `None`: at Cloudflare's R2.
    pub equal_parts: Option<bool>,
    /// How many parts of one upload the store takes.
    pub max_parts: u16,
    /// The type of content of new objects.
    pub content_type: ContentType,
    /// What else is wanted for objects.
    pub options: S3Options,
    /// How old an unfinished upload of ours is when it is removed; at least an hour.
    pub abort_uploads_after: Duration,
    /// How uploads are cut.
    pub upload: UploadParts,
}

/// How to prove to an S3 store who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Credentials {
    /// With keys from the file.
    Keys {
        /// Names the key.
        access_key_id: Secret,
        /// Signs the requests.
        secret_access_key: Secret,
        /// Goes with keys that are handed out for some time only.
        session_token: Option<Secret>,
    },
    /// With the keys of a profile, in a file of its own.
    Profile(Profile),
    /// Not at all: public buckets.
    Anonymous,
    /// With what the cloud's environment hands out: web identity, container or instance metadata.
    Ambient,
}

/// A bucket of Google Cloud Storage.
#[derive(Debug, Clone)]
pub struct Gcs {
    /// The bucket's name.
    pub bucket: String,
    /// The directory of the bucket that is shown as `/`.
    pub prefix: StoragePath,
    /// How to prove who we are.
    pub credentials: GcsCredentials,
    /// The URL of the store, `http` or `https`; `None`: Google's.
    pub endpoint: Option<String>,
    /// Who vouches for its certificate; `None`: whoever the system trusts.
    pub authorities: Option<Authorities>,
    /// The type of content of new objects.
    pub content_type: ContentType,
    /// What else is wanted for them.
    pub options: ObjectOptions,
    /// How uploads are cut.
    pub upload: UploadParts,
}

/// How to prove to Google Cloud Storage who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GcsCredentials {
    /// With the key of a service account: the text of its JSON file.
    ServiceAccountKey(Secret),
    /// Not at all: public buckets and emulators.
    Anonymous,
    /// With what the environment hands out: application default credentials, instance metadata.
    Ambient,
}

/// A container of Azure Blob Storage.
#[derive(Debug, Clone)]
pub struct Azure {
    /// The storage account's name.
    pub account: String,
    /// The container's name.
    pub container: String,
    /// The directory of the container that is shown as `/`.
    pub prefix: StoragePath,
    /// How to prove who we are.
    pub credentials: AzureCredentials,
    /// The URL of the store, `http` or `https`; `None`: Azure's for the account.
    pub endpoint: Option<String>,
    /// Who vouches for its certificate; `None`: whoever the system trusts.
    pub authorities: Option<Authorities>,
    /// The type of content of new blobs.
    pub content_type: ContentType,
    /// What else is wanted for them.
    pub options: ObjectOptions,
    /// How uploads are cut.
    pub upload: UploadParts,
}

/// How to prove to Azure who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AzureCredentials {
    /// With the account's key, base64 as Azure shows it.
    AccessKey(Secret),
    /// A shared access signature, without a question mark.
    SasToken(Secret),
    /// Not at all: public containers.
    Anonymous,
    /// With what the environment hands out: workload identity, managed identity.
    Ambient,
}

/// How uploads go to an object store. One upload holds about `part_size * concurrency` bytes of memory, if there is
/// so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadParts {
    /// The size of a part in bytes: from 5 MiB, the least that S3 takes, to 5 GiB, and a quarter of the buffer memory.
    pub part_size: u64,
    /// How many parts of one upload are under way at once: 1 to 64.
    pub concurrency: usize,
    /// Whether the store is asked if a name is a directory's, or below a file's.
    pub check_names: bool,
}
