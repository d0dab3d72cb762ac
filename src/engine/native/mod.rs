//! The engine of our own: FTP on one side, visits on the other.
//!
//! - `control`, `codec`, `reply`: the control connection, its lines and its replies;
//! - `session`: the loop that serves a session;
//! - `commands`: the table of every command, what each needs, and what it does;
//! - `state`: what a session knows;
//! - `data`: data connections, and what moves over them;
//! - `security`, `tls`: what is encrypted, and has to be.
//!
//! Imports run one way: session, commands, state, and then all else.
//!
//! A session is one task, and its transfer a part of it, so that commands are answered while files move, and neither has to
//! wake the other. A thread of a disk that has an answer for the task goes on with it at once (`carried`).

mod advertised;
mod checksums;
mod codec;
mod commands;
mod control;
mod data;
mod facts;
mod first;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod own_addresses;
mod reply;
mod security;
mod session;
mod socket;
mod state;
mod tls;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use wharf_backends::threads::carried;

use self::control::{Control, Echo};
use self::security::Security;
use self::session::Session;
use self::state::Shared;
use super::{Connection, Engine, Ready, Row, Unready};
use crate::config;
use crate::ops::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::tls::TlsError;
use crate::world::{CurrentWorld, World};

/// The row of this engine.
pub(super) const ROW: Row = Row {
    known: config::Engine { word: "native", help: "Wharf's own engine.", lacks: &[] },
    silent: &[],
    open: |world, metrics| Ok(Arc::new(NativeEngine::new(world, metrics)?)),
};

/// Serves sessions with Wharf's own implementation of FTP.
pub struct NativeEngine {
    shared: Arc<Shared>,
}

impl NativeEngine {
    /// An engine whose sessions begin in these worlds.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub fn new(world: Arc<CurrentWorld>, metrics: Arc<Metrics>) -> Result<Self, TlsError> {
        Ok(Self { shared: Arc::new(Shared::new(world, metrics)?) })
    }
}

impl Engine for NativeEngine {
    fn serve(self: Arc<Self>, connection: Connection, shutdown: Shutdown) -> BoxFuture<'static, ()> {
        let Connection { stream, peer, local, reached, by_proxy_itself, session: id, implicit_tls, permit } =
            connection;
        // From the login on it is the same to the end of the session.
        let world = self.shared.world.now();
        let facts = &self.shared.facts;
        let echo = facts.wants_replies().then(|| Echo { facts: Arc::clone(facts), session: id, peer });
        let connection = state::Connection {
            control: Control::new(stream, Arc::clone(&self.shared.metrics), echo),
            id,
            peer,
            local,
            reached,
            by_proxy_itself,
            implicit_tls,
            security: Security::new(self.shared.tls()),
            named: state::Named::default(),
            idle_timeout: world.config.server.idle_timeout,
            world,
            failures: 0,
            permit: Arc::new(permit),
            chosen_charset: None,
            extended_only: false,
            shared: Arc::clone(&self.shared),
            ending: shutdown.clone(),
        };
        let mut session = Session::new(connection);
        Box::pin(carried(Box::pin(async move { session.run(&shutdown).await })))
    }

    fn prepare(self: Arc<Self>, world: &World) -> Result<Ready, Unready> {
        Ok(Box::new(self.shared.prepare(world)?))
    }
}

impl fmt::Debug for NativeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeEngine").field("world", &self.shared.world).finish_non_exhaustive()
    }
}
