//! Decides which of the connections at a passive port is the session's.
//!
//! The plan. Strangers who share the client's address may have found the port. So a connection that fails (it is closed
//! at once, it speaks no TLS, it can't prove that it is the session's) must not take the place of the right one.
//!
//! - Over TLS, all connections shake hands at the same time, and one that has proven to be the session's is taken at
//!   once. A connection that proves nothing is taken if the client may be unable to prove anything, when no better one
//!   can come.
//! - In plain text nothing can be proven: the first open connection is taken. If there are several, an upload takes the
//!   first that has sent something.

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
use super::{DataConnection, TransferError};
use crate::ops::logging::rate;
use crate::ops::metrics::Handshake;

/// How long a data connection may take to be established, including its handshake.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections shake hands at the same time, and how many do for one transfer. More wait for their turn.
const CLAIMS: usize = 16;
const ATTEMPTS: usize = 4096;

/// How long a connection may be silent after the transfer has begun, and how long the rest of its handshake may take;
/// then it makes room.
pub(super) const SILENCE: Duration = Duration::from_secs(5);

/// How long another plain-text connection may still take after one has ended without a byte, which may be an empty
/// file.
const EMPTY_CHANCE: Duration = Duration::from_millis(300);

/// How long a silent connection of an upload is waited for alone. Most clients send their first bytes as soon as they read
/// that the transfer has begun, and to be told of other connections would take longer than such an upload.
const FIRST_WORD: Duration = Duration::from_millis(5);

/// How long the right connection may still take after a wrong one has arrived, while the transfer waits.
const SECOND_CHANCE: Duration = Duration::from_secs(2);

/// How often several waiting connections are looked at again.
const PAUSE: Duration = Duration::from_millis(10);

/// The receiver of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Toward {
    Client,
    Server,
}

/// An open connection, and the address that opened it.
pub(super) struct Claim {
    pub(super) connection: DataConnection,
    pub(super) peer: SocketAddr,
    pub(super) via: Option<u16>,
    /// Whether it has proven to be the session's.
    pub(super) proven: Result<bool, Unproven>,
}

impl Claim {
    /// Marks the connection as taken.
    fn settle(self, resumption: &Resumption) -> Self {
        if self.proven == Ok(false) {
            resumption.took_unproven();
        }
        self
    }
}

/// The session's connection, among those in plain text.
pub(super) async fn in_plain_text(
    lease: Lease,
    toward: Toward,
    session: u64,
) -> Result<Arrived, TransferError> {
    // A connection that ended without a byte may be an empty file.
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
        let (mut open, mut speaks) = (Vec::new(), false);
        let mut next = Some(next.map_err(TransferError::Connect)?);
        lease.accept_pending();
        while let Some(arrived) = next {
            match arrived.standing() {
                standing @ (Standing::Speaks | Standing::Silent) => {
                    speaks = standing == Standing::Speaks;
                    open.push(arrived);
                }
                Standing::Ended if ended.is_none() => ended = Some(arrived),
                Standing::Ended | Standing::Reset => closed_at_once(session, arrived.peer),
            }
            next = lease.take();
        }
        match open.len() {
            0 if ended.is_some() => _ = chance.get_or_insert_with(|| Instant::now() + EMPTY_CHANCE),
            0 => {}
            1 if toward == Toward::Client || speaks => {
                return Ok(open.swap_remove(0));
            }
            // The client of an upload sends something: a silent connection may be a stranger's.
            1 => {
                let silent = open.swap_remove(0);
                let mut others = Vec::new();
                match timeout(FIRST_WORD, silent.stream.readable()).await {
                    Ok(_) => {
                        lease.accept_pending();
                    }
                    Err(_) => tokio::select! {
                        _ = silent.stream.readable() => {}
                        next = timeout(SECOND_CHANCE, lease.next()) => others.extend(next.ok().and_then(Result::ok)),
                    },
                }
                others.extend(std::iter::from_fn(|| lease.take()));
                if !others.is_empty() {
                    others.insert(0, silent);
                    if let Some(chosen) = choose(others, toward, session).await {
                        return Ok(chosen);
                    }
                    continue;
                }
                match silent.standing() {
                    Standing::Ended => {
                        ended = Some(silent);
                        _ = chance.get_or_insert_with(|| Instant::now() + EMPTY_CHANCE);
                    }
                    Standing::Reset => closed_at_once(session, silent.peer),
                    Standing::Speaks | Standing::Silent => return Ok(silent),
                }
            }
            _ => {
                if let Some(chosen) = choose(open, toward, session).await {
                    return Ok(chosen);
                }
            }
        }
    }
}

