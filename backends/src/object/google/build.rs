//! From settings to a bucket of Google's.

use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder};

use super::Google;
use super::settings::GcsSettings;
use super::sign::Signer;
use crate::object::settings::SettingsError;
use crate::object::settings::options::Added;
use crate::object::store::Opened;
use crate::object::wire::endpoint::{check_endpoint, check_name};
use crate::object::wire::pair::{Pair, not_made};
use crate::object::wire::requests::Sign;

/// The variable of the environment that names the file with the machine's identity.
pub(crate) const CREDENTIALS_FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// Where Google's own tools leave credentials, below the home directory.
pub(crate) const DEFAULT_CREDENTIALS: &str = ".config/gcloud/application_default_credentials.json";

/// Opens a bucket. Nothing is contacted yet.
pub(crate) fn open(settings: GcsSettings) -> Result<Opened, SettingsError> {
    settings.tuning.check()?;
    check_name("bucket", &settings.bucket)?;
    let endpoint = settings.endpoint.as_deref().map(check_endpoint).transpose()?;
    let headers =
        settings.options.headers(settings.content_type, ("storage_class", "x-goog-storage-class"))?;
    let mut base = GoogleCloudStorageBuilder::new().with_bucket_name(&settings.bucket);
    if let Some(endpoint) = endpoint {
        base = base.with_base_url(endpoint);
    }
    let from_key = settings.service_account_key.is_some();
    base = match &settings.service_account_key {
        Some(key) => base.with_service_account_key(key),
        None if settings.anonymous => {
            // Without these, the library asks the metadata address for a token before it writes,
            // even if it is set to sign nothing.
            let nobody = GcpCredential { bearer: String::new() };
            let no_signer = GcpSigningCredential { email: String::new(), private_key: None };
            base.with_skip_signature(true)
                .with_credentials(Arc::new(StaticCredentialProvider::new(nobody)))
                .with_signing_credentials(Arc::new(StaticCredentialProvider::new(no_signer)))
        }
        None if settings.ambient_credentials => match std::env::var(CREDENTIALS_FILE) {
            Ok(file) => base.with_application_credentials(file),
            Err(_) => base,
        },
        None => return Err(SettingsError::NoCredentials { keys: "`service_account_key`" }),
    };
    let url = endpoint.unwrap_or("https://storage.googleapis.com");
    let pair = Pair::build(&settings.tuning, endpoint, |options, retry, connections| {
        let base = base.clone().with_client_options(options).with_retry(retry);
        // The error of a JSON parser quotes what it could not use.
        base.with_http_connector(connections).build().map_err(|error| match from_key {
            true => {
                SettingsError::invalid("service_account_key", "is not the JSON of a service account's key")
            }
            false => not_made(error),
        })
    })?;
    let signer = Signer(Arc::clone(pair.impatient.credentials()));
    let signer = (!settings.anonymous).then(|| Box::new(signer) as Box<dyn Sign>);
    let name = format!("gcs bucket {}", settings.bucket);
    let requests =
        pair.requests(url.to_owned(), settings.bucket, signer, Added::default(), &settings.tuning)?;
    let google = Google { requests, headers };
    Ok(Opened { store: Arc::new(google), name, prefix: settings.prefix, tuning: settings.tuning })
}
