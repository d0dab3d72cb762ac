//! `kind: s3`: a bucket of Amazon S3 or of a store that speaks its protocol.

mod credentials;
mod options;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use url::{Host, Url};
use wharf_backends::Storage;
use wharf_backends::object::{Authorities, ObjectStorage, S3Settings, Tuning};

pub(crate) use self::credentials::Credentials;
use super::bucket::{self, Uploads};
use crate::config::section::{Around, At, Checker, Named, Scalar, Secret, Section, units};
use crate::config::{Backend, Ground, Needs, OpenError, Shared};

/// A bucket of Amazon S3, or of a store that speaks its protocol (MinIO, Ceph, R2, …).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct S3 {
    /// The bucket's name. Example: `bucket: acme-lake`.
    #[schemars(required)]
    bucket: Option<At<String>>,
    /// The bucket's region. Default: with an endpoint `us-east-1`; without an endpoint the region is required. Example: `region: eu-west-1`.
    region: Option<At<String>>,
    /// The directory of the bucket that is shown as `/`. Default: the whole bucket. Example: `prefix: inbound`.
    #[schemars(extend("x-type" = "path"))]
    prefix: Option<At<String>>,
    /// A store that is not Amazon's; `http://` is not encrypted. Default: Amazon's. Example: `endpoint:
    /// https://minio.example.com:9000`.
    #[schemars(extend("x-type" = "URL"))]
    endpoint: Option<At<String>>,
    /// A PEM file of the [certificates that are trusted](backends.md#certificates-of-the-store) instead of the system's.
    /// Default: the system's authorities. Example: `ca_file: tls/store-ca.pem`.
    #[schemars(extend("x-type" = "path"))]
    ca_file: Option<At<String>>,
    /// The name of the access key. Example: `access_key_id: { env: LAKE_KEY_ID }`.
    access_key_id: Option<At<Secret>>,
    /// The secret of the access key. Example: `secret_access_key: { file: secrets/lake }`.
    secret_access_key: Option<At<Secret>>,
    /// The token of temporary keys. Example: `session_token: { file: secrets/token }`.
    session_token: Option<At<Secret>>,
    /// The [profile](backends.md#credentials) of `credentials_file` that has the keys. Default: `default` if there is a
    /// `credentials_file`. Example: `profile: scans`.
    profile: Option<At<String>>,
    /// Amazon's shared credentials file, in place of keys here; read again when it changes. Default: if there is a `profile`
    /// what `AWS_SHARED_CREDENTIALS_FILE` names, or `~/.aws/credentials`. Example: `credentials_file: secrets/credentials`.
    #[schemars(extend("x-type" = "path"))]
    credentials_file: Option<At<String>>,
    /// The [role](backends.md#credentials) that the server assumes for its requests. Default: none. Example: `role_arn:
    /// arn:aws:iam::111122223333:role/ftp`.
    role_arn: Option<At<String>>,
    /// The name of the role's session in the store's log. Default: `wharf`. Example: `role_session_name: ftp-berlin`.
    role_session_name: Option<At<String>>,
    /// The external ID that the owner of the role requires, if the role belongs to another account. Default: none. Example: `external_id: acme-7`.
    external_id: Option<At<String>>,
    /// The token service that hands out the keys of the role. Default: the `endpoint`, at Amazon the region's service. Example:
    /// `sts_endpoint: https://sts.example.com`.
    #[schemars(extend("x-type" = "URL"))]
    sts_endpoint: Option<At<String>>,
    /// Whether the bucket stands in the path of URLs, not in the host. Default: with an endpoint or a bucket with a dot in
    /// its name `true`; before an address no bucket can stand. Example: `path_style: false`.
    path_style: Option<At<bool>>,
    /// Whether [the content of uploads is signed, too](backends.md#signed-content). Default: `true` if the endpoint is
    /// `http://` and on another machine. Example: `sign_payload: false`.
    sign_payload: Option<At<bool>>,
    /// Whether [all parts of an upload have one size](backends.md#uploads), which limits files to 10,000 times `part_size`.
    /// Default: `true` for `…r2.cloudflarestorage.com`. Example: `equal_parts: true`.
    equal_parts: Option<At<bool>>,
    /// The most parts of one upload that the store accepts; Swift's default is 1000. With fewer parts, the parts of an upload
    /// grow sooner. Default: `10000`. Example: `max_parts: 1000`.
    #[schemars(extend("x-type" = "1000 to 10000"))]
    max_parts: Option<At<u64>>,
    /// The age at which an unfinished upload of Wharf [is removed](backends.md#uploads), from `1h`; longer than the longest
    /// upload takes. Default: `7d`. Example: `abort_uploads_after: 2d`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    abort_uploads_after: Option<At<Scalar>>,
    /// Use the credentials that the cloud gives this machine. Default: `false`. Example: `ambient_credentials: true`.
    ambient_credentials: Option<At<bool>>,
    /// Sign nothing: the bucket is public. Default: `false`. Example: `anonymous: true`.
    anonymous: Option<At<bool>>,
    /// The [type of content](backends.md#what-objects-have-beside-their-content) of new objects. Default:
    /// `by-extension`. Example: `content_type: text/plain`.
    #[schemars(extend("x-type" = "`by-extension`, `none` or a type"))]
    content_type: Option<At<String>>,
    /// The header Cache-Control of new objects. Example: `cache_control: max-age=3600`.
    cache_control: Option<At<String>>,
    /// The storage class of new objects; without an endpoint one of Amazon's words. Default: the store's. Example: `storage_class:
    /// STANDARD_IA`.
    #[schemars(extend("x-type" = "word"))]
    storage_class: Option<At<String>>,
    /// How the store encrypts new objects. Default: as the bucket says. Example: `server_side_encryption: AES256`.
    #[schemars(extend("x-type" = "`AES256`, `aws:kms` or `aws:kms:dsse`"))]
    server_side_encryption: Option<At<String>>,
    /// The key of `aws:kms`. Default: the account's key. Example: `kms_key_id: alias/ftp`.
    kms_key_id: Option<At<String>>,
    /// A [key of your own](backends.md#encryption-by-the-store) that the store encrypts with and does not keep: 32
    /// bytes in base64. Default: none. Example: `sse_customer_key: { file: secrets/sse }`.
    sse_customer_key: Option<At<Secret>>,
    /// A canned ACL for new objects; needs the right `s3:PutObjectAcl`. Default: none. Example: `acl:
    /// bucket-owner-full-control`.
    #[schemars(extend("x-type" = "word"))]
    acl: Option<At<String>>,
    /// Up to ten tags of new objects; need the right `s3:PutObjectTagging`. Default: none. Example: `tags: { source: ftp }`.
    tags: Option<At<Named<String>>>,
    /// Whether each request says that its sender pays for it. Default: `false`. Example: `requester_pays: true`.
    requester_pays: Option<At<bool>>,
    /// The size of the parts of an upload, from `5MiB` to `5GiB`, and at most a quarter of `server.limits.buffer_memory`.
    /// Default: `8MiB`. Example: `part_size: 16MiB`.
    #[schemars(extend("x-type" = "size"))]
    part_size: Option<At<Scalar>>,
    /// How many parts of one upload are sent at once, 1 to 64. Default: `4`. Example: `upload_concurrency: 8`.
    #[schemars(range(min = 1, max = 64))]
    upload_concurrency: Option<At<u64>>,
    /// Whether the server asks the store, during an upload, if the name is a directory's or below a file's ([what that
    /// costs](backends.md#names-of-files-and-directories)). Default: `true`. Example: `check_names: false`.
    check_names: Option<At<bool>>,
}

