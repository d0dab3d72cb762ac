//! Tells another replica.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, timeout, timeout_at};

use super::super::relay::NotOpened;
use super::super::sealed::{End, Sealed};
use super::super::service::Kind;
use super::wire::{Telling, milliseconds};
use super::{Message, Presence, Told};
use crate::ops::logging::rate;
use crate::ops::metrics::Way;

/// So often something is told, if there is nothing to tell: who is silent for longer is away.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long one telling may take. Whoever reads nothing for so long is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it takes until a replica is tried again that was here, and one that nobody has ever seen: there may be room for
/// hundreds that don't exist, whose names would all be looked up. Whoever comes says so itself, and is told at once.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE_OF_UNKNOWN: Duration = Duration::from_secs(5 * 60);

/// What is said of the connection: the version of what follows.
pub(super) const SAID: &[u8] = &[1];

/// Why nothing is told any more.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Tells a replica whatever there is, for as long as it is polled.
pub(super) async fn keep_telling(told: Arc<Told>, replica: u16, wake: Arc<Notify>) {
    let mut pause = PAUSE;
    loop {
        let Err(lost) = once(&told, replica).await else { return };
        let was_here = told.cluster.peers.was_there(replica);
        match lost {
            Lost::Io(error) => {
                tracing::debug!(replica, %error, "a connection that tells another replica is over");
                pause = PAUSE;
            }
            Lost::NotOpened(error) => {
                let is_here = told.replicas().contains(&(replica, Presence::Here));
                // It is heard, and can't be told anything: something is wrong with the way there.
                if is_here && rate::RELAYS.admits(super::super::as_address(replica)) {
                    tracing::warn!(replica, %error, "can't tell another replica what is counted here");
                } else {
                    tracing::debug!(replica, %error, "another replica can't be told anything");
                }
                let most = if was_here { LONGEST_PAUSE } else { LONGEST_PAUSE_OF_UNKNOWN };
                pause = (2 * pause).min(most);
            }
        }
        // Not all at once.
        let part = RandomState::new().hash_one(replica) % 1000;
        let pause = pause.mul_f64(0.75 + part as f64 / 2000.0);
        tokio::select! {
            _ = timeout(pause, wake.notified()) => {}
            () = told.leaving.cancelled() => return,
        }
    }
}

/// Tells a replica whatever there is, until the connection is lost, or this replica ends.
async fn once(told: &Told, replica: u16) -> Result<(), Lost> {
    // First: a secret that is taken out while the handshake lasts has to end what comes of it.
    let mut secrets = told.cluster.secrets();
    let (stream, key) = told.cluster.call(replica, Kind::Counters, SAID).await?;
    let mut sealed = Sealed::new(&key, End::Opener)?;
    let (mut reading, mut writing) = stream.into_split();
    let mut byte = [0];
    let (mut messages, mut news) = everything(told);
    loop {
        for message in messages.drain(..) {
            let sent = timeout(PATIENCE, sealed.send(&mut writing, &message)).await;
            let sent = sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            told.cluster.meter.told(Way::To, sent);
        }
        let heartbeat = Instant::now() + HEARTBEAT;
        tokio::select! {
            // It says nothing, so this is its end.
            read = reading.read(&mut byte) => {
                let over = || io::Error::from(io::ErrorKind::ConnectionReset);
                return Err(read.err().unwrap_or_else(over).into());
            }
            () = told.leaving.cancelled() => {
                while let Ok(message) = news.try_recv() {
                    messages.push(message);
                }
                messages.push(Telling { leaves: true, ..Telling::default() }.encode().into());
                for message in messages.drain(..) {
                    sealed.send(&mut writing, &message).await?;
                }
                // It has read all of it when it closes the connection as well.
                writing.shutdown().await?;
                while reading.read(&mut byte).await? > 0 {}
                return Ok(());
            }
            // Whoever knows an old one alone is told nothing more.
            _ = secrets.changed() => return Err(io::Error::other("there are other secrets").into()),
            received = timeout_at(heartbeat, news.recv()) => match received {
                Ok(Ok(message)) => messages.push(message),
                // It was too slow for all of it.
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => (messages, news) = everything(told),
                Err(_) => messages.push(Telling::nothing().into()),
            },
        }
    }
}

/// All there is, and what changes from then on.
fn everything(told: &Told) -> (Vec<Message>, broadcast::Receiver<Message>) {
    let knows = told.replicas().into_iter().filter(|(_, presence)| *presence == Presence::Here);
    let knows = knows.map(|(replica, _)| replica).collect();
    // Under one lock: nothing is told twice, and nothing is left out.
    let collector = told.collector();
    let mut all = collector.all(&told.limits, knows);
    if let Some(first) = all.first_mut() {
        first.age_ms = Some(milliseconds(told.started.elapsed()));
    }
    let all = all.into_iter().map(|telling| telling.encode().into());
    (all.collect(), told.news.subscribe())
}
