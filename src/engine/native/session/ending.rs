//! Why a session ends, and how.

use std::io;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use super::super::codec::Decoded;
use super::super::reply::Reply;
use super::super::state::{Cancel, Running, State, TransferEvent};
use super::{Session, Waiting};
use crate::shutdown::Shutdown;
use crate::visit::facts::Mistake;

/// How long a transfer that was told to end may take to clean up.
const CLEAN_UP_TIME: Duration = Duration::from_secs(10);

/// How long a storage may take to make a file of what was received, when nobody waits for it any more.
const FINISHING_TIME: Duration = Duration::from_secs(10 * 60);

/// How long a session may still take when everything was told to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long a client may take to hear that its place is for somebody else.
const DISPLACED_WORDS: Duration = Duration::from_secs(1);

/// How long the runtime may take to read bytes that have arrived: much longer than it does.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// Why a session ends.
pub(super) enum End {
    /// The client is gone, or can't be written to.
    Lost(io::Error),
    /// All is said.
    Closed,
    /// This is still to be said. In a box: all that an idle session waits with has room for an end.
    Saying(Box<Reply>),
    /// Somebody else gets its place.
    Displaced,
}

impl End {
    pub(super) fn saying(reply: Reply) -> Self {
        Self::Saying(Box::new(reply))
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl Session {
    /// Ends it.
    pub(super) async fn end(&mut self, end: End, opened: Instant, shutdown: &Shutdown) {
        let (id, peer) = (self.connection.id, self.connection.peer);
        // An upload must not become visible any more, and leaves nothing behind.
        if let Some(transfer) = &self.transfer {
            transfer.cancel(match (shutdown.is_kicked(), shutdown.now.is_cancelled()) {
                (true, _) => Cancel::Kicked,
                (false, true) => Cancel::Stopping,
                (false, false) => Cancel::ControlConnectionLost,
            });
            if timeout(CLEAN_UP_TIME, self.end_transfer()).await.is_err() {
                tracing::warn!(session = id, %peer, "a transfer of a session that ended is still busy");
                self.finish_transfer(shutdown).await;
            }
        }
        let Self { connection, state, linger, moved, .. } = self;
        match end {
            End::Saying(reply) => {
                if connection.control.send(&reply).await.is_ok() {
                    connection.control.close().await;
                }
            }
            End::Closed => connection.control.close().await,
            End::Displaced => {
                connection.journal("").displaced();
                connection.shared.metrics.session_displaced();
                // Where TLS comes first, nothing is said before it.
                if !connection.implicit_tls || connection.control.is_encrypted() {
                    let reply = Reply::new(
                        421,
                        "Too many sessions; those that have not logged in give way. Try again later.",
                    );
                    // Its place is taken, so it may not stay for long.
                    let _ = timeout(DISPLACED_WORDS, connection.control.send(&reply)).await;
                }
            }
            End::Lost(error) => {
                tracing::debug!(session = id, %peer, %error, "the control connection is lost");
            }
        }
        // What was sent last may still be on its way.
        if let Some(linger) = linger.take() {
            tokio::select! {
                () = linger.closed() => {}
                () = shutdown.now.cancelled() => {}
            }
        }
        connection.journal(state.user()).closed(std::mem::take(moved), opened.elapsed());
    }

    /// Waits for the end of a file of which all was received: nobody can tell any more that it is not there. Stores have a limit
    /// of their own for that, and disks that hang get one here.
    async fn finish_transfer(&mut self, shutdown: &Shutdown) {
        if self.transfer.as_deref().is_some_and(Running::is_finishing) {
            tokio::select! {
                () = self.end_transfer() => {}
                () = tokio::time::sleep(FINISHING_TIME) => {}
                () = last_words(shutdown) => {}
            }
        }
    }

    /// Waits for the transfer that was cancelled.
    async fn end_transfer(&mut self) {
        while let Some(transfer) = &mut self.transfer {
            // Whoever asks now is not answered.
            if let TransferEvent::Ended(ended) = transfer.event().await {
                transfer.conclude(&ended.result);
                transfer.add_to(&mut self.moved);
                self.transfer = None;
            }
        }
    }

    pub(super) fn silent(&self) -> End {
        let (mistake, reply) = match self.state {
            State::Greeting(_) => (Mistake::NotLoggedIn, "Nobody logged in in time; goodbye."),
            State::LoggedIn(_) => (Mistake::Silent, "Silent for too long; goodbye."),
        };
        self.connection.journal(self.state.user()).mistaken(mistake);
        End::saying(Reply::new(421, reply))
    }

    /// A transfer that has received all asks whether its client is still there. The transfer and this are one task, so what
    /// the client has said meanwhile may not be read yet: it is heard first, as it may be an ABOR, whose client has closed
    /// its data connection for this reason.
    pub(super) async fn asked(&mut self) -> Result<(), End> {
        self.asking = true;
        while !self.gone {
            let control = &mut self.connection.control;
            let heard = match control.next().now_or_never() {
                None if control.has_unread_bytes() => timeout(HEARD_WITHIN, control.next()).await.ok(),
                heard => heard,
            };
            match heard {
                Some(Ok(Some(received))) => self.meanwhile(received, false).await?,
                Some(Ok(None)) => return self.ended(io::ErrorKind::UnexpectedEof.into()),
                Some(Err(error)) => return self.ended(error),
                // The end is still to be read.
                None if control.is_lost() => return Ok(()),
                None => break,
            }
        }
        self.asking = false;
        self.answer();
        Ok(())
    }

    /// Lets the transfer know that its client is still there, or wants to have it finished all the same.
    fn answer(&self) {
        if let Some(transfer) = &self.transfer {
            transfer.answer();
        }
    }

    /// The account is no more, whatever the session does.
    pub(super) fn expired(&self) -> End {
        self.connection.journal(self.state.user()).expired();
        End::saying(Reply::new(421, "This account has expired; goodbye."))
    }

    /// The control connection is over. A client that has said QUIT before means its transfer to be finished: many that are
    /// simple wait for no reply. One that has not is gone, and what it sent may be cut short.
    pub(super) fn ended(&mut self, error: io::Error) -> Result<(), End> {
        let quits =
            |waiting: &Waiting| matches!(&waiting.command, Decoded::Line(line) if line.verb == "QUIT");
        if self.transfer.is_none() || !self.waiting.iter().any(quits) {
            return Err(End::Lost(error));
        }
        self.gone = true;
        if std::mem::take(&mut self.asking) {
            self.answer();
        }
        Ok(())
    }
}

/// Waits until everything was told to end, and a moment more.
pub(super) async fn last_words(shutdown: &Shutdown) {
    shutdown.now.cancelled().await;
    // Idle sessions need no room for it.
    Box::pin(tokio::time::sleep(LAST_WORDS)).await;
}

pub(super) fn stopping(shutdown: &Shutdown) -> End {
    End::saying(Reply::new(
        421,
        match (shutdown.is_kicked(), shutdown.is_dismissed()) {
            (true, _) => "The operator of this server has ended your session.",
            (false, true) => "Your account has changed; log in again.",
            (false, false) => "The server is stopping; goodbye.",
        },
    ))
}

pub(super) fn failed() -> Reply {
    Reply::new(421, "The server failed; goodbye.")
}
