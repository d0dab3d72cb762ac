//! A session: states that own what they know, and the loop that serves one.

mod dispatch;
mod greeting;
mod interrupted;
mod logged_in;
mod run;
mod transfer;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use wharf_backends::StoragePath;

use super::Shared;
use super::control::Control;
use super::data::Channel;
use super::reply::Reply;
use super::security::Security;
use super::table::{Command, Run};
use crate::accounts::SessionPermit;
use crate::charset::Charset;
use crate::visit::journal::Journal;

pub(super) use greeting::Greeting;
pub(super) use interrupted::{Interrupted, OwnInterrupted};
pub(super) use logged_in::{LoggedIn, Mode, Type};
pub(super) use run::Session;
pub(super) use transfer::{Context, Direction, Ended, Transfer};

/// How often it is looked whether the client is still there.
const LOOK: Duration = Duration::from_secs(1);

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
    /// The other end is a load balancer that has named no client.
    pub(super) by_proxy_itself: bool,
    /// It starts with a TLS handshake.
    pub(super) implicit_tls: bool,
    pub(super) security: Security,
    /// How long it may be silent (SITE IDLE).
    pub(super) idle_timeout: Duration,
    /// The place among all sessions.
    pub(super) permit: Arc<SessionPermit>,
    /// Logins that failed. REIN makes no difference to them.
    pub(super) failures: u32,
    /// What OPTS UTF8 asked for: it counts more than the character set of the user.
    pub(super) chosen_charset: Option<Charset>,
    /// EPSV ALL was said (RFC 2428, section 4).
    pub(super) extended_only: bool,
}

impl Connection {
    /// The log lines of the session, as those of this user.
    pub(super) fn journal<'a>(&self, user: &'a str) -> Journal<'a> {
        Journal { session: self.id, user, peer: self.peer }
    }

    /// Waits for work that takes long, unless the client goes: then nobody needs it.
    ///
    /// # Errors
    /// The refusal that ends the command, which nobody hears.
    pub(super) async fn while_there<T>(&self, work: impl Future<Output = T>) -> Result<T, Reply> {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(LOOK, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) if self.control.is_abandoned() => {
                    tracing::debug!(session = self.id, peer = %self.peer, "nobody waits for a command any more");
                    return Err(Reply::new(426, "The control connection is lost."));
                }
                Err(_) => {}
            }
        }
    }

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

/// What is for one command alone.
#[derive(Default)]
pub(super) struct Once {
    /// Where a transfer begins.
    pub(super) restart: u64,
    /// How its data connection comes about.
    pub(super) channel: Option<Channel>,
    /// What RNTO gives another name.
    pub(super) rename_from: Option<StoragePath>,
}

impl State {
    /// Takes what is for this command alone, or for the one that is in its place and could not be read. RNTO comes right
    /// behind RNFR (RFC 959, section 4.1.3); what REST and PASV prepared waits for the next transfer.
    pub(super) fn take_once(&mut self, command: Option<&Command>) -> Once {
        let Self::LoggedIn(session) = self else { return Once::default() };
        let rename_from = session.rename_from.take();
        match command.map(|command| command.run) {
            Some(Run::Transfer(_)) => Once {
                restart: std::mem::take(&mut session.restart),
                channel: session.channel.take(),
                rename_from,
            },
            Some(_) => Once { rename_from, ..Once::default() },
            None => {
                session.restart = 0;
                Once { rename_from, ..Once::default() }
            }
        }
    }

    /// The name of the user for the log; empty before the login.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Greeting(_) => "",
            Self::LoggedIn(session) => &session.name,
        }
    }
}