/// The least value of `abort_uploads_after`: an upload may take that long.
const LEAST_AGE: Duration = Duration::from_secs(60 * 60);

impl Section for S3 {
    const KIND: &'static str = "s3";

    fn check(mut self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>> {
        let name = bucket::name(checker, self.bucket.take(), "bucket", around);
        let prefix = checker.storage_path(self.prefix.take());
        let region = self.region(checker, around);
        let endpoint = bucket::endpoint(checker, self.endpoint.take());
        let path_style = Self::path_style(checker, self.path_style.take(), endpoint.as_deref());
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
            path_style,
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
    /// Where the bucket stands in URLs; it can't stand before an address.
    fn path_style(checker: &Checker<'_>, field: Option<At<bool>>, endpoint: Option<&str>) -> Option<bool> {
        let field = field?;
        let host = endpoint.and_then(|url| Url::parse(url).ok());
        let is_address = host.is_some_and(|url| matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_))));
        if field.value == Some(false) && is_address {
            checker.problem(
                field.span,
                "can't be false: the endpoint's host is an address, before which a bucket's name can't stand; remove the \
                 key, or name the host",
            );
        }
        field.value
    }

    /// The region; `Some(None)` for stores that have no regions.
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

/// A bucket and its credentials.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// All settings but the credentials and the memory that storages share.
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

    fn location(&self) -> Option<String> {
        let S3Settings { endpoint, region, bucket, prefix, .. } = &self.settings;
        Some(format!("{:?}", (endpoint, region, bucket, prefix)))
    }

    fn ground(&self) -> Option<Ground> {
        let S3Settings { endpoint, bucket, prefix, .. } = &self.settings;
        Some(Ground::of_bucket("s3", endpoint.as_deref(), bucket, prefix))
    }

    fn web(&self) -> Option<(String, Option<Authorities>)> {
        let S3Settings { endpoint, region, tuning, .. } = &self.settings;
        let amazon = || Some(format!("https://s3.{}.amazonaws.com", region.as_ref()?));
        Some((endpoint.clone().or_else(amazon)?, tuning.authorities.clone()))
    }

    fn needs(&self) -> Needs {
        let file = match &self.credentials {
            Credentials::Profile(profile) => Some(profile.file.clone()),
            _ => None,
        };
        bucket::needs(matches!(self.credentials, Credentials::Ambient), file)
    }
}
