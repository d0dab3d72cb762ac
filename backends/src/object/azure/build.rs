//! From settings to a container of Azure's.

use std::sync::Arc;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

use super::Azure;
use super::settings::AzureSettings;
use super::sign::Signer;
use crate::object::settings::SettingsError;
use crate::object::settings::options::Added;
use crate::object::store::Opened;
use crate::object::wire::endpoint::{check_endpoint, check_name};
use crate::object::wire::environment::from_environment;
use crate::object::wire::pair::{Pair, not_made};
use crate::object::wire::requests::Sign;

/// The variables of the environment with this machine's own identity at Azure.
const AMBIENT: &[(&str, AzureConfigKey)] = &[
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
    ("IDENTITY_ENDPOINT", AzureConfigKey::MsiEndpoint),
];

/// The variable that names a file, which is read again as it changes.
pub(crate) const AMBIENT_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// Opens a container. Nothing is contacted yet.
pub(crate) fn open(settings: AzureSettings) -> Result<Opened, SettingsError> {
    settings.tuning.check()?;
    let headers = settings.options.headers(settings.content_type, ("access_tier", "x-ms-access-tier"))?;
    check_name("account", &settings.account)?;
    check_name("container", &settings.container)?;
    let endpoint = settings.endpoint.as_deref().map(check_endpoint).transpose()?;
    let mut base =
        MicrosoftAzureBuilder::new().with_account(&settings.account).with_container_name(&settings.container);
    if let Some(endpoint) = endpoint {
        base = base.with_endpoint(endpoint.to_owned());
    }
    let from_key = settings.access_key.is_some();
    base = match (&settings.access_key, &settings.sas_token) {
        (Some(_), Some(_)) => return Err(SettingsError::invalid("sas_token", "excludes `access_key`")),
        (Some(key), None) => base.with_access_key(key).with_credential_type("access_key"),
        (None, Some(token)) => {
            base.with_config(AzureConfigKey::SasKey, token).with_credential_type("sas_token")
        }
        (None, None) if settings.anonymous => base.with_skip_signature(true),
        (None, None) if settings.ambient_credentials => {
            from_environment(AMBIENT, base, |base, key, value| base.with_config(key, value))
        }
        (None, None) => return Err(SettingsError::NoCredentials { keys: "`access_key` or `sas_token`" }),
    };
    let url = match endpoint {
        Some(endpoint) => endpoint.to_owned(),
        None => format!("https://{}.blob.core.windows.net", settings.account),
    };
    let pair = Pair::build(&settings.tuning, endpoint, |options, retry, connections| {
        let base = base.clone().with_client_options(options).with_retry(retry);
        base.with_http_connector(connections).build().map_err(|error| match from_key {
            true => SettingsError::invalid("access_key", "is not a key in base64"),
            false => not_made(error),
        })
    })?;
    let name = format!("azure container {} of {}", settings.container, settings.account);
    let signer = Signer { credentials: Arc::clone(pair.impatient.credentials()), account: settings.account };
    let signer = (!settings.anonymous).then(|| Box::new(signer) as Box<dyn Sign>);
    let url = format!("{url}/{}", settings.container);
    let requests = pair.requests(url, settings.container, signer, Added::default(), &settings.tuning)?;
    let azure = Azure {
        requests: Arc::new(requests),
        headers: Arc::new(headers),
        sas_token: settings.sas_token,
        name: name.clone().into(),
    };
    Ok(Opened { store: Arc::new(azure), name, prefix: settings.prefix, tuning: settings.tuning })
}
