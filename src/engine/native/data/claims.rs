//! Which of the connections that came to a passive port is the session's.
//!
//! Whoever shares the client's address may have found the port. So a connection that comes to nothing (it is closed at once, it
//! speaks no TLS, it can't show that it is the session's) does not take the place of the right one. Over TLS, all shake hands
//! beside each other, and one that has proven to be the session's is taken at once. One that proves nothing, of a client that may
//! be unable to, is taken when no other is left that might be better. In plain text nothing can be proven: the first one is taken
//! that is open and, of an upload, has sent something, if there are several.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::super::tls::{Accepted, Resumption, Tls, Unproven};
use super::passive::{Arrived, Lease, Standing};
use super::{DataConnection, TransferError, pacing};
use crate::ops::logging::rate;
use crate::ops::metrics::Handshake;

/// How long a data connection may take to come about, its handshake included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How many shake hands beside each other, and how many do for one transfer. More wait for their turn.
const CLAIMS: usize = 16;
const ATTEMPTS: usize = 4096;

/// How long one may say nothing when the transfer has begun, or take for the rest of its handshake: then it makes room.
const SILENCE: Duration = Duration::from_secs(5);

/// How long another connection may still take in plain text when one has come that ended without a byte: it may be an empty file.
const EMPTY_CHANCE: Duration = Duration::from_millis(300);

/// How long the right connection may still take when a wrong one has come and the transfer waits.
const SECOND_CHANCE: Duration = Duration::from_secs(2);

/// How long it is until several connections are looked at again.
const PAUSE: Duration = Duration::from_millis(10);

/// Who receives on a data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Toward {
    Client,
    Server,
}

/// A connection that is open, and who opened it.
pub(super) struct Claim {
    pub(super) connection: DataConnection,
    pub(super) peer: SocketAddr,
    /// Whether it has shown that it is the session's.
    proven: Result<bool, Unproven>,
}

impl Claim {
    /// The connection is taken.
    fn settle(self, resumption: &Resumption) -> Self {
        if self.proven == Ok(false) {
            resumption.took_unproven();
        }
        self
    }
}

/// The session's connection, out of those in plain text.
pub(super) async fn in_plain_text(
    lease: Lease,
    toward: Toward,
    session: u64,
) -> Result<Arrived, TransferError> {
    // What ends without a byte may be an empty file.
    let mut ended: Option<Arrived> = None;
    let mut chance = None;
    loop {
        let next = match chance {
            Some(chance) if ended.is_some() => timeout_at(chance, lease.next()).await,
            _ => Ok(lease.next().await),
        };
        let Ok(next) = next else {
            return ended.ok_or(TransferError::Connect(io::ErrorKind::ConnectionAborted.into()));
        };
        let mut open = Vec::new();
        let mut next = Some(next.map_err(TransferError::Connect)?);
        lease.accept_pending();
        while let Some(arrived) = next {
            match arrived.standing() {
                Standing::Speaks | Standing::Silent => open.push(arrived),
                Standing::Ended if ended.is_none() => ended = Some(arrived),
                Standing::Ended | Standing::Reset => {
                    let data_peer = arrived.peer;
                    tracing::info!(session, %data_peer, "a data connection was closed at once: waiting for another");
                }
            }
            next = lease.take();
        }
        match open.len() {
            0 if ended.is_some() => _ = chance.get_or_insert_with(|| Instant::now() + EMPTY_CHANCE),
            0 => {}
            1 if toward == Toward::Client || open[0].standing() == Standing::Speaks => {
                return Ok(open.swap_remove(0));
            }
            // The client of an upload sends something: one that is silent may be somebody else's.
            1 => {
                let silent = open.swap_remove(0);
                let another = tokio::select! {
                    _ = silent.stream.readable() => None,
                    next = timeout(SECOND_CHANCE, lease.next()) => next.ok().and_then(Result::ok),
                };
                match another {
                    None if silent.standing() == Standing::Ended => {
                        ended = Some(silent);
                        _ = chance.get_or_insert_with(|| Instant::now() + EMPTY_CHANCE);
                    }
                    None => return Ok(silent),
                    Some(another) => return Ok(choose(vec![silent, another], toward, session).await),
                }
            }
            _ => return Ok(choose(open, toward, session).await),
        }
    }
}

