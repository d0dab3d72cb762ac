//! What one reading of the configuration makes, as a whole: settings, backends and accounts.
//!
//! A [`World`] never changes. Another reading makes another world, which takes the place of the first one in
//! [`CurrentWorld`] by one swap: nobody sees the accounts of one and the settings of the other. A session keeps the world in
//! which it began (`docs/decisions/worlds.md`).

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use wharf_backends::Buffers;
use wharf_backends::observe::Observers;

use crate::accounts::{Accounts, AccountsError};
use crate::config::Config;
use crate::ops::metrics::Metrics;
use crate::storages::{self, StorageError, Storages};

/// Accounts, backends and settings of one reading of the configuration.
pub struct World {
    /// The settings.
    pub config: Config,
    /// Each backend by its name, open.
    pub storages: Storages,
    /// Who may log in, and what they see.
    pub accounts: Accounts,
}

/// A world can't be built.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A backend can't be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There are no accounts.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

impl World {
    /// Builds the world of a configuration. Buckets are not contacted yet.
    ///
    /// Blocks while local directories are opened, and hashes.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn build(config: Config, buffers: &Arc<Buffers>, metrics: &Arc<Metrics>) -> Result<Self, WorldError> {
        let storages =
            storages::open_all(&config, buffers, |backend| Observers::new(metrics.observer(backend)))?;
        let accounts = Accounts::new(&config, &storages, Arc::clone(metrics))?;
        Ok(Self { config, storages, accounts })
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("backends", &self.storages.keys()).finish_non_exhaustive()
    }
}

/// The world in which new sessions begin.
#[derive(Debug)]
pub struct CurrentWorld(ArcSwap<World>);

impl CurrentWorld {
    /// Begins with this world.
    pub fn new(world: World) -> Self {
        Self(ArcSwap::from_pointee(world))
    }

    /// The world as it is now. Whoever wants to see no change keeps it.
    pub fn now(&self) -> Arc<World> {
        self.0.load_full()
    }

    /// Has new sessions begin in another world; returns the one before. Sessions that began there keep it.
    pub fn replace(&self, world: World) -> Arc<World> {
        self.0.swap(Arc::new(world))
    }
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
