//! From the configuration of a backend to the storage itself: a file for each kind of storage, and a row in [`KINDS`].
//!
//! A kind's file has everything about it: the keys of its section with their sentences of help, their check, and how the storage
//! is opened. Code that several kinds share is in `bucket.rs` and `proof.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use wharf_backends::observe::{Observed, Observers};
use wharf_backends::{Buffers, Storage};

use crate::config::{Backend, Config, Kind, OpenError, Shared};

mod azure;
mod bucket;
mod gcs;
pub(crate) mod local;
mod memory;
mod proof;
pub(crate) mod s3;
mod unftp_fs;
mod unftp_gcs;

/// The kinds of storage, in the order of the message about an unknown kind.
pub static KINDS: [Kind; 7] = [
    Kind::of::<s3::S3>(),
    Kind::of::<gcs::Gcs>(),
    Kind::of::<azure::Azure>(),
    Kind::of::<local::Local>(),
    Kind::of::<memory::Memory>(),
    Kind::of::<unftp_fs::UnftpFs>(),
    Kind::of::<unftp_gcs::UnftpGcs>(),
];

/// Each configured storage by its name.
pub type Storages = BTreeMap<String, Arc<dyn Storage>>;

/// A backend can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("backend {name}: {cause}")]
pub struct StorageError {
    /// Its name in the configuration.
    pub name: String,
    /// The error.
    pub cause: OpenError,
}

/// Makes the directories of local storages that are to be made. Blocks.
///
/// # Errors
/// The first that can't be made.
pub fn make_roots(config: &Config) -> Result<(), StorageError> {
    for (name, backend) in &config.backends {
        backend.make_root().map_err(|cause| StorageError { name: name.clone(), cause })?;
    }
    Ok(())
}

/// Sets up all storages of a configuration, which share the memory for transfers; `observers` returns the observers of the
/// requests of a backend, by its name; `kept` a storage that is open already. Buckets are not contacted yet.
///
/// Blocks while local directories are opened.
///
/// # Errors
/// The first backend that can't be set up.
pub fn open_all(
    config: &Config,
    buffers: &Arc<Buffers>,
    observers: impl Fn(&str) -> Observers,
    kept: impl Fn(&str) -> Option<Arc<dyn Storage>>,
) -> Result<Storages, StorageError> {
    let mut storages = Storages::new();
    for (name, backend) in &config.backends {
        if let Some(storage) = kept(name) {
            storages.insert(name.clone(), storage);
            continue;
        }
        let storage = open(name, &**backend, buffers, &observers(name))
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
    backend: &dyn Backend,
    buffers: &Arc<Buffers>,
    observers: &Observers,
) -> Result<Arc<dyn Storage>, OpenError> {
    let shared = Shared { buffers: Arc::clone(buffers), observers: observers.clone() };
    Ok(Observed::by(observers, backend.open(name, &shared)?))
}

#[cfg(test)]
mod tests;
