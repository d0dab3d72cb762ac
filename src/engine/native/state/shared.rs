//! What all sessions share, in whichever world they began.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::super::advertised::Advertised;
use super::super::checksums::Checksums;
use super::super::data::{PassivePorts, RelayedConnections};
use super::super::first::FirstOfUsers;
use super::super::tls;
use super::interrupted::Interrupted;
use crate::cluster::{Kind, Service};
use crate::config;
use crate::ops::metrics::Metrics;
use crate::tls::TlsError;
use crate::visit::facts::Facts;
use crate::world::{CurrentWorld, World};

/// What all sessions share.
pub(in super::super) struct Shared {
    /// The world in which new sessions begin.
    pub(in super::super) world: Arc<CurrentWorld>,
    tls: ArcSwapOption<tls::Tls>,
    /// Users whose uploads were converted without their asking.
    pub(in super::super) text_uploads: FirstOfUsers,
    /// Uploads that were broken off, which can't be gone on with.
    pub(in super::super) interrupted: Arc<Interrupted>,
    pub(in super::super) checksums: Checksums,
    pub(in super::super) ports: Arc<PassivePorts>,
    /// What other replicas pass on comes to it for as long as it is there.
    _relayed: Option<Arc<dyn Service>>,
    advertised: ArcSwap<Advertised>,
    pub(in super::super) metrics: Arc<Metrics>,
    /// Who hears of what sessions do.
    pub(in super::super) facts: Arc<Facts>,
}

impl Shared {
    /// What sessions share that begin in these worlds. What is bound once in the life of the process is that of the first.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub(in super::super) fn new(world: Arc<CurrentWorld>, metrics: Arc<Metrics>) -> Result<Self, TlsError> {
        let first = world.now();
        let tls = tls_of(&first.config.tls, None, &metrics)?;
        if let Some(tls) = &tls {
            tls.follows(None);
        }
        let server = &first.config.server;
        let cluster = first.cluster.as_ref();
        let proxies = server.proxies.clone();
        let ports = match cluster {
            Some(cluster) => PassivePorts::of_cluster(cluster, proxies),
            None => PassivePorts::new(server.passive.ports.clone(), proxies),
        };
        let relayed = cluster.map(|cluster| {
            let service: Arc<dyn Service> = Arc::new(RelayedConnections(Arc::clone(&ports)));
            cluster.serve(Kind::DataConnection, &service);
            service
        });
        Ok(Self {
            tls: ArcSwapOption::new(tls),
            text_uploads: FirstOfUsers::default(),
            interrupted: Arc::default(),
            checksums: Checksums::new(),
            ports,
            _relayed: relayed,
            advertised: ArcSwap::from_pointee(Advertised::new(&server.passive)),
            facts: Arc::clone(first.accounts.facts()),
            world,
            metrics,
        })
    }
    /// The TLS of new sessions.
    pub(in super::super) fn tls(&self) -> Option<Arc<tls::Tls>> {
        self.tls.load_full()
    }

    /// What PASV names.
    pub(in super::super) fn advertised(&self) -> Arc<Advertised> {
        self.advertised.load_full()
    }

    /// Gets ready for another world.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub(in super::super) fn prepare(
        self: &Arc<Self>,
        world: &World,
    ) -> Result<impl FnOnce() + Send + 'static, TlsError> {
        let tls = tls_of(&world.config.tls, self.tls(), &self.metrics)?;
        let passive = &world.config.server.passive;
        let advertised = self.advertised();
        let advertised =
            if advertised.is_of(passive) { advertised } else { Arc::new(Advertised::new(passive)) };
        let shared = Arc::clone(self);
        let follow = self.world.now().cluster.clone().zip(world.config.cluster.clone());
        Ok(move || {
            let before = shared.tls.swap(tls.clone());
            match (tls, before) {
                (Some(tls), before) if !before.as_ref().is_some_and(|before| Arc::ptr_eq(before, &tls)) => {
                    tls.follows(before.as_deref());
                }
                (None, Some(before)) => before.is_over(),
                _ => {}
            }
            shared.advertised.store(advertised);
            if let Some((cluster, settings)) = follow {
                cluster.follow(&settings);
            }
        })
    }
}

/// The TLS for these settings: the one that is there, if it has them.
fn tls_of(
    settings: &config::Tls,
    before: Option<Arc<tls::Tls>>,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<tls::Tls>>, TlsError> {
    match (settings, before) {
        (config::Tls::Off, _) => Ok(None),
        (config::Tls::On(settings), Some(before)) if before.settings() == settings => {
            before.look(Duration::ZERO);
            Ok(Some(before))
        }
        (config::Tls::On(settings), _) => Ok(Some(tls::Tls::new(settings.clone(), Arc::clone(metrics))?)),
    }
}
