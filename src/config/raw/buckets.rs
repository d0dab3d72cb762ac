//! Buckets as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Named, Scalar, Secret};
use crate::config::read::At;

/// A bucket of Amazon S3, or of a store that speaks its protocol.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct S3 {
    /// The bucket's name.
    #[schemars(required)]
    pub(in crate::config) bucket: Option<At<String>>,
    /// The bucket's region, such as `eu-west-1`. Needed unless there is an endpoint; then the default is `us-east-1`.
    pub(in crate::config) region: Option<At<String>>,
    /// The directory of the bucket that is shown as `/`. Default: the whole bucket.
    pub(in crate::config) prefix: Option<At<String>>,
    /// The URL of the store if it is not Amazon's, such as `https://minio.example.com:9000`.
    pub(in crate::config) endpoint: Option<At<String>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the store's authority, or the
    /// store's own. Default: the system's.
    pub(in crate::config) ca_file: Option<At<String>>,
    /// The name of the access key. Goes with `secret_access_key`.
    pub(in crate::config) access_key_id: Option<At<Secret>>,
    /// The secret of the access key.
    pub(in crate::config) secret_access_key: Option<At<Secret>>,
    /// Goes with keys that were handed out for some time only.
    pub(in crate::config) session_token: Option<At<Secret>>,
    /// The profile of `credentials_file` that has the keys. Default, if a file is named: `default`.
    pub(in crate::config) profile: Option<At<String>>,
    /// Amazon's shared credentials file, in place of keys here; read again when it changes. Default, if a profile is named:
    /// what `AWS_SHARED_CREDENTIALS_FILE` names, or else `~/.aws/credentials`.
    pub(in crate::config) credentials_file: Option<At<String>>,
    /// The role that requests are made in, such as `arn:aws:iam::111122223333:role/ftp`: whoever the credentials belong to
    /// assumes it.
    pub(in crate::config) role_arn: Option<At<String>>,
    /// What the store's log calls the session of the role. Default: `wharf`.
    pub(in crate::config) role_session_name: Option<At<String>>,
    /// What the owner of the role asks for, where another account assumes it.
    pub(in crate::config) external_id: Option<At<String>>,
    /// The URL of the token service that hands out the keys of the role. Default: the `endpoint`, and at Amazon that of the
    /// region.
    pub(in crate::config) sts_endpoint: Option<At<String>>,
    /// Put the bucket's name into the path of requests and not into the host name. Default: with an endpoint yes,
    /// otherwise no.
    pub(in crate::config) path_style: Option<At<bool>>,
    /// Sign the content of uploads and not only the rest of the request, so that it can't be changed on its way. Default:
    /// only if it leaves the machine without TLS.
    pub(in crate::config) sign_payload: Option<At<bool>>,
    /// Cut uploads into parts of one size, which limits files to 10,000 times the `part_size`. Default: only for Cloudflare's
    /// R2, which takes no others.
    pub(in crate::config) equal_parts: Option<At<bool>>,
    /// How many parts of one upload the store takes, from 1000 to 10,000. Default: 10,000, which is what Amazon takes.
    pub(in crate::config) max_parts: Option<At<u64>>,
    /// How old an unfinished upload of Wharf is when it is removed from the bucket, from `1h`. Default: `7d`.
    #[schemars(with = "Option<String>")]
    pub(in crate::config) abort_uploads_after: Option<At<Scalar>>,
    /// Take the credentials that the cloud hands out: web identity, container or instance metadata. Default: `false`.
    pub(in crate::config) ambient_credentials: Option<At<bool>>,
    /// Send requests without credentials: the bucket is public. Default: `false`.
    pub(in crate::config) anonymous: Option<At<bool>>,
    /// The type of content of new objects: `by-extension` of their names, `none` (the store decides), or one for all such as
    /// `text/plain`. Default: `by-extension`.
    pub(in crate::config) content_type: Option<At<String>>,
    /// What caches are told of new objects, such as `max-age=3600`.
    pub(in crate::config) cache_control: Option<At<String>>,
    /// Where new objects are kept, such as `STANDARD_IA`. Default: the store's, which is `STANDARD`.
    pub(in crate::config) storage_class: Option<At<String>>,
    /// How the store encrypts new objects: `AES256`, `aws:kms` or `aws:kms:dsse`. Default: as the bucket says.
    pub(in crate::config) server_side_encryption: Option<At<String>>,
    /// The key of `aws:kms`. Default: that of the account.
    pub(in crate::config) kms_key_id: Option<At<String>>,
    /// A key of your own that the store encrypts all objects with and does not keep (SSE-C): 32 bytes in base64. Objects that are
    /// not encrypted with it can't be read. Default: none.
    pub(in crate::config) sse_customer_key: Option<At<Secret>>,
    /// A canned ACL for new objects, such as `bucket-owner-full-control`. Default: none.
    pub(in crate::config) acl: Option<At<String>>,
    /// Tags for new objects, up to ten.
    pub(in crate::config) tags: Option<At<Named<String>>>,
    /// Say with each request that the sender pays for it. Default: `false`.
    pub(in crate::config) requester_pays: Option<At<bool>>,
    /// The size of the parts of an upload, from `5MiB` to `5GiB`. Default: `8MiB`.
    pub(in crate::config) part_size: Option<At<Scalar>>,
    /// How many parts of one upload are sent at once; each takes memory. Default: `4`.
    #[schemars(range(min = 1, max = 64))]
    pub(in crate::config) upload_concurrency: Option<At<u64>>,
    /// Ask the store, beside an upload, whether its name is a directory's or below a file's. Default: `true`.
    pub(in crate::config) check_names: Option<At<bool>>,
}

