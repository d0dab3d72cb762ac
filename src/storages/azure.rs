//! `kind: azure`: a container of Azure Blob Storage.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use wharf_backends::Storage;
use wharf_backends::object::{Authorities, AzureSettings, ObjectOptions, ObjectStorage};

use super::bucket::{self, Uploads};
use super::proof::{Way, Ways};
use crate::config::section::{Around, At, Checker, Scalar, Secret as WrittenSecret, Section};
use crate::config::{Backend, Ground, Needs, OpenError, Secret, Shared};

/// A container of Azure Blob Storage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Azure {
    /// The name of the storage account. Example: `account: acme`.
    #[schemars(required)]
    account: Option<At<String>>,
    /// The container's name. Example: `container: files`.
    #[schemars(required)]
    container: Option<At<String>>,
    /// The directory of the container that is shown as `/`. Default: the whole container. Example: `prefix: inbound`.
    #[schemars(extend("x-type" = "path"))]
    prefix: Option<At<String>>,
    /// The account's key, in base64. Example: `access_key: { file: secrets/azure }`.
    access_key: Option<At<WrittenSecret>>,
    /// A [shared access signature](backends.md#credentials), in place of the key. Example: `sas_token: { file: secrets/sas
    /// }`.
    sas_token: Option<At<WrittenSecret>>,
    /// Another store; an emulator wants the account in the path. Default: the account's at Azure. Example: `endpoint:
    /// http://127.0.0.1:10000/devstoreaccount1`.
    #[schemars(extend("x-type" = "URL"))]
    endpoint: Option<At<String>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the store's authority, or
    /// the store's own. Default: the system's authorities. Example: `ca_file: tls/store-ca.pem`.
    #[schemars(extend("x-type" = "path"))]
    ca_file: Option<At<String>>,
    /// Sign nothing: the container is public. Default: `false`. Example: `anonymous: true`.
    anonymous: Option<At<bool>>,
    /// Use the credentials that the environment provides. Default: `false`. Example: `ambient_credentials: true`.
    ambient_credentials: Option<At<bool>>,
    /// The type of content of new blobs. Default: `by-extension`. Example: `content_type: text/plain`.
    #[schemars(extend("x-type" = "`by-extension`, `none` or a type"))]
    content_type: Option<At<String>>,
    /// The header Cache-Control of new blobs. Example: `cache_control: max-age=3600`.
    cache_control: Option<At<String>>,
    /// The access tier of new blobs. Default: the account's. Example: `access_tier: Cool`.
    #[schemars(extend("x-type" = "`Hot`, `Cool`, `Cold` or `Archive`"))]
    access_tier: Option<At<String>>,
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

/// Azure's tiers of single blobs (Put Blob, `x-ms-access-tier`).
const TIERS: &[&str] = &["Hot", "Cool", "Cold", "Archive"];

impl Section for Azure {
    const KIND: &'static str = "azure";

    fn check(mut self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>> {
        let account = bucket::name(checker, self.account.take(), "account", around);
        let container = bucket::name(checker, self.container.take(), "container", around);
        let prefix = checker.storage_path(self.prefix.take());
        let endpoint = bucket::endpoint(checker, self.endpoint.take());
        let authorities = bucket::authorities(checker, self.ca_file.take(), endpoint.as_deref());
        let credentials = self.credentials(checker, around);
        let uploads = Uploads {
            part_size: self.part_size,
            concurrency: self.upload_concurrency,
            check_names: self.check_names,
        };
        let tuning = uploads.check(checker, authorities, around);
        let content_type = bucket::content_type(checker, self.content_type);
        let options = ObjectOptions {
            storage_class: bucket::word(checker, self.access_tier, TIERS, Some("Azure")),
            cache_control: bucket::header(checker, self.cache_control),
        };
        let settings = AzureSettings {
            prefix: prefix?,
            endpoint,
            content_type,
            options,
            tuning,
            ..AzureSettings::new(account?, container?)
        };
        Some(Arc::new(Container { settings, credentials: credentials? }))
    }
}

/// How to prove to Azure who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// With the account's key, base64 as Azure shows it.
    AccessKey(Secret),
    /// A shared access signature, without a question mark.
    SasToken(Secret),
    /// Not at all: public containers.
    Anonymous,
    /// With what the environment hands out: workload identity, managed identity.
    Ambient,
}

