//! The relay port, where this replica hears the others.
//!
//! The plan. Anybody who reaches the port may connect, say nothing, or anything. So a handshake takes [`PATIENCE`] at most,
//! one address has so many at once, and all together so many that the memory for them is small. When there are too many, those
//! that have waited the longest are turned away (`handshakes`): a replica is done with its handshake within moments.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Cluster;
use super::data_connection::DataConnection;
use super::handshake::{self, HandshakeError, Verdict};
use super::handshakes::Handshakes;
use super::keys::ConnectionKey;
use super::peers;
use super::service::{Call, Kind, Service};
use crate::config::Secret;
use crate::ops::logging::rate;
use crate::ops::metrics::{RelayRefusal, Way};

/// How long the handshake of another replica may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many handshakes there are at once, in all and of one address.
const HANDSHAKES: usize = 2048;
const HANDSHAKES_OF_ONE: usize = 512;

/// How long to wait when the system lacks the resources for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Hears the other replicas for as long as the cluster is there.
pub(super) async fn listen(cluster: Weak<Cluster>, listener: TcpListener) {
    let handshakes = Handshakes::new(HANDSHAKES, HANDSHAKES_OF_ONE);
    loop {
        let accepted = listener.accept().await;
        let Some(cluster) = cluster.upgrade() else { return };
        match accepted {
            Ok((stream, peer)) => {
                let place = handshakes.enter(peer.ip());
                tokio::spawn(async move {
                    tokio::select! {
                        () = hear(&cluster, stream, peer) => {}
                        () = place.lost.cancelled() => {
                            turn_away(&cluster, peer, RelayRefusal::Limit, "too many come at once");
                        }
                    }
                });
            }
            Err(error) => {
                // Most often too many open files: that passes when something ends.
                if rate::RELAY_PORT.admits(cluster.relay.ip()) {
                    tracing::warn!(%error, "can't accept connections of other replicas");
                }
                drop(cluster);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn hear(cluster: &Cluster, mut stream: TcpStream, peer: SocketAddr) {
    let (cause, error) = match timeout(PATIENCE, answer(cluster, &mut stream)).await {
        Ok(Ok((heard, service))) => {
            let Heard { kind, from, said, key, secrets } = heard;
            cluster.peers.found(from);
            if kind == Kind::DataConnection {
                cluster.meter.relayed(from, Way::From);
            }
            tracing::debug!(%peer, replica = from, "another replica has opened a connection");
            return service.serve(Call { stream, from, said, key, secrets });
        }
        Ok(Err(error)) => match refusal(&error) {
            Some(cause) => (cause, error.to_string()),
            // Whoever looks whether somebody listens here connects, and closes.
            None => return tracing::debug!(%peer, %error, "a connection to the relay port was over at once"),
        },
        Err(_) => (RelayRefusal::Timeout, "its handshake took too long".to_owned()),
    };
    turn_away(cluster, peer, cause, &error);
}

/// A connection that is taken.
struct Heard {
    kind: Kind,
    from: u16,
    said: Vec<u8>,
    key: ConnectionKey,
    secrets: watch::Receiver<Vec<Secret>>,
}

async fn answer(
    cluster: &Cluster,
    stream: &mut TcpStream,
) -> Result<(Heard, Arc<dyn Service>), HandshakeError> {
    peers::prepare(stream).map_err(io::Error::from)?;
    // First: a secret that is taken out while the handshake lasts has to end what comes of it.
    let secrets = cluster.secrets();
    let keys = cluster.keys.load_full();
    let (asked, verdicts) = handshake::receive(stream, &keys).await?;
    let service = asked.kind.and_then(|kind| Some((kind, cluster.services.of(kind)?)));
    let Some((kind, service)) = service else {
        verdicts.send(stream, Verdict::UnknownKind).await?;
        return Err(HandshakeError::UnknownKind);
    };
    if asked.to != cluster.index || !service.knows(&asked.said) {
        verdicts.send(stream, Verdict::Elsewhere).await?;
        let connection = DataConnection::decode(&asked.said).filter(|_| kind == Kind::DataConnection);
        return Err(match connection {
            Some(DataConnection { port, .. }) if asked.to == cluster.index => {
                HandshakeError::Ports { from: asked.from, port }
            }
            _ => HandshakeError::Elsewhere,
        });
    }
    let key = verdicts.send(stream, Verdict::Welcome).await?;
    handshake::goes_on(stream).await?;
    Ok((Heard { kind, from: asked.from, said: asked.said, key, secrets }, service))
}

/// What somebody is turned away for, if not for a connection that ended by itself.
fn refusal(error: &HandshakeError) -> Option<RelayRefusal> {
    match error {
        HandshakeError::Io(_) => None,
        HandshakeError::Protocol => Some(RelayRefusal::Protocol),
        HandshakeError::Secret | HandshakeError::NoSecret | HandshakeError::NoRandomBytes(_) => {
            Some(RelayRefusal::Secret)
        }
        HandshakeError::Elsewhere => Some(RelayRefusal::Index),
        HandshakeError::Ports { .. } => Some(RelayRefusal::Ports),
        HandshakeError::UnknownKind => Some(RelayRefusal::Kind),
    }
}

fn turn_away(cluster: &Cluster, peer: SocketAddr, cause: RelayRefusal, error: &str) {
    cluster.meter.refused(cause);
    if rate::RELAY_PORT.admits(peer.ip()) {
        tracing::warn!(%peer, error, "turned somebody away at the relay port");
    }
}
