//! Settings of a container of Azure's.

use std::fmt;

use crate::StoragePath;
use crate::object::settings::{ContentType, ObjectOptions, Tuning, hidden};

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
    /// Other properties of blobs.
    pub options: ObjectOptions,
    /// Takes the credentials of the machine: the `AZURE_…` environment variables for a client secret or a
    /// workload identity, or else the managed identity of the metadata address. Contacted only if this is set.
    pub ambient_credentials: bool,
    /// Signs nothing: the container is public.
    pub anonymous: bool,
    /// Sizes, parallel requests, patience.
    pub tuning: Tuning,
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