impl Azure {
    fn credentials(&mut self, checker: &Checker<'_>, around: Around) -> Option<Credentials> {
        let (access_key, sas_token) = (self.access_key.take(), self.sas_token.take());
        let ways = Ways {
            keys: "`access_key` or `sas_token`",
            anonymous: self.anonymous.take(),
            ambient: self.ambient_credentials.take(),
            owner: around.name,
        };
        if let (Some(_), Some(at)) = (&access_key, &sas_token) {
            checker.problem(at.key, "`access_key` and `sas_token` exclude each other");
        }
        let given = access_key.as_ref().or(sas_token.as_ref());
        let way = ways.choice(checker, given.map(|at| at.key));
        let token = sas_token
            .and_then(|at| checker.secret(at))
            .and_then(|(token, span)| checker.accept(signature(token.expose()), span));
        let key = access_key.and_then(|at| checker.secret(at)).filter(|(key, span)| {
            let is_key = is_base64(key.expose());
            if !is_key {
                checker.problem(*span, "this is not the key of a storage account: it is not base64");
            }
            is_key
        });
        Some(match way? {
            Way::Keys => match token {
                Some(token) => Credentials::SasToken(token),
                None => Credentials::AccessKey(key?.0),
            },
            Way::Anonymous => Credentials::Anonymous,
            Way::Ambient => Credentials::Ambient,
        })
    }
}

/// A shared access signature, without the question mark before it.
fn signature(text: &str) -> Result<Secret, String> {
    let token = text.trim().trim_start_matches('?');
    let has =
        |name: &str| token.split('&').any(|pair| pair.split_once('=').is_some_and(|(key, _)| key == name));
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("a shared access signature has no spaces or line ends".to_owned());
    }
    match token.contains("://") {
        true => Err("this is the whole URL; the token is what stands behind the question mark".to_owned()),
        false if has("sig") && has("sv") => Ok(Secret::new(token)),
        false => Err("this is no shared access signature: one has sv=… and sig=…".to_owned()),
    }
}

fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - data.len() <= 2
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// A container and its credentials.
#[derive(Debug)]
pub(crate) struct Container {
    /// All settings but the credentials and the memory that storages share.
    pub(crate) settings: AzureSettings,
    pub(crate) credentials: Credentials,
}

impl Backend for Container {
    fn kind(&self) -> &'static str {
        Azure::KIND
    }

    fn open(&self, _: &str, shared: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        let mut settings = self.settings.clone();
        settings.tuning = bucket::shared(&settings.tuning, shared);
        match &self.credentials {
            Credentials::AccessKey(key) => settings.access_key = Some(key.expose().to_owned()),
            Credentials::SasToken(token) => settings.sas_token = Some(token.expose().to_owned()),
            Credentials::Anonymous => settings.anonymous = true,
            Credentials::Ambient => settings.ambient_credentials = true,
        }
        Ok(Arc::new(ObjectStorage::azure(settings)?))
    }

    fn location(&self) -> Option<String> {
        let AzureSettings { endpoint, account, container, prefix, .. } = &self.settings;
        Some(format!("{:?}", (endpoint, account, container, prefix)))
    }

    fn ground(&self) -> Option<Ground> {
        let AzureSettings { endpoint, account, container, prefix, .. } = &self.settings;
        // The emulator has the account in its URL.
        Some(Ground::of_bucket("azure", endpoint.as_deref(), &format!("{account}/{container}"), prefix))
    }

    fn web(&self) -> Option<(String, Option<Authorities>)> {
        let AzureSettings { endpoint, account, tuning, .. } = &self.settings;
        let azure = || format!("https://{account}.blob.core.windows.net");
        Some((endpoint.clone().unwrap_or_else(azure), tuning.authorities.clone()))
    }

    fn needs(&self) -> Needs {
        bucket::needs(matches!(self.credentials, Credentials::Ambient), [])
    }
}
