//! From settings to clients of the clouds.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder};
use object_store::multipart::MultipartStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider};
use tokio::sync::Semaphore;

use super::azure::Azure;
use super::client::{Client, Own};
use super::connector::Limits;
use super::google::Google;
use super::http::Connections;
use super::key::{Keys, Provider};
use super::known::Known;
use super::listing::Reported;
use super::options::Added;
use super::requests::{FIRST_PAUSE, LONGEST_PAUSE, Requests, Signer};
use super::s3::{AssumedRole, Dialects, Learned, ProfileKeys, Role, S3, token_service};
use super::settings::{AzureSettings, GcsSettings, S3Settings, SettingsError, Tuning};

/// Where a bucket is if nobody says it.
const DEFAULT_REGION: &str = "us-east-1";

/// What the environment of a machine says of its own identity at Amazon.
const S3_AMBIENT: &[(&str, AmazonS3ConfigKey)] = &[
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
];

/// The same for Azure.
const AZURE_AMBIENT: &[(&str, AzureConfigKey)] = &[
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
    ("IDENTITY_ENDPOINT", AzureConfigKey::MsiEndpoint),
];

/// The variables that name files, which are read again as they change.
const AMBIENT_FILES: [&str; 4] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AZURE_FEDERATED_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
];

/// Where Google's own tools leave credentials, below the home directory.
const GOOGLE_DEFAULT: &str = ".config/gcloud/application_default_credentials.json";

/// Two clients of one bucket: the timer of the HTTP library for silence also runs while a request is being
/// sent, so a slow line could never send a large part.
struct Pair<T> {
    patient: T,
    impatient: T,
    http: Http,
}

/// The connections of both.
struct Http {
    patient: Connections,
    impatient: Connections,
}

impl<T: ObjectStore + MultipartStore> Pair<T> {
    fn build(
        tuning: &Tuning,
        endpoint: Option<&str>,
        bucket_url: &str,
        build: impl Fn(ClientOptions, RetryConfig, Connections) -> Result<T, SettingsError>,
    ) -> Result<Self, SettingsError> {
        // A timeout for the whole body would cut off a slow reader in the middle.
        let options =
            ClientOptions::new().with_timeout_disabled().with_allow_http(endpoint.is_some_and(is_plain_http));
        let retry = RetryConfig {
            backoff: BackoffConfig {
                // Each pause is drawn from between the first one and `base` times the last: with shorter ones, all can be
                // over in a moment.
                init_backoff: 3 * FIRST_PAUSE,
                max_backoff: LONGEST_PAUSE,
                base: 4.0,
            },
            max_retries: tuning.retries,
            retry_timeout: tuning.retry_timeout,
        };
        let connections = |silence| {
            Connections::new(bucket_url, tuning, Limits { connect: tuning.connect_timeout, silence })
        };
        let http = Http { patient: connections(None), impatient: connections(Some(tuning.read_timeout)) };
        Ok(Self {
            patient: build(
                options.clone(),
                RetryConfig { max_retries: tuning.retries.saturating_mul(2), ..retry.clone() },
                http.patient.clone(),
            )?,
            impatient: build(options, retry, http.impatient.clone())?,
            http,
        })
    }

    /// For requests of our own: `url` is what their paths follow.
    fn requests(
        &self,
        url: String,
        bucket: String,
        signer: Signer,
        added: Added,
        tuning: &Tuning,
    ) -> Result<Requests, SettingsError> {
        let no_client = || SettingsError::Client("there is no HTTP client".to_owned());
        Ok(Requests {
            url,
            bucket,
            signer,
            added,
            http: self.http.impatient.client().ok_or_else(no_client)?,
            patient: self.http.patient.client().ok_or_else(no_client)?,
            tuning: tuning.clone(),
        })
    }

