//! From the configuration of a backend to the storage itself.

use std::sync::Arc;

use wharf_backends::local::LocalStorage;
use wharf_backends::memory::MemoryStorage;
use wharf_backends::object::{Authorities, AzureSettings, GcsSettings, ObjectStorage, S3Settings, Tuning};
use wharf_backends::observe::Observers;
use wharf_backends::{Buffers, Storage};

use crate::config::{
    Azure, AzureCredentials, Backend, Config, Gcs, GcsCredentials, S3, S3Credentials, Secret, UploadParts,
};
use crate::visit::Storages;

/// A backend can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("backend {name}: {cause}")]
pub struct StorageError {
    /// Its name in the configuration.
    pub name: String,
    /// What is wrong.
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Makes the directories of local storages that are to be made. Blocks.
///
/// # Errors
/// The first that can't be made.
pub fn make_roots(config: &Config) -> Result<(), StorageError> {
    for (name, backend) in &config.backends {
        if let Backend::Local { root, options } = backend {
            LocalStorage::make_root(root, *options).map_err(|error| StorageError {
                name: name.clone(),
                cause: format!("can't make the directory {}: {error}", root.display()).into(),
            })?;
        }
    }
    Ok(())
}

/// Sets up all storages of a configuration, which share the memory for transfers; `observers` says by the name of a backend
/// who hears of its requests. Buckets are not contacted yet.
///
/// Blocks while local directories are opened.
///
/// # Errors
/// The first backend that can't be set up.
pub fn open_all(
    config: &Config,
    buffers: &Arc<Buffers>,
    observers: impl Fn(&str) -> Observers,
) -> Result<Storages, StorageError> {
    let mut storages = Storages::new();
    for (name, backend) in &config.backends {
        let storage = open(name, backend, buffers, &observers(name))
            .map_err(|cause| StorageError { name: name.clone(), cause })?;
        storages.insert(name.clone(), storage);
    }
    Ok(storages)
}

/// Sets up one storage under the name that it has in the configuration; it shares the memory for transfers with others.
///
/// # Errors
/// A sentence for the operator.
pub fn open(
    name: &str,
    backend: &Backend,
    buffers: &Arc<Buffers>,
    observers: &Observers,
) -> Result<Arc<dyn Storage>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(match backend {
        Backend::Local { root, options } => {
            let storage = LocalStorage::open_as(name, root, *options)
                .map_err(|error| format!("can't open the directory {}: {error}", root.display()))?;
            Arc::new(storage)
        }
        Backend::Memory { capacity } => Arc::new(MemoryStorage::new(*capacity)),
        Backend::S3(s3) => Arc::new(ObjectStorage::s3(s3_settings(
            s3,
            tuning(&s3.upload, s3.authorities.as_ref(), buffers, observers),
        ))?),
        Backend::Gcs(gcs) => Arc::new(ObjectStorage::gcs(gcs_settings(
            gcs,
            tuning(&gcs.upload, gcs.authorities.as_ref(), buffers, observers),
        ))?),
        Backend::Azure(azure) => Arc::new(ObjectStorage::azure(azure_settings(
            azure,
            tuning(&azure.upload, azure.authorities.as_ref(), buffers, observers),
        ))?),
        Backend::UnftpFs { .. } | Backend::UnftpGcs { .. } => open_unftp(backend)?,
    })
}

#[cfg(not(feature = "unftp-backends"))]
fn open_unftp(backend: &Backend) -> Result<Arc<dyn Storage>, Box<dyn std::error::Error + Send + Sync>> {
    Err(format!("this build has no backends of kind {}", backend.kind()).into())
}