/// One of several. Who waits for bytes can't be told from the client; who sends some can.
async fn choose(mut open: Vec<Arrived>, toward: Toward, session: u64) -> Arrived {
    let data_peers: Vec<_> = open.iter().map(|arrived| arrived.peer).collect();
    tracing::warn!(session, ?data_peers, "several connections came where one data connection is expected");
    let deadline = Instant::now() + SECOND_CHANCE;
    while toward == Toward::Server && Instant::now() < deadline {
        if let Some(at) = open.iter().position(|arrived| arrived.standing() == Standing::Speaks) {
            return open.swap_remove(at);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let is_open = |arrived: &Arrived| matches!(arrived.standing(), Standing::Speaks | Standing::Silent);
    let at = open.iter().position(is_open).unwrap_or_default();
    open.swap_remove(at)
}

/// Waits until a connection says something. Before its transfer has begun the client may keep silent; after it, not for long.
async fn speaks(arrived: &Arrived, mut begun: watch::Receiver<Option<Toward>>) -> Result<(), TransferError> {
    let silence = async {
        // If the transfer is given up, so is this.
        let _ = begun.wait_for(Option::is_some).await;
        tokio::time::sleep(SILENCE).await;
    };
    tokio::select! {
        _ = arrived.stream.readable() => Ok(()),
        () = silence => Err(TransferError::NoConnection(SILENCE)),
    }
}

/// The session's connection, out of those that begin TLS. `begun` tells when a transfer waits for it, and what for.
pub(super) async fn over_tls(
    lease: Lease,
    (tls, resumption): (Arc<Tls>, Arc<Resumption>),
    mut begun: watch::Receiver<Option<Toward>>,
    session: u64,
) -> Result<Claim, TransferError> {
    let mut claims = FuturesUnordered::new();
    let mut unproven: Option<Claim> = None;
    let mut failure = None;
    let mut _refused: Option<Claim> = None;
    let (mut attempts, mut chance) = (0, None);
    loop {
        // What the transfer's command may have overtaken is looked for before one that proves nothing is taken.
        let is_awaited = begun.borrow().is_some();
        if is_awaited && claims.is_empty() && unproven.is_some() {
            lease.accept_pending();
            if lease.is_empty() {
                break;
            }
        }
        if is_awaited && chance.is_none() && (unproven.is_some() || failure.is_some()) {
            chance = Some(Instant::now() + SECOND_CHANCE);
        }
        tokio::select! {
            Some(claim) = claims.next() => match claim {
                Ok::<Claim, (SocketAddr, TransferError)>(claim) => match claim.proven {
                    Ok(true) => return Ok(claim),
                    Ok(false) if unproven.is_none() => unproven = Some(claim),
                    Ok(false) => tracing::warn!(
                        session, data_peer = %claim.peer,
                        "several connections came where one data connection is expected: the first one counts"
                    ),
                    Err(cause) => {
                        refused_one(session, claim.peer, &cause);
                        failure = Some(TransferError::Unproven(cause));
                        // It may be the client's after all, which is to read the reply that says why before it finds this closed.
                        _refused = Some(claim);
                    }
                },
                Err((data_peer, cause)) => {
                    refused_one(session, data_peer, &cause);
                    failure = Some(cause);
                }
            },
            // More wait with the system until one of these is done.
            arrived = lease.next(), if attempts < ATTEMPTS && claims.len() < CLAIMS => {
                let arrived = match arrived {
                    Ok(arrived) => arrived,
                    Err(error) if claims.is_empty() && unproven.is_none() => {
                        return Err(failure.unwrap_or(TransferError::Connect(error)));
                    }
                    // Others have the port.
                    Err(_) => {
                        attempts = ATTEMPTS;
                        continue;
                    }
                };
                attempts += 1;
                let (tls, resumption, begun) = (Arc::clone(&tls), Arc::clone(&resumption), begun.clone());
                claims.push(async move {
                    let peer = arrived.peer;
                    speaks(&arrived, begun.clone()).await.map_err(|cause| (peer, cause))?;
                    let client_reads = || *begun.borrow() == Some(Toward::Client);
                    let handshake = timeout(SILENCE, shake_hands(arrived, &tls, &resumption, client_reads)).await;
                    let handshake = handshake.unwrap_or(Err(TransferError::NoConnection(SILENCE)));
                    handshake.map_err(|cause| (peer, cause))
                });
            }
            changed = begun.changed(), if !is_awaited => {
                // The transfer is given up.
                changed.map_err(|_| TransferError::Aborted)?;
            }
            () = sleep_until(chance.unwrap_or_else(Instant::now)), if chance.is_some() => {
                if unproven.is_some() {
                    break;
                }
                match failure.take() {
                    Some(failure) if claims.is_empty() => return Err(failure),
                    still => failure = still,
                }
                chance = None;
            }
        }
    }
    let unproven = unproven.map(|claim| claim.settle(&resumption));
    unproven.ok_or(TransferError::Aborted)
}

fn refused_one(session: u64, data_peer: SocketAddr, cause: &dyn std::error::Error) {
    if !rate::REFUSALS.admits(data_peer.ip()) {
        return;
    }
    tracing::info!(session, %data_peer, %cause, "refused a data connection: waiting for another");
}

/// The handshake of a data connection, and its proof.
async fn shake_hands(
    Arrived { stream, peer }: Arrived,
    tls: &Arc<Tls>,
    resumption: &Resumption,
    client_reads: impl Fn() -> bool,
) -> Result<Claim, TransferError> {
    pacing::unpace_connection(&stream);
    let accepted = timeout(CONNECT_TIMEOUT, tls.accept_data(stream, resumption, client_reads)).await;
    tls.metrics().handshake(Handshake::Data, matches!(accepted, Ok(Ok(_))));
    match accepted {
        Ok(Ok(Accepted { stream, proven })) => {
            let lenient = !tls.settings().require_close_notify;
            Ok(Claim { connection: DataConnection::tls(stream, lenient), peer, proven })
        }
        Ok(Err(error)) => Err(TransferError::Handshake(error)),
        Err(_) => Err(TransferError::NoConnection(CONNECT_TIMEOUT)),
    }
}

/// The only connection there is: the one that the server opened itself.
pub(super) async fn opened(
    arrived: Arrived,
    toward: Toward,
    tls: &Arc<Tls>,
    resumption: &Resumption,
) -> Result<DataConnection, TransferError> {
    let claim = shake_hands(arrived, tls, resumption, || toward == Toward::Client).await?;
    claim.proven.map_err(TransferError::Unproven)?;
    Ok(claim.settle(resumption).connection)
}