    fn into_client(self, keys: Keys, name: String, tuning: Tuning, own: Own) -> Client {
        let patient = Arc::new(self.patient);
        Client {
            objects: Arc::new(self.impatient),
            uploads: Arc::clone(&patient) as Arc<dyn ObjectStore>,
            parts: patient,
            own,
            keys,
            name,
            known: Known::new(),
            reported: Reported::default(),
            alone: Semaphore::new(1),
            settling: Semaphore::new(1),
            buffers: Arc::clone(&tuning.buffers),
            tuning,
        }
    }
}

pub(super) fn s3(settings: S3Settings) -> Result<Client, SettingsError> {
    settings.tuning.check()?;
    check_name("bucket", &settings.bucket)?;
    let headers = settings.options.headers(settings.content_type.clone())?;
    let endpoint = settings.endpoint.as_deref().map(check_endpoint).transpose()?;
    // Amazon's certificate is for names without a dot before its own; with one, only the path can hold the bucket.
    let path_style = settings.path_style.unwrap_or(endpoint.is_some() || settings.bucket.contains('.'));
    // What TLS protects, or what never leaves the machine, nobody changes on its way; to hash it as well takes more time than
    // all else that is done here for an upload, and the store has to do it again.
    let sign_payload = settings.sign_payload.unwrap_or(endpoint.is_some_and(is_exposed));
    let equal_parts = settings.equal_parts.unwrap_or(endpoint.is_some_and(wants_equal_parts));
    let is_amazon = endpoint.is_none();
    let learned = Learned::of(is_amazon);
    let endpoint = endpoint.map(|url| match (path_style, url.split_once("://")) {
        // The library wants the bucket in the host name already.
        (false, Some((scheme, host))) => format!("{scheme}://{}.{host}", settings.bucket),
        _ => url.to_owned(),
    });
    let mut base = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(settings.region.as_deref().unwrap_or(DEFAULT_REGION))
        .with_virtual_hosted_style_request(!path_style)
        // The bulk request panics when the store refuses to remove a marker: it looks for the key it named
        // without the slash. Many stores don't have it at all.
        .with_disable_bulk_delete(true)
        .with_unsigned_payload(!sign_payload);
    if let Some(endpoint) = &endpoint {
        base = base.with_endpoint(endpoint);
    }
    base = identified(base, &settings)?;
    let keys = Keys::new(Provider::S3, &settings.prefix)?;
    let region = settings.region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
    let bucket = settings.bucket;
    let bucket_url = match (&endpoint, path_style) {
        (Some(endpoint), true) => format!("{endpoint}/{bucket}"),
        (Some(endpoint), false) => endpoint.clone(),
        (None, true) => format!("https://s3.{region}.amazonaws.com/{bucket}"),
        (None, false) => format!("https://{bucket}.s3.{region}.amazonaws.com"),
    };
    if let Some(role) = settings.role {
        let endpoint = settings.endpoint.as_deref();
        let service = token_service(endpoint, endpoint.map_or("", host_of), &region);
        base = assuming(base, role, &service, &region, &settings.tuning)?;
    }
    let pair =
        Pair::build(&settings.tuning, endpoint.as_deref(), &bucket_url, |options, retry, connections| {
            let base = base.clone().with_client_options(options).with_retry(retry);
            base.with_http_connector(connections).build().map_err(not_made)
        })?;
    let signer = match settings.anonymous {
        true => Signer::Nobody,
        false => {
            let credentials = Arc::clone(pair.impatient.credentials());
            Signer::Amazon { credentials, region, service: "s3", sign_payload }
        }
    };
    let name = format!("s3 bucket {bucket}");
    let requests = pair.requests(bucket_url, bucket, signer, settings.options.added(), &settings.tuning)?;
    let own =
        Own::S3(S3 { requests, headers, dialects: Dialects::default(), is_amazon, learned, equal_parts });
    Ok(pair.into_client(keys, name, settings.tuning, own))
}

