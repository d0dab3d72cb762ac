//! Passes a data connection on to the replica that it belongs to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::data_connection::DataConnection;
use super::handshake::{self, HandshakeError, Opening};
use super::keys::ConnectionKey;
use super::peers::{self, Unreachable};
use super::service::Kind;
use super::splice::{self, Lost, Sides};
use super::{Cluster, as_address};
use crate::ops::logging::rate;
use crate::ops::metrics::{RelayFailure, Way};
use crate::proxy_protocol::Route;

/// How long it may take until another replica has taken a connection. A client waits meanwhile, and a replica that is gone
/// must not keep it.
const PATIENCE: Duration = Duration::from_millis(900);

/// Why a connection to another replica could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// It can't be reached.
    #[error(transparent)]
    Unreachable(Box<dyn std::error::Error + Send + Sync>),
    /// Its name can't be resolved.
    #[error(transparent)]
    Lookup(Box<dyn std::error::Error + Send + Sync>),
    /// It did not answer in time.
    #[error("it did not answer within {PATIENCE:?}")]
    Timeout,
    /// It does not know the secret.
    #[error(transparent)]
    Secret(Box<dyn std::error::Error + Send + Sync>),
    /// It has refused, or does not speak the protocol.
    #[error(transparent)]
    Refused(Box<dyn std::error::Error + Send + Sync>),
}

impl NotOpened {
    fn counted(&self) -> RelayFailure {
        match self {
            Self::Unreachable(_) => RelayFailure::Connect,
            Self::Lookup(_) => RelayFailure::Lookup,
            Self::Timeout => RelayFailure::Timeout,
            Self::Secret(_) => RelayFailure::Secret,
            Self::Refused(_) => RelayFailure::Refused,
        }
    }
}

impl From<Unreachable> for NotOpened {
    fn from(error: Unreachable) -> Self {
        match error {
            Unreachable::Lookup(..) => Self::Lookup(error.into()),
            Unreachable::Unknown(_) | Unreachable::Connect(..) => Self::Unreachable(error.into()),
        }
    }
}

impl From<HandshakeError> for NotOpened {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Secret | HandshakeError::NoSecret => Self::Secret(error.into()),
            HandshakeError::Io(_) => Self::Unreachable(error.into()),
            _ => Self::Refused(error.into()),
        }
    }
}

impl Cluster {
    /// Opens a connection to another replica, which has proven who it is, and takes connections of this kind. It is reset when it
    /// is closed, unless somebody changes that.
    ///
    /// # Errors
    /// [`NotOpened`], in less than a second.
    pub async fn call(
        &self,
        replica: u16,
        kind: Kind,
        said: &[u8],
    ) -> Result<(TcpStream, ConnectionKey), NotOpened> {
        let called = async {
            let mut stream = self.peers.connect(replica).await?;
            // Before the first byte: if this is given up, or the process ends, the other end must not see an end.
            splice::reset_when_closed(&stream);
            peers::prepare(&stream).map_err(|error| NotOpened::Unreachable(error.into()))?;
            let opening = Opening { kind, from: self.index, to: replica, said };
            let keys = self.keys.load_full();
            let key = handshake::open(&mut stream, &keys, opening).await?;
            Ok((stream, key))
        };
        let called = timeout(PATIENCE, called).await.unwrap_or(Err(NotOpened::Timeout));
        match &called {
            Ok(_) => self.peers.found(replica),
            // It may have moved.
            Err(_) => self.peers.forget(replica),
        }
        called
    }

    /// Passes on a data connection that has come in at a port of another replica.
    pub(super) fn pass_on(self: Arc<Self>, client: TcpStream, route: Route, owner: u16, port: u16) {
        let places = self.relays.enter(route.client.ip()).zip(self.openings.enter(route.client.ip()));
        let Some((place, opening)) = places else {
            return self.lost(
                owner,
                RelayFailure::Limit,
                route.client,
                &"too many connections are passed on",
            );
        };
        // If it is not passed on in full, its end must not look like one.
        splice::reset_when_closed(&client);
        let tracker = self.tasks.clone();
        tracker.spawn(async move {
            let said = DataConnection { port, route }.encode();
            let called = self.call(owner, Kind::DataConnection, &said).await;
            drop(opening);
            match called {
                Ok((stream, _)) => self.relay(&client, &stream, route.client, owner).await,
                Err(error) => self.lost(owner, error.counted(), route.client, &error),
            }
            drop(place);
        });
    }

    async fn relay(&self, client: &TcpStream, owner: &TcpStream, peer: SocketAddr, replica: u16) {
        let _ = client.set_nodelay(true);
        let _open = self.meter.open();
        self.meter.relayed(replica, Way::To);
        let sides = Sides {
            client,
            owner,
            to_owner: self.meter.bytes(replica, Way::To),
            from_owner: self.meter.bytes(replica, Way::From),
            patience: self.patience,
        };
        match splice::both_ways(sides).await {
            Ok(()) => {}
            Err(Lost::Client(error)) => tracing::debug!(%peer, replica, %error, "a client has broken off"),
            // The session closes what it does not expect, or does not want any more.
            Err(Lost::Owner(error)) => self.lost(replica, RelayFailure::Broken, peer, &error),
        }
    }

    fn lost(&self, replica: u16, cause: RelayFailure, peer: SocketAddr, error: &dyn std::fmt::Display) {
        // Whoever looks for open ports finds those of replicas that never were.
        let is_known = cause != RelayFailure::Lookup || self.peers.was_there(replica);
        self.meter.failed(is_known.then_some(replica), cause);
        if !is_known {
            tracing::debug!(%peer, replica, %error, "a data connection came to a port of a replica that nobody has seen");
        } else if cause == RelayFailure::Broken {
            tracing::debug!(%peer, replica, %error, "a data connection of another replica was reset");
        } else if rate::RELAYS.admits(as_address(replica)) {
            tracing::warn!(%peer, replica, %error, "can't pass a data connection on to the replica it belongs to");
        }
    }
}
