//! From settings to clients of the clouds.

use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder};

use super::azure::Azure;
use super::azure::AzureSettings;
use super::bucket::keys::{Keys, Provider};
use super::bucket::{Client, Own};
use super::google::GcsSettings;
use super::google::Google;
use super::s3::S3Settings;
use super::s3::{AssumedRole, Dialects, Learned, ProfileKeys, Role, S3, token_service};
use super::settings::options::Added;
use super::settings::{SettingsError, Tuning};
use super::wire::endpoint::{check_endpoint, host_of, is_exposed};
use super::wire::environment::{AZURE_AMBIENT, S3_AMBIENT, from_environment};
use super::wire::pair::Pair;
use super::wire::requests::Signer;

/// Where a bucket is if nobody says it.
const DEFAULT_REGION: &str = "us-east-1";

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

/// Whether a store refuses uploads whose parts have several sizes: Cloudflare's R2 does, when they are complete.
fn wants_equal_parts(url: &str) -> bool {
    let host = host_of(url).trim_end_matches('.').to_ascii_lowercase();
    host.ends_with(".r2.cloudflarestorage.com")
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