/// A bucket of Google Cloud Storage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Gcs {
    /// The bucket's name.
    #[schemars(required)]
    pub(in crate::config) bucket: Option<At<String>>,
    /// The directory of the bucket that is shown as `/`. Default: the whole bucket.
    pub(in crate::config) prefix: Option<At<String>>,
    /// The key of a service account: the text of its JSON file.
    pub(in crate::config) service_account_key: Option<At<Secret>>,
    /// The URL of the store if it is not Google's.
    pub(in crate::config) endpoint: Option<At<String>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the store's authority, or the
    /// store's own. Default: the system's.
    pub(in crate::config) ca_file: Option<At<String>>,
    /// Send requests without credentials: the bucket is public, or the store an emulator. Default: `false`.
    pub(in crate::config) anonymous: Option<At<bool>>,
    /// Take the credentials that the environment hands out: application default credentials, workload identity,
    /// instance metadata. Default: `false`.
    pub(in crate::config) ambient_credentials: Option<At<bool>>,
    /// The type of content of new objects: `by-extension` of their names, `none` (the store decides), or one for all such as
    /// `text/plain`. Default: `by-extension`.
    pub(in crate::config) content_type: Option<At<String>>,
    /// What caches are told of new objects, such as `max-age=3600`.
    pub(in crate::config) cache_control: Option<At<String>>,
    /// Where new objects are kept, such as `NEARLINE`. Default: the bucket's.
    pub(in crate::config) storage_class: Option<At<String>>,
    /// The size of the parts of an upload, from `5MiB` to `5GiB`. Default: `8MiB`.
    pub(in crate::config) part_size: Option<At<Scalar>>,
    /// How many parts of one upload are sent at once; each takes memory. Default: `4`.
    #[schemars(range(min = 1, max = 64))]
    pub(in crate::config) upload_concurrency: Option<At<u64>>,
    /// Ask the store, beside an upload, whether its name is a directory's or below a file's. Default: `true`.
    pub(in crate::config) check_names: Option<At<bool>>,
}

/// A container of Azure Blob Storage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Azure {
    /// The name of the storage account.
    #[schemars(required)]
    pub(in crate::config) account: Option<At<String>>,
    /// The container's name.
    #[schemars(required)]
    pub(in crate::config) container: Option<At<String>>,
    /// The directory of the container that is shown as `/`. Default: the whole container.
    pub(in crate::config) prefix: Option<At<String>>,
    /// The account's key, in base64 as Azure shows it.
    pub(in crate::config) access_key: Option<At<Secret>>,
    /// A shared access signature, as Azure shows it: `sv=…&sig=…`. In place of the key.
    pub(in crate::config) sas_token: Option<At<Secret>>,
    /// The URL of the store if it is not Azure's.
    pub(in crate::config) endpoint: Option<At<String>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the store's authority, or the
    /// store's own. Default: the system's.
    pub(in crate::config) ca_file: Option<At<String>>,
    /// Send requests without credentials: the container is public. Default: `false`.
    pub(in crate::config) anonymous: Option<At<bool>>,
    /// Take the credentials that the environment hands out: workload identity, managed identity. Default: `false`.
    pub(in crate::config) ambient_credentials: Option<At<bool>>,
    /// The type of content of new blobs: `by-extension` of their names, `none` (the store decides), or one for all such as
    /// `text/plain`. Default: `by-extension`.
    pub(in crate::config) content_type: Option<At<String>>,
    /// What caches are told of new blobs, such as `max-age=3600`.
    pub(in crate::config) cache_control: Option<At<String>>,
    /// Where new blobs are kept: `Hot`, `Cool`, `Cold` or `Archive`. Default: the account's.
    pub(in crate::config) access_tier: Option<At<String>>,
    /// The size of the parts of an upload, from `5MiB` to `5GiB`. Default: `8MiB`.
    pub(in crate::config) part_size: Option<At<Scalar>>,
    /// How many parts of one upload are sent at once; each takes memory. Default: `4`.
    #[schemars(range(min = 1, max = 64))]
    pub(in crate::config) upload_concurrency: Option<At<u64>>,
    /// Ask the store, beside an upload, whether its name is a directory's or below a file's. Default: `true`.
    pub(in crate::config) check_names: Option<At<bool>>,
}
