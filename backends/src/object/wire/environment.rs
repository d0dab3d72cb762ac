//! What the environment says of this machine's identity at the clouds.
//!
//! It is read only if the settings say so: this is how containers and functions are told who they are. (The HTTP client reads
//! `HTTPS_PROXY` and its kin by itself.)

use std::path::PathBuf;

use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;

/// What the environment of a machine says of its own identity at Amazon.
pub(crate) const S3_AMBIENT: &[(&str, AmazonS3ConfigKey)] = &[
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
pub(crate) const AZURE_AMBIENT: &[(&str, AzureConfigKey)] = &[
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

/// Sets what the environment says.
pub(crate) fn from_environment<B, K: Copy>(
    names: &[(&str, K)],
    builder: B,
    set: impl Fn(B, K, String) -> B,
) -> B {
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
