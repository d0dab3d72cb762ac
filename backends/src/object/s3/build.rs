//! From settings to a bucket of S3.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::S3;
use super::learned::Learned;
use super::list::Dialects;
use super::profile::ProfileKeys;
use super::role::{AssumedRole, Role, token_service};
use super::settings::S3Settings;
use super::sign::Signer;
use super::store::traits;
use crate::object::settings::options::Added;
use crate::object::settings::{SettingsError, Tuning};
use crate::object::store::Opened;
use crate::object::wire::endpoint::{check_endpoint, check_name, host_of, in_host, is_exposed};
use crate::object::wire::environment::from_environment;
use crate::object::wire::pair::{Pair, not_made};
use crate::object::wire::requests::Sign;

/// The region if none is given.
const DEFAULT_REGION: &str = "us-east-1";

/// The variables of the environment with this machine's own identity at Amazon.
const AMBIENT: &[(&str, AmazonS3ConfigKey)] = &[
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

/// The variables that name files, which are read again as they change.
pub(crate) const AMBIENT_FILES: [&str; 2] =
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];

/// Opens a bucket. Nothing is contacted yet.
pub(crate) fn open(settings: S3Settings) -> Result<Opened, SettingsError> {
    let (name, prefix) = (format!("s3 bucket {}", settings.bucket), settings.prefix.clone());
    let tuning = settings.tuning.clone();
    Ok(Opened { store: Arc::new(store(settings)?), name, prefix, tuning })
}

/// The same with requests that somebody else answers, on the clock of the test.
#[cfg(test)]
pub(crate) fn open_played(
    settings: S3Settings,
    http: object_store::client::HttpClient,
) -> Result<Opened, SettingsError> {
    let (prefix, tuning) = (settings.prefix.clone(), settings.tuning.clone());
    let mut s3 = store(settings)?;
    (s3.requests.http, s3.requests.patient) = (http.clone(), http);
    Ok(Opened { store: Arc::new(s3), name: "a played bucket".to_owned(), prefix, tuning })
}

fn store(settings: S3Settings) -> Result<S3, SettingsError> {
    settings.tuning.check()?;
    check_name("bucket", &settings.bucket)?;
    let headers = settings.options.headers(settings.content_type.clone())?;
    let endpoint = settings.endpoint.as_deref().map(check_endpoint).transpose()?;
    // Amazon's certificate is for names without a dot before its own; with one, only the path can hold the bucket.
    let path_style = settings.path_style.unwrap_or(endpoint.is_some() || settings.bucket.contains('.'));
    // Nobody can change content that TLS protects or that never leaves the machine. To hash it as well takes more time than
    // all other work for an upload, and the store has to hash it again.
    let sign_payload = settings.sign_payload.unwrap_or(endpoint.is_some_and(is_exposed));
    let equal_parts = settings.equal_parts.unwrap_or(endpoint.is_some_and(wants_equal_parts));
    let is_amazon = endpoint.is_none();
    let learned = Learned::of(is_amazon);
    let endpoint = match endpoint {
        Some(url) if path_style => Some(url.to_owned()),
        // The library wants the bucket in the host name already.
        Some(url) => Some(in_host(&settings.bucket, url).ok_or_else(|| {
            SettingsError::invalid(
                "path_style",
                "can't be false: the endpoint's host is an address, before which a bucket's name can't stand; remove the key, or name the host",
            )
        })?),
        None => None,
    };
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
        let service = token_service(endpoint, &endpoint.map(host_of).unwrap_or_default(), &region);
        base = assuming(base, role, &service, &region, &settings.tuning)?;
    }
    let pair = Pair::build(&settings.tuning, endpoint.as_deref(), |options, retry, connections| {
        let base = base.clone().with_client_options(options).with_retry(retry);
        base.with_http_connector(connections).build().map_err(not_made)
    })?;
    let credentials = Arc::clone(pair.impatient.credentials());
    let signer = Signer { credentials, region, service: "s3", sign_payload };
    let signer = (!settings.anonymous).then(|| Box::new(signer) as Box<dyn Sign>);
    let requests = pair.requests(bucket_url, bucket, signer, settings.options.added(), &settings.tuning)?;
    let traits = traits(headers.hide_digests(), equal_parts);
    Ok(S3 { requests, headers, dialects: Dialects::default(), is_amazon, learned, traits })
}

/// Gives the credentials to the library.
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
                from_environment(AMBIENT, base, |base, key, value| base.with_config(key, value))
            }
            None => {
                let keys = "`access_key_id` and `secret_access_key`";
                return Err(SettingsError::NoCredentials { keys });
            }
        },
    })
}

/// Makes the library use the keys of an assumed role.
fn assuming(
    base: AmazonS3Builder,
    role: Role,
    service: &str,
    region: &str,
    tuning: &Tuning,
) -> Result<AmazonS3Builder, SettingsError> {
    let service = check_endpoint(role.endpoint.as_deref().unwrap_or(service))?.to_owned();
    let pair = Pair::build(tuning, Some(&service), |options, retry, connections| {
        let base = base.clone().with_client_options(options).with_retry(retry);
        base.with_http_connector(connections).build().map_err(not_made)
    })?;
    let signer = Signer {
        credentials: Arc::clone(pair.impatient.credentials()),
        region: region.to_owned(),
        service: "sts",
        sign_payload: true,
    };
    let requests =
        pair.requests(service, role.arn.clone(), Some(Box::new(signer)), Added::default(), tuning)?;
    Ok(base.with_credentials(Arc::new(AssumedRole::new(role, requests))))
}

fn missing(setting: &'static str, reason: &str) -> SettingsError {
    SettingsError::invalid(setting, format!("is missing: it {reason}"))
}

/// Whether a store refuses uploads whose parts have several sizes: Cloudflare's R2 does, when they are complete.
fn wants_equal_parts(url: &str) -> bool {
    host_of(url).trim_end_matches('.').ends_with(".r2.cloudflarestorage.com")
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
