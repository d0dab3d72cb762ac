//! Settings of a bucket of Google's.

use std::fmt;

use crate::StoragePath;
use crate::object::settings::{ContentType, ObjectOptions, Tuning, hidden};

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
    /// Other properties of objects.
    pub options: ObjectOptions,
    /// Takes the credentials of the machine: application default credentials, or else the metadata address.
    /// Contacted only if this is set.
    pub ambient_credentials: bool,
    /// Signs nothing: the bucket is public.
    pub anonymous: bool,
    /// Sizes, parallel requests, patience.
    pub tuning: Tuning,
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

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