/// Says to the library who asks.
fn identified(base: AmazonS3Builder, settings: &S3Settings) -> Result<AmazonS3Builder, SettingsError> {
    Ok(match (&settings.access_key_id, &settings.secret_access_key) {
        (Some(id), Some(secret)) => {
            let base = base.with_access_key_id(id).with_secret_access_key(secret);
            match &settings.session_token {
                Some(token) => base.with_token(token),
                None => base,
            }
        }
        (Some(_), None) => return Err(missing("secret_access_key", "goes together with `access_key_id`")),
        (None, Some(_)) => return Err(missing("access_key_id", "goes together with `secret_access_key`")),
        (None, None) if settings.session_token.is_some() => {
            return Err(missing("access_key_id", "goes together with `session_token`"));
        }
        (None, None) => match &settings.profile {
            Some(profile) => base.with_credentials(Arc::new(ProfileKeys::new(profile.clone()))),
            None if settings.anonymous => base.with_skip_signature(true),
            None if settings.ambient_credentials => {
                from_environment(S3_AMBIENT, base, |base, key, value| base.with_config(key, value))
            }
            None => {
                let keys = "`access_key_id` and `secret_access_key`";
                return Err(SettingsError::NoCredentials { keys });
            }
        },
    })
}

/// Says to the library that whoever asks does so in another role.
fn assuming(
    base: AmazonS3Builder,
    role: Role,
    service: &str,
    region: &str,
    tuning: &Tuning,
) -> Result<AmazonS3Builder, SettingsError> {
    let service = check_endpoint(role.endpoint.as_deref().unwrap_or(service))?.to_owned();
    // No request for keys is one for the bucket, also where one server answers both.
    let pair = Pair::build(tuning, Some(&service), "", |options, retry, connections| {
        let base = base.clone().with_client_options(options).with_retry(retry);
        base.with_http_connector(connections).build().map_err(not_made)
    })?;
    let signer = Signer::Amazon {
        credentials: Arc::clone(pair.impatient.credentials()),
        region: region.to_owned(),
        service: "sts",
        sign_payload: true,
    };
    let requests = pair.requests(service, role.arn.clone(), signer, Added::default(), tuning)?;
    Ok(base.with_credentials(Arc::new(AssumedRole::new(role, requests))))
}

pub(super) fn gcs(settings: GcsSettings) -> Result<Client, SettingsError> {
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
            // although it was told to sign nothing.
            let nobody = GcpCredential { bearer: String::new() };
            let no_signer = GcpSigningCredential { email: String::new(), private_key: None };
            base.with_skip_signature(true)
                .with_credentials(Arc::new(StaticCredentialProvider::new(nobody)))
                .with_signing_credentials(Arc::new(StaticCredentialProvider::new(no_signer)))
        }
        None if settings.ambient_credentials => match std::env::var("GOOGLE_APPLICATION_CREDENTIALS") {
            Ok(file) => base.with_application_credentials(file),
            Err(_) => base,
        },
        None => return Err(SettingsError::NoCredentials { keys: "`service_account_key`" }),
    };
    let keys = Keys::new(Provider::Gcs, &settings.prefix)?;
    let url = endpoint.unwrap_or("https://storage.googleapis.com");
    let pair = Pair::build(&settings.tuning, endpoint, url, |options, retry, connections| {
        let base = base.clone().with_client_options(options).with_retry(retry);
        // The error of a JSON parser quotes what it could not use.
        base.with_http_connector(connections).build().map_err(|error| match from_key {
            true => {
                SettingsError::invalid("service_account_key", "is not the JSON of a service account's key")
            }
            false => not_made(error),
        })
    })?;
    let signer = match settings.anonymous {
        true => Signer::Nobody,
        false => Signer::Google(Arc::clone(pair.impatient.credentials())),
    };
    let name = format!("gcs bucket {}", settings.bucket);
    let requests =
        pair.requests(url.to_owned(), settings.bucket, signer, Added::default(), &settings.tuning)?;
    let own = Own::Google(Google { requests, headers });
    Ok(pair.into_client(keys, name, settings.tuning, own))
}

