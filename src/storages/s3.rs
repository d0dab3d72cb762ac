//! `kind: s3`: a bucket of Amazon S3 or of a store that speaks its protocol.

mod credentials;
mod options;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use wharf_backends::Storage;
use wharf_backends::object::{ObjectStorage, S3Settings, Tuning};

pub(crate) use self::credentials::Credentials;
use super::bucket::{self, Uploads};
use crate::config::section::{Around, At, Checker, Named, Scalar, Secret, Section, units};
use crate::config::{Backend, Needs, OpenError, Shared};

/// A bucket of Amazon S3, or of a store that speaks its protocol (MinIO, Ceph, R2, …).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct S3 {
    /// The bucket's name.
    #[schemars(required)]
    bucket: Option<At<String>>,
    /// The bucket's region, such as `eu-west-1`. Needed unless there is an endpoint; then the default is `us-east-1`.
    region: Option<At<String>>,
    /// The directory of the bucket that is shown as `/`. Default: the whole bucket.
    prefix: Option<At<String>>,
    /// The URL of the store if it is not Amazon's, such as `https://minio.example.com:9000`.
    endpoint: Option<At<String>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the store's authority, or the
    /// store's own. Default: the system's.
    ca_file: Option<At<String>>,
    /// The name of the access key. Goes with `secret_access_key`.
    access_key_id: Option<At<Secret>>,
    /// The secret of the access key.
    secret_access_key: Option<At<Secret>>,
    /// Goes with keys that were handed out for some time only.
    session_token: Option<At<Secret>>,
    /// The profile of `credentials_file` that has the keys. Default, if a file is named: `default`.
    profile: Option<At<String>>,
    /// Amazon's shared credentials file, in place of keys here; read again when it changes. Default, if a profile is named:
    /// what `AWS_SHARED_CREDENTIALS_FILE` names, or else `~/.aws/credentials`.
    credentials_file: Option<At<String>>,
    /// The role that requests are made in, such as `arn:aws:iam::111122223333:role/ftp`: whoever the credentials belong to
    /// assumes it.
    role_arn: Option<At<String>>,
    /// What the store's log calls the session of the role. Default: `wharf`.
    role_session_name: Option<At<String>>,
    /// What the owner of the role asks for, where another account assumes it.
    external_id: Option<At<String>>,
    /// The URL of the token service that hands out the keys of the role. Default: the `endpoint`, and at Amazon that of the
    /// region.
    sts_endpoint: Option<At<String>>,
    /// Put the bucket's name into the path of requests and not into the host name. Default: with an endpoint yes,
    /// otherwise no.
    path_style: Option<At<bool>>,
    /// Sign the content of uploads and not only the rest of the request, so that it can't be changed on its way. Default:
    /// only if it leaves the machine without TLS.
    sign_payload: Option<At<bool>>,
    /// Cut uploads into parts of one size, which limits files to 10,000 times the `part_size`. Default: only for Cloudflare's
    /// R2, which takes no others.
    equal_parts: Option<At<bool>>,
    /// How many parts of one upload the store takes, from 1000 to 10,000. Default: 10,000, which is what Amazon takes.
    max_parts: Option<At<u64>>,
    /// How old an unfinished upload of Wharf is when it is removed from the bucket, from `1h`. Default: `7d`.
    #[schemars(with = "Option<String>")]
    abort_uploads_after: Option<At<Scalar>>,
    /// Take the credentials that the cloud hands out: web identity, container or instance metadata. Default: `false`.
    ambient_credentials: Option<At<bool>>,
    /// Send requests without credentials: the bucket is public. Default: `false`.
    anonymous: Option<At<bool>>,
    /// The type of content of new objects: `by-extension` of their names, `none` (the store decides), or one for all such as
    /// `text/plain`. Default: `by-extension`.
    content_type: Option<At<String>>,
    /// What caches are told of new objects, such as `max-age=3600`.
    cache_control: Option<At<String>>,
    /// Where new objects are kept, such as `STANDARD_IA`. Default: the store's, which is `STANDARD`.
    storage_class: Option<At<String>>,
    /// How the store encrypts new objects: `AES256`, `aws:kms` or `aws:kms:dsse`. Default: as the bucket says.
    server_side_encryption: Option<At<String>>,
    /// The key of `aws:kms`. Default: that of the account.
    kms_key_id: Option<At<String>>,
    /// A key of your own that the store encrypts all objects with and does not keep (SSE-C): 32 bytes in base64. Objects that are
    /// not encrypted with it can't be read. Default: none.
    sse_customer_key: Option<At<Secret>>,
    /// A canned ACL for new objects, such as `bucket-owner-full-control`. Default: none.
    acl: Option<At<String>>,
    /// Tags for new objects, up to ten.
    tags: Option<At<Named<String>>>,
    /// Say with each request that the sender pays for it. Default: `false`.
    requester_pays: Option<At<bool>>,
    /// The size of the parts of an upload, from `5MiB` to `5GiB`. Default: `8MiB`.
    part_size: Option<At<Scalar>>,
    /// How many parts of one upload are sent at once; each takes memory. Default: `4`.
    #[schemars(range(min = 1, max = 64))]
    upload_concurrency: Option<At<u64>>,
    /// Ask the store, beside an upload, whether its name is a directory's or below a file's. Default: `true`.
    check_names: Option<At<bool>>,
}

