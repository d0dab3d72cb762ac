//! A session: states that own what they know, and the loop that serves one.

mod greeting;
mod logged_in;
mod run;
mod transfer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::Shared;
use super::control::Control;
use super::reply::Reply;
use super::security::Security;

pub(super) use greeting::Greeting;
pub(super) use logged_in::{LoggedIn, Mode, Type};
pub(super) use run::Session;
pub(super) use transfer::{Context, Direction, Transfer};

/// What a session has whoever is logged in.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) control: Control,
    /// Unique in the life of the process; in every log line of the session.
    pub(super) id: u64,
    pub(super) peer: SocketAddr,
    /// The address of this machine that the connection came to.
    pub(super) local: SocketAddr,
    /// What the client connected to.
    pub(super) reached: SocketAddr,
    pub(super) security: Security,
    /// How long it may be silent (SITE IDLE).
    pub(super) idle_timeout: Duration,
    /// EPSV ALL was said (RFC 2428, section 4).
    pub(super) extended_only: bool,
}

impl Connection {
    /// Sends lines that are a part of a reply.
    ///
    /// # Errors
    /// The refusal that ends the command if the client can't be reached; the session ends by itself then.
    pub(super) async fn send_block(&mut self, block: &mut BytesMut) -> Result<(), Reply> {
        let sent = self.control.send_bytes(&block.split()).await;
        sent.map_err(|_| Reply::new(421, "The control connection is lost."))
    }
}

/// Whether somebody is logged in.
pub(super) enum State {
    Greeting(Greeting),
    LoggedIn(Box<LoggedIn>),
}

impl State {
    /// The name of the user for the log; empty before the login.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Greeting(_) => "",
            Self::LoggedIn(session) => &session.name,
        }
    }
}
