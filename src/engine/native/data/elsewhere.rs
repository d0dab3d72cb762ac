//! Tells a client whose data connection comes from another address than its control connection that it does, instead of
//! letting it wait in vain.
//!
//! The plan. A gateway with several addresses, or a balancer, may send both connections of a client on different ways. Its
//! data connection is not taken then: whoever finds the port could take it. But whoever connects to every port must not end
//! the transfers of others either. So a connection from another address (a stray) ends a transfer before its time only if its
//! network has not ended many, and
//! - it has resumed a TLS session of the same user: then it is the client, or another of this user's, or
//! - nobody else has come to the port, from the client's address or from a third one, for a while after both the command and
//!   the stray; and it has shaken hands, if the transfer is to be protected.
//!
//! `docs/decisions/data-connections-from-elsewhere.md` has the reasons.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::tls::{Resumption, Tls};
use super::TransferError;
use super::claims::{SILENCE, Toward, shake_hands};
use super::passive::Strays;
use crate::ops::logging::rate;

/// How long the client's own connection may still take. It is asked for in less than a second.
const GRACE: Duration = Duration::from_millis(600);

/// The same, where another replica may have the connection: it takes up to 0.9 seconds to pass it on.
const GRACE_OF_REPLICAS: Duration = Duration::from_millis(1500);

/// What the grace is to the time between the reply with the port and the command, in which the answer of a far client is on
/// its way at least once.
const ROUND_TRIPS: u32 = 3;

/// How many strays of one transfer shake hands.
const HANDSHAKES: usize = 4;

/// The client's own connection, unless a stray ends the wait for it.
pub(super) async fn unless<T>(
    stray: impl Future<Output = TransferError>,
    own: impl Future<Output = Result<T, TransferError>>,
) -> Result<T, TransferError> {
    tokio::select! {
        biased;
        own = own => own,
        stray = stray => Err(stray),
    }
}

/// Waits until a stray has to end a transfer in plain text, which has begun.
pub(super) async fn in_plain_text(strays: Strays) -> TransferError {
    let end = Instant::now() + grace(&strays);
    strays.first().await;
    sleep_until(end.max(Instant::now() + least(&strays))).await;
    match told(&strays).filter(|_| may_end(&strays)) {
        Some(error) => error,
        None => std::future::pending().await,
    }
}

/// Waits until a stray has to end a transfer over TLS, which may not have begun yet.
pub(super) async fn over_tls(
    strays: Strays,
    (tls, resumption): (Arc<Tls>, Arc<Resumption>),
    mut begun: watch::Receiver<Option<Toward>>,
) -> TransferError {
    let mut end = None;
    let mut handshakes = 0;
    while handshakes < HANDSHAKES {
        let stray = tokio::select! {
            begun = begun.wait_for(Option::is_some), if end.is_none() => match begun {
                Ok(_) => {
                    end = Some(Instant::now() + grace(&strays));
                    continue;
                }
                Err(_) => break,
            },
            stray = strays.next() => stray,
        };
        handshakes += 1;
        let came = Instant::now();
        // A stranger is not kept for long.
        if timeout(SILENCE, stray.stream.readable()).await.is_err() {
            continue;
        }
        let client_reads = || *begun.borrow() == Some(Toward::Client);
        let shaken = timeout(SILENCE, shake_hands(stray, &tls, &resumption, client_reads)).await;
        let Ok(Ok(claim)) = shaken else { continue };
        // Without a transfer, there is nothing to end.
        if begun.wait_for(Option::is_some).await.is_err() {
            break;
        }
        let end = *end.get_or_insert_with(|| Instant::now() + grace(&strays));
        let is_proven = claim.proven == Ok(true);
        if !is_proven {
            sleep_until(end.max(came + least(&strays))).await;
        }
        if let Some(error) = told(&strays).filter(|_| may_end(&strays)) {
            return error;
        }
    }
    std::future::pending().await
}

/// What a client is told whose data connection came from elsewhere, as far as is known.
pub(super) fn told(strays: &Strays) -> Option<TransferError> {
    Some(TransferError::Elsewhere { control: strays.client(), data: strays.only_address()? })
}

fn may_end(strays: &Strays) -> bool {
    strays.only_address().is_some_and(|address| rate::EARLY_ENDS.admits(address))
}

/// How long the client's own connection may take from now on, as the command has come.
fn grace(strays: &Strays) -> Duration {
    least(strays).max(strays.since().elapsed() * ROUND_TRIPS)
}

/// How long it may take at least.
fn least(strays: &Strays) -> Duration {
    if strays.may_be_passed_on() { GRACE_OF_REPLICAS } else { GRACE }
}

#[cfg(test)]
#[path = "elsewhere_tests.rs"]
mod tests;