/// An upload may take that long.
const LEAST_AGE: Duration = Duration::from_secs(60 * 60);

impl Section for S3 {
    const KIND: &'static str = "s3";

    fn check(mut self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>> {
        let name = bucket::name(checker, self.bucket.take(), "bucket", around);
        let prefix = checker.storage_path(self.prefix.take());
        let region = self.region(checker, around);
        let endpoint = bucket::endpoint(checker, self.endpoint.take());
        let authorities = bucket::authorities(checker, self.ca_file.take(), endpoint.as_deref());
        let options = self.options(checker, endpoint.as_deref());
        let role = self.role(checker, endpoint.as_deref());
        let credentials = self.credentials(checker, around);
        let tuning = self.tuning(checker, around);
        let content_type = bucket::content_type(checker, self.content_type);
        let settings = S3Settings {
            region: region?,
            prefix: prefix?,
            endpoint,
            role,
            path_style: self.path_style.and_then(|at| at.value),
            sign_payload: self.sign_payload.and_then(|at| at.value),
            equal_parts: self.equal_parts.and_then(|at| at.value),
            content_type,
            options,
            tuning: Tuning { authorities, ..tuning },
            ..S3Settings::new(name?)
        };
        Some(Arc::new(Bucket { settings, credentials: credentials? }))
    }
}

impl S3 {
    /// `Some(None)` is the one that stores without regions are content with.
    fn region(&mut self, checker: &Checker<'_>, around: Around) -> Option<Option<String>> {
        if self.region.is_none() && self.endpoint.is_some() {
            return Some(None);
        }
        let (region, span) = checker.required(self.region.take(), "region", around.name)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if region.is_empty() || !region.bytes().all(fits) {
            checker.problem(span, "expected a region such as eu-west-1");
            return None;
        }
        Some(Some(region))
    }

    fn tuning(&mut self, checker: &Checker<'_>, around: Around) -> Tuning {
        let uploads = Uploads {
            part_size: self.part_size.take(),
            concurrency: self.upload_concurrency.take(),
            check_names: self.check_names.take(),
        };
        let tuning = uploads.check(checker, None, around);
        let abandoned_after = checker.parsed(self.abort_uploads_after.take(), |text| {
            let age = units::duration(text)?;
            match age < LEAST_AGE {
                true => Err("at least one hour is needed: an upload may take that long".to_owned()),
                false => Ok(age),
            }
        });
        let max_parts = self.max_parts.take().and_then(|at| {
            let allowed = Tuning::LEAST_MAX_PARTS..=Tuning::MAX_PARTS;
            let parts = u16::try_from(at.value?).ok().filter(|parts| allowed.contains(parts));
            let parts = parts.ok_or_else(|| "the parts of an upload are from 1000 to 10000".to_owned());
            checker.accept(parts, at.span)
        });
        Tuning {
            abandoned_after: abandoned_after.map_or(tuning.abandoned_after, |(age, _)| age),
            max_parts: max_parts.unwrap_or(tuning.max_parts),
            ..tuning
        }
    }
}

/// A bucket and who asks for it.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// All but the credentials, and what storages share.
    pub(crate) settings: S3Settings,
    pub(crate) credentials: Credentials,
}

impl Backend for Bucket {
    fn kind(&self) -> &'static str {
        S3::KIND
    }

    fn open(&self, _: &str, shared: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        let mut settings = self.settings.clone();
        settings.tuning = bucket::shared(&settings.tuning, shared);
        self.credentials.hand_to(&mut settings);
        Ok(Arc::new(ObjectStorage::s3(settings)?))
    }

    fn needs(&self) -> Needs {
        let file = match &self.credentials {
            Credentials::Profile(profile) => Some(profile.file.clone()),
            _ => None,
        };
        bucket::needs(matches!(self.credentials, Credentials::Ambient), file)
    }
}
