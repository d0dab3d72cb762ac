//! What all sessions share, in whichever world they began.

use std::sync::Arc;

use super::super::advertised::Advertised;
use super::super::checksums::Checksums;
use super::super::data::PassivePorts;
use super::super::first::FirstOfUsers;
use super::super::tls;
use super::interrupted::Interrupted;
use crate::config;
use crate::ops::metrics::Metrics;
use crate::tls::TlsError;
use crate::world::CurrentWorld;

/// What all sessions share.
pub(in super::super) struct Shared {
    /// The world in which new sessions begin.
    pub(in super::super) world: Arc<CurrentWorld>,
    pub(in super::super) tls: Option<Arc<tls::Tls>>,
    /// Users whose uploads were converted without their asking.
    pub(in super::super) text_uploads: FirstOfUsers,
    /// Uploads that were broken off, which can't be gone on with.
    pub(in super::super) interrupted: Arc<Interrupted>,
    pub(in super::super) checksums: Checksums,
    pub(in super::super) ports: Arc<PassivePorts>,
    pub(in super::super) advertised: Advertised,
    pub(in super::super) metrics: Arc<Metrics>,
}

impl Shared {
    /// What sessions share that begin in these worlds. What is bound once in the life of the process is that of the first.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub(in super::super) fn new(world: Arc<CurrentWorld>, metrics: Arc<Metrics>) -> Result<Self, TlsError> {
        let first = world.now();
        let tls = match &first.config.tls {
            config::Tls::Off => None,
            config::Tls::On(settings) => Some(tls::Tls::new(settings.clone(), Arc::clone(&metrics))?),
        };
        let server = &first.config.server;
        Ok(Self {
            tls,
            text_uploads: FirstOfUsers::default(),
            interrupted: Arc::default(),
            checksums: Checksums::new(),
            ports: PassivePorts::new(server.passive.ports.clone(), server.proxies.clone()),
            advertised: Advertised::new(&server.passive),
            world,
            metrics,
        })
    }
}