pub(super) fn azure(settings: AzureSettings) -> Result<Client, SettingsError> {
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
            from_environment(AZURE_AMBIENT, base, |base, key, value| base.with_config(key, value))
        }
        (None, None) => return Err(SettingsError::NoCredentials { keys: "`access_key` or `sas_token`" }),
    };
    let keys = Keys::new(Provider::Azure, &settings.prefix)?;
    let url = match endpoint {
        Some(endpoint) => endpoint.to_owned(),
        None => format!("https://{}.blob.core.windows.net", settings.account),
    };
    let pair = Pair::build(&settings.tuning, endpoint, &url, |options, retry, connections| {
        let base = base.clone().with_client_options(options).with_retry(retry);
        base.with_http_connector(connections).build().map_err(|error| match from_key {
            true => SettingsError::invalid("access_key", "is not a key in base64"),
            false => not_made(error),
        })
    })?;
    let name = format!("azure container {} of {}", settings.container, settings.account);
    let signer = match settings.anonymous {
        true => Signer::Nobody,
        false => {
            Signer::Azure { credentials: Arc::clone(pair.impatient.credentials()), account: settings.account }
        }
    };
    let url = format!("{url}/{}", settings.container);
    let requests = pair.requests(url, settings.container, signer, Added::default(), &settings.tuning)?;
    let own = Own::Azure(Azure { requests, headers, sas_token: settings.sas_token });
    Ok(pair.into_client(keys, name, settings.tuning, own))
}

/// Reads the environment only if the settings say so: this is how containers and functions are told who they are.
/// (The HTTP client below reads `HTTPS_PROXY` and its kin by itself.)
fn from_environment<B, K: Copy>(names: &[(&str, K)], builder: B, set: impl Fn(B, K, String) -> B) -> B {
    names.iter().fold(builder, |builder, (name, key)| match std::env::var(name) {
        Ok(value) => set(builder, *key, value),
        Err(_) => builder,
    })
}

/// The files that credentials of the environment are read from, whether they are there or not.
pub fn ambient_files() -> Vec<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut files: Vec<_> = AMBIENT_FILES.into_iter().filter_map(set).collect();
    files.extend(set("HOME").map(|home| home.join(GOOGLE_DEFAULT)));
    files
}

fn not_made(error: object_store::Error) -> SettingsError {
    SettingsError::Client(error.to_string())
}

fn missing(setting: &'static str, reason: &str) -> SettingsError {
    SettingsError::invalid(setting, format!("is missing: it {reason}"))
}

/// Keeps a name from changing the URL that it becomes a part of.
fn check_name(setting: &'static str, name: &str) -> Result<(), SettingsError> {
    if name.is_empty() {
        return Err(SettingsError::invalid(setting, "must not be empty"));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '$')) {
        return Err(SettingsError::invalid(setting, "may hold letters, digits, `-`, `.`, `_` and `$` only"));
    }
    Ok(())
}

/// Whether what is sent to this URL leaves the machine without TLS.
pub fn is_exposed(url: &str) -> bool {
    is_plain_http(url) && !is_on_this_machine(url)
}

fn is_plain_http(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// The host that a URL names, without the brackets of an address of IPv6.
fn host_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a store refuses uploads whose parts have several sizes: Cloudflare's R2 does, when they are complete.
fn wants_equal_parts(url: &str) -> bool {
    let host = host_of(url).trim_end_matches('.').to_ascii_lowercase();
    host.ends_with(".r2.cloudflarestorage.com")
}

/// Whether a URL names an address of this machine only, by number or as `localhost` (RFC 6761, section 6.3).
fn is_on_this_machine(url: &str) -> bool {
    let host = host_of(url);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_endpoint(url: &str) -> Result<&str, SettingsError> {
    let invalid = |reason: &str| SettingsError::invalid("endpoint", reason);
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| invalid("must start with https:// or http://"))?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err(invalid("must start with https:// or http://"));
    }
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() || rest.contains(char::is_whitespace) {
        return Err(invalid("must name a host"));
    }
    if rest.contains(['@', '?', '#']) {
        return Err(invalid("must not hold credentials, a query or a fragment"));
    }
    Ok(url.trim_end_matches('/'))
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
