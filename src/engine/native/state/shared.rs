//! What all sessions share.

use std::sync::Arc;

use super::super::advertised::Advertised;
use super::super::checksums::Checksums;
use super::super::data::PassivePorts;
use super::super::first::FirstOfUsers;
use super::super::tls;
use super::interrupted::Interrupted;
use crate::accounts::Accounts;
use crate::config;
use crate::ops::metrics::Metrics;
use crate::tls::TlsError;

/// The greeting of a server that was given none.
const GREETING: &str = "Wharf FTP server ready";

/// What all sessions share.
pub(in super::super) struct Shared {
    pub(in super::super) server: config::Server,
    pub(in super::super) greeting: String,
    pub(in super::super) tls: Option<Arc<tls::Tls>>,
    pub(in super::super) accounts: Arc<Accounts>,
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
    /// What sessions of these accounts share.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub(in super::super) fn new(
        config: &config::Config,
        accounts: Arc<Accounts>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TlsError> {
        let tls = match &config.tls {
            config::Tls::Off => None,
            config::Tls::On(settings) => Some(tls::Tls::new(settings.clone(), Arc::clone(&metrics))?),
        };
        let server = config.server.clone();
        Ok(Self {
            greeting: server.greeting.clone().unwrap_or_else(|| GREETING.to_owned()),
            tls,
            accounts,
            text_uploads: FirstOfUsers::default(),
            interrupted: Arc::default(),
            checksums: Checksums::new(),
            ports: PassivePorts::new(server.passive.ports.clone(), server.proxies.clone()),
            advertised: Advertised::new(&server.passive),
            server,
            metrics,
        })
    }
}