#[cfg(feature = "unftp-backends")]
fn open_unftp(backend: &Backend) -> Result<Arc<dyn Storage>, Box<dyn std::error::Error + Send + Sync>> {
    use wharf_backends::Capabilities;
    use wharf_backends::unftp::{AuthMethod, CloudStorage, Filesystem, UnftpStorage};
    let disk = Capabilities {
        remote: false,
        implicit_directories: false,
        set_modified: false,
        lists_set_times: false,
        rename_directories: true,
    };
    let bucket = Capabilities { remote: true, implicit_directories: true, rename_directories: false, ..disk };
    Ok(match backend {
        Backend::UnftpFs { root } => Arc::new(UnftpStorage::new(Filesystem::new(root)?, disk)),
        Backend::UnftpGcs { bucket: name, prefix, credentials } => {
            let credentials = match credentials {
                GcsCredentials::ServiceAccountKey(key) => {
                    AuthMethod::ServiceAccountKey(key.expose().as_bytes().to_vec())
                }
                GcsCredentials::Anonymous => AuthMethod::None,
                GcsCredentials::Ambient => AuthMethod::WorkloadIdentity(None),
            };
            let storage = CloudStorage::with_bucket_root(name, prefix.relative().into(), credentials);
            Arc::new(UnftpStorage::new(storage, bucket))
        }
        other => return Err(format!("{} is not a backend of libunftp", other.kind()).into()),
    })
}

fn exposed(secret: &Secret) -> Option<String> {
    Some(secret.expose().to_owned())
}

fn tuning(
    parts: &UploadParts,
    authorities: Option<&Authorities>,
    buffers: &Arc<Buffers>,
    observers: &Observers,
) -> Tuning {
    Tuning {
        authorities: authorities.cloned(),
        part_size: parts.part_size,
        upload_concurrency: parts.concurrency,
        check_names: parts.check_names,
        buffers: Arc::clone(buffers),
        observers: observers.clone(),
        ..Tuning::default()
    }
}

fn s3_settings(s3: &S3, tuning: Tuning) -> S3Settings {
    let mut settings = S3Settings {
        region: Some(s3.region.clone()),
        endpoint: s3.endpoint.clone(),
        prefix: s3.prefix.clone(),
        path_style: s3.path_style,
        sign_payload: s3.sign_payload,
        equal_parts: s3.equal_parts,
        content_type: s3.content_type.clone(),
        options: s3.options.clone(),
        role: s3.role.clone(),
        tuning: Tuning { abandoned_after: s3.abort_uploads_after, max_parts: s3.max_parts, ..tuning },
        ..S3Settings::new(&s3.bucket)
    };
    match &s3.credentials {
        S3Credentials::Keys { access_key_id, secret_access_key, session_token } => {
            settings.access_key_id = exposed(access_key_id);
            settings.secret_access_key = exposed(secret_access_key);
            settings.session_token = session_token.as_ref().and_then(exposed);
        }
        S3Credentials::Profile(profile) => settings.profile = Some(profile.clone()),
        S3Credentials::Anonymous => settings.anonymous = true,
        S3Credentials::Ambient => settings.ambient_credentials = true,
    }
    settings
}

fn gcs_settings(gcs: &Gcs, tuning: Tuning) -> GcsSettings {
    let mut settings = GcsSettings {
        endpoint: gcs.endpoint.clone(),
        content_type: gcs.content_type.clone(),
        options: gcs.options.clone(),
        prefix: gcs.prefix.clone(),
        tuning,
        ..GcsSettings::new(&gcs.bucket)
    };
    match &gcs.credentials {
        GcsCredentials::ServiceAccountKey(key) => settings.service_account_key = exposed(key),
        GcsCredentials::Anonymous => settings.anonymous = true,
        GcsCredentials::Ambient => settings.ambient_credentials = true,
    }
    settings
}

fn azure_settings(azure: &Azure, tuning: Tuning) -> AzureSettings {
    let mut settings = AzureSettings {
        endpoint: azure.endpoint.clone(),
        content_type: azure.content_type.clone(),
        options: azure.options.clone(),
        prefix: azure.prefix.clone(),
        tuning,
        ..AzureSettings::new(&azure.account, &azure.container)
    };
    match &azure.credentials {
        AzureCredentials::AccessKey(key) => settings.access_key = exposed(key),
        AzureCredentials::SasToken(token) => settings.sas_token = exposed(token),
        AzureCredentials::Anonymous => settings.anonymous = true,
        AzureCredentials::Ambient => settings.ambient_credentials = true,
    }
    settings
}
