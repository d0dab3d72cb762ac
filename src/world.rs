//! What one reading of the configuration makes, as a whole: settings, backends and accounts.
//!
//! A [`World`] never changes. Another reading makes another world, which takes the place of the first one in
//! [`CurrentWorld`] by one swap: nobody sees the accounts of one and the settings of the other. A session keeps the world in
//! which its user logged in (`docs/decisions/worlds.md`). What outlives every world is the [`Ground`] that they stand on.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use wharf_backends::Buffers;
use wharf_backends::observe::Observers;

use crate::accounts::{Accounts, AccountsError, Lasting};
use crate::cluster::Cluster;
use crate::config::Config;
use crate::events::Events;
use crate::ops::metrics::Metrics;
use crate::ops::traces::Traces;
use crate::shutdown::Shutdown;
use crate::storages::{self, StorageError, Storages};

/// What worlds stand on, and outlives each of them.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The memory for transfers.
    pub buffers: Arc<Buffers>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who is here, and who has tried to be.
    pub accounts: Arc<Lasting>,
    /// What becomes of traces; none, unless this is set.
    pub traces: Traces,
    /// The replicas of which this server is one, if this is set.
    pub cluster: Option<Arc<Cluster>>,
}

impl Ground {
    /// Before the first world.
    ///
    /// # Errors
    /// If the system has no random bytes, or no threads.
    pub fn new(buffers: Arc<Buffers>, metrics: Arc<Metrics>) -> Result<Self, AccountsError> {
        Ok(Self { buffers, metrics, accounts: Lasting::new()?, traces: Traces::default(), cluster: None })
    }

    /// Other programs are told of what happens in the worlds that are built from now on.
    pub fn tell(&self, events: &Arc<Events>) {
        self.accounts.tell(events);
        let numbers = Arc::clone(events);
        self.metrics.watch_events(move || numbers.numbers());
    }
}

/// Accounts, backends and settings of one reading of the configuration.
pub struct World {
    /// The settings.
    pub config: Config,
    /// Each backend by its name, open.
    pub storages: Storages,
    /// Who may log in, and what they see.
    pub accounts: Accounts,
    /// What becomes of traces.
    pub traces: Traces,
    /// The replicas of which this server is one.
    pub cluster: Option<Arc<Cluster>>,
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
    pub fn build(config: Config, ground: &Ground) -> Result<Self, WorldError> {
        Self::build_beside(config, ground, None)
    }

    /// Builds the world that may take the place of another one. Backends that are configured as they were stay open: what was
    /// stored in memory is still there.
    ///
    /// Blocks as [`build`](Self::build) does.
    ///
    /// # Errors
    /// [`WorldError`]. Nothing has changed then.
    pub fn build_beside(config: Config, ground: &Ground, before: Option<&Self>) -> Result<Self, WorldError> {
        let Ground { buffers, metrics, accounts, traces, cluster } = ground;
        let kept = |name: &str| {
            let before = before?;
            let stamp = config.stamps.get(name)?;
            (before.config.stamps.get(name)? == stamp).then(|| before.storages.get(name).cloned())?
        };
        let observers = |backend: &str| Observers::new(metrics.observer(backend));
        let storages = storages::open_all(&config, buffers, observers, kept)?;
        let accounts = Accounts::new(
            &config,
            &storages,
            Arc::clone(metrics),
            Arc::clone(accounts),
            before.map(|before| &before.accounts),
        )?;
        Ok(Self { config, storages, accounts, traces: traces.clone(), cluster: cluster.clone() })
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("backends", &self.storages.keys()).finish_non_exhaustive()
    }
}

/// The world in which new sessions begin.
#[derive(Debug)]
pub struct CurrentWorld {
    now: ArcSwap<World>,
    changes: watch::Sender<()>,
}

/// What a swap of worlds leaves to be done.
#[derive(Debug)]
pub struct Replaced {
    /// The world before. Sessions that are logged in keep it.
    pub before: Arc<World>,
    /// Sessions that were told to end, because their accounts are gone or ask for another proof: what ends their transfers.
    pub dismissed: Vec<Shutdown>,
}

impl CurrentWorld {
    /// Begins with this world.
    pub fn new(world: World) -> Self {
        world.accounts.follow(None);
        Self { now: ArcSwap::from_pointee(world), changes: watch::Sender::new(()) }
    }

    /// The world as it is now. Whoever wants to see no change keeps it.
    pub fn now(&self) -> Arc<World> {
        self.now.load_full()
    }

    /// Has new sessions begin in another world, and tells those to end whose accounts are not the same there.
    pub fn replace(&self, world: World) -> Replaced {
        let world = Arc::new(world);
        let before = self.now.swap(Arc::clone(&world));
        let dismissed = world.accounts.follow(Some(&before.accounts));
        self.changes.send_replace(());
        Replaced { before, dismissed }
    }

    /// Tells of each swap from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
