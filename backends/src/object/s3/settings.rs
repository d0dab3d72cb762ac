//! Settings of a bucket of S3.

use std::fmt;

use super::options::S3Options;
use super::profile::Profile;
use super::role::Role;
use crate::StoragePath;
use crate::object::settings::{ContentType, Tuning, hidden};

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
    /// The name of the access key. Goes together with `secret_access_key`.
    pub access_key_id: Option<String>,
    /// The secret of `access_key_id`.
    pub secret_access_key: Option<String>,
    /// Goes with keys that expire.
    pub session_token: Option<String>,
    /// The profile with the keys instead, which may change while the server runs.
    pub profile: Option<Profile>,
    /// The role that the server assumes with these credentials.
    pub role: Option<Role>,
    /// Whether the bucket is in the path of URLs and not in the host name. If not given: with an `endpoint` yes,
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
    /// Other properties of objects.
    pub options: S3Options,
    /// Takes the credentials of the machine: the `AWS_…` environment variables for keys, web identities and
    /// containers, or else the instance's metadata address. Contacted only if this is set.
    pub ambient_credentials: bool,
    /// Signs nothing: the bucket is public.
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

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