fn closed_at_once(session: u64, data_peer: SocketAddr) {
    tracing::info!(session, %data_peer, "a data connection was closed at once: waiting for another");
}

/// Chooses one of several connections; `None` if all of them were reset. A receiver can't be distinguished from the client; a
/// sender can.
async fn choose(mut open: Vec<Arrived>, toward: Toward, session: u64) -> Option<Arrived> {
    let data_peers: Vec<_> = open.iter().map(|arrived| arrived.peer).collect();
    tracing::warn!(session, ?data_peers, "several connections came where one data connection is expected");
    let deadline = Instant::now() + SECOND_CHANCE;
    let mut ended = None;
    loop {
        // A look takes the news of a reset away: at the next one, the connection would seem to have ended well, as that of an empty
        // file.
        let mut at = 0;
        while let Some(arrived) = open.get(at) {
            match arrived.standing() {
                Standing::Speaks if toward == Toward::Server => return Some(open.swap_remove(at)),
                Standing::Speaks | Standing::Silent => at += 1,
                Standing::Ended => {
                    let arrived = open.remove(at);
                    ended.get_or_insert(arrived);
                }
                Standing::Reset => closed_at_once(session, open.remove(at).peer),
            }
        }
        if toward == Toward::Client || open.is_empty() || Instant::now() >= deadline {
            return open.into_iter().next().or(ended);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until a connection sends something. The client may be silent until its transfer has begun, and then not for
/// long.
async fn speaks(arrived: &Arrived, mut begun: watch::Receiver<Option<Toward>>) -> Result<(), TransferError> {
    let silence = async {
        // If the transfer is given up, this wait is, too.
        let _ = begun.wait_for(Option::is_some).await;
        tokio::time::sleep(SILENCE).await;
    };
    tokio::select! {
        _ = arrived.stream.readable() => Ok(()),
        () = silence => Err(TransferError::NoConnection(SILENCE)),
    }
}

/// The session's connection, among those that begin TLS. `begun` reports that a transfer waits for it, and its
/// direction.
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
        // Before a connection that proves nothing is taken, look for one that the transfer's command may have
        // overtaken.
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
                        // It may be the client's after all: keep it open until the client has read the reply with the
                        // reason.
                        _refused = Some(claim);
                    }
                },
                Err((data_peer, cause)) => {
                    refused_one(session, data_peer, &cause);
                    failure = Some(cause);
                }
            },
            // More connections wait in the system's queue until one of these is done.
            arrived = lease.next(), if attempts < ATTEMPTS && claims.len() < CLAIMS => {
                let arrived = match arrived {
                    Ok(arrived) => arrived,
                    Err(error) if claims.is_empty() && unproven.is_none() => {
                        return Err(failure.unwrap_or(TransferError::Connect(error)));
                    }
                    // Another session has the port.
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
                // The transfer was given up.
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
pub(super) async fn shake_hands(
    Arrived { stream, peer, via }: Arrived,
    tls: &Arc<Tls>,
    resumption: &Resumption,
    client_reads: impl Fn() -> bool,
) -> Result<Claim, TransferError> {
    let accepted = timeout(CONNECT_TIMEOUT, tls.accept_data(stream, resumption, client_reads)).await;
    tls.metrics().handshake(Handshake::Data, matches!(accepted, Ok(Ok(_))));
    match accepted {
        Ok(Ok(Accepted { stream, proven })) => {
            let lenient = !tls.settings().require_close_notify;
            Ok(Claim { connection: DataConnection::tls(stream, lenient), peer, via, proven })
        }
        Ok(Err(error)) => Err(TransferError::Handshake(error)),
        Err(_) => Err(TransferError::NoConnection(CONNECT_TIMEOUT)),
    }
}

/// The only connection in active mode: the one that the server opened itself.
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
