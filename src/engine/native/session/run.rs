//! The loop that serves a session: commands, the transfer beside them, timeouts and the end.

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::super::codec::{Decoded, Line};
use super::super::commands::{self, Failure, Outcome};
use super::super::data::TransferError;
use super::super::reply::Reply;
use super::super::table::{self, Command, During, Run};
use super::transfer::{Cancel, Event as TransferEvent, Running};
use super::{Connection, Greeting, State, Transfer};
use crate::charset::Charset;
use crate::engine::Shutdown;
use crate::engine::failure::is_trouble;

/// Commands that may wait for the end of a transfer. When there are more, no further ones are read.
const WAITING: usize = 32;

/// How long a transfer that was told to end may take to clean up.
const CLEAN_UP_TIME: Duration = Duration::from_secs(10);

/// How long a client that is logged in may take for a TLS handshake on the control connection.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// One client, from its greeting to its end.
pub(in super::super) struct Session {
    connection: Connection,
    state: State,
    transfer: Option<Running>,
    /// Commands that came during the transfer.
    waiting: VecDeque<Line>,
    started: Instant,
    active: Instant,
}

/// Why a session ends.
enum End {
    /// The client is gone, or can't be written to.
    Lost(io::Error),
    /// All is said.
    Closed,
    /// This is still to be said.
    Saying(Reply),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

enum Event {
    Cut,
    Stopping,
    Silent,
    Transfer(TransferEvent),
    Received(io::Result<Option<Decoded>>),
}

impl Session {
    pub(in super::super) fn new(connection: Connection) -> Self {
        let now = Instant::now();
        Self {
            connection,
            state: State::Greeting(Greeting::default()),
            transfer: None,
            waiting: VecDeque::new(),
            started: now,
            active: now,
        }
    }

    /// Serves the client until one of both has enough.
    pub(in super::super) async fn run(mut self, implicit_tls: bool, shutdown: &Shutdown) {
        let (id, peer) = (self.connection.id, self.connection.peer);
        tracing::debug!(session = id, %peer, "session opened");
        let end = self.serve(implicit_tls, shutdown).await;
        // An upload must not become visible any more, and leaves nothing behind.
        if let Some(transfer) = &self.transfer {
            transfer.cancel(match shutdown.now.is_cancelled() {
                true => Cancel::Stopping,
                false => Cancel::ControlConnectionLost,
            });
            if tokio::time::timeout(CLEAN_UP_TIME, self.end_transfer()).await.is_err() {
                tracing::warn!(session = id, %peer, "a transfer of a session that ended is still busy");
            }
        }
        let Self { mut connection, state, .. } = self;
        match end {
            End::Saying(reply) => {
                if connection.control.send(&reply).await.is_ok() {
                    connection.control.close().await;
                }
            }
            End::Closed => connection.control.close().await,
            End::Lost(error) => {
                tracing::debug!(session = id, %peer, %error, "the control connection is lost");
            }
        }
        tracing::debug!(session = id, %peer, user = state.user(), "session closed");
    }

    /// Waits for the transfer that was cancelled.
    async fn end_transfer(&mut self) {
        while let Some(transfer) = &mut self.transfer {
            // Whoever asks now is not answered.
            if let TransferEvent::Ended(result) = transfer.event().await {
                let (id, peer) = (self.connection.id, self.connection.peer);
                transfer.conclude(id, self.state.user(), peer, &result);
                self.transfer = None;
            }
        }
    }

    async fn serve(&mut self, implicit_tls: bool, shutdown: &Shutdown) -> End {
        let served = async {
            if implicit_tls {
                self.start_tls(true).await?;
            }
            let greeting = Reply::new(220, self.connection.shared.greeting.clone());
            self.connection.control.send(&greeting).await?;
            loop {
                self.turn(shutdown).await?;
            }
        };
        let served: Result<std::convert::Infallible, End> = served.await;
        match served {
            Err(end) => end,
        }
    }

    /// When the client has been silent, or not logged in, for too long.
    fn deadline(&self) -> Instant {
        let silent = self.active + self.connection.idle_timeout;
        match self.state {
            State::Greeting(_) => silent.min(self.started + self.connection.shared.server.login_timeout),
            State::LoggedIn(_) => silent,
        }
    }

    async fn turn(&mut self, shutdown: &Shutdown) -> Result<(), End> {
        if self.transfer.is_none()
            && let Some(line) = self.waiting.pop_front()
        {
            return self.handle(line, shutdown).await;
        }
        let deadline = self.deadline();
        let idle = self.transfer.is_none();
        let event = tokio::select! {
            biased;
            () = shutdown.now.cancelled() => Event::Cut,
            event = next_event(&mut self.transfer) => Event::Transfer(event),
            received = self.connection.control.next(), if self.waiting.len() < WAITING => Event::Received(received),
            () = shutdown.stopping.cancelled(), if idle => Event::Stopping,
            () = tokio::time::sleep_until(deadline), if idle => Event::Silent,
        };
        match event {
            Event::Received(Ok(Some(Decoded::Line(line)))) => {
                self.active = Instant::now();
                self.handle(line, shutdown).await
            }
            Event::Received(Ok(Some(Decoded::TooLong))) => {
                let reply = Reply::new(500, "The command line is too long.");
                Ok(self.connection.control.send(&reply).await?)
            }
            Event::Received(Ok(Some(Decoded::Endless))) => {
                Err(End::Saying(Reply::new(500, "The command line does not end; goodbye.")))
            }
            Event::Received(Ok(None)) => Err(End::Lost(io::ErrorKind::UnexpectedEof.into())),
            Event::Received(Err(error)) => Err(End::Lost(error)),
            Event::Transfer(TransferEvent::Asks(answer)) => {
                if !self.connection.control.is_lost() {
                    // If it has ended meanwhile, that is the next event.
                    let _ = answer.send(());
                }
                Ok(())
            }
            Event::Transfer(TransferEvent::Ended(result)) => self.conclude(&result).await,
            Event::Cut | Event::Stopping => {
                Err(End::Saying(Reply::new(421, "The server is stopping; goodbye.")))
            }
            Event::Silent => {
                let reply = match self.state {
                    State::Greeting(_) => "Nobody logged in in time; goodbye.",
                    State::LoggedIn(_) => "Silent for too long; goodbye.",
                };
                let (session, peer) = (self.connection.id, self.connection.peer);
                tracing::debug!(session, %peer, user = self.state.user(), "{reply}");
                Err(End::Saying(Reply::new(421, reply)))
            }
        }
    }

    /// The transfer is over: the last reply.
    async fn conclude(&mut self, result: &Result<(), TransferError>) -> Result<(), End> {
        let Some(transfer) = self.transfer.take() else { return Ok(()) };
        self.active = Instant::now();
        let (id, peer) = (self.connection.id, self.connection.peer);
        let reply = transfer.conclude(id, self.state.user(), peer, result);
        if matches!(result, Err(TransferError::Panicked)) {
            return Err(End::Saying(failed()));
        }
        self.connection.control.send(&reply).await?;
        if transfer.aborted {
            self.connection.control.send(&Reply::new(226, "ABOR was successful.")).await?;
        }
        Ok(())
    }

    /// Carries out a command, or keeps it for later.
    async fn handle(&mut self, line: Line, shutdown: &Shutdown) -> Result<(), End> {
        let command = table::find(&line.verb);
        if let Some(transfer) = &mut self.transfer {
            match command.map(|command| command.during) {
                Some(During::Abort) => {
                    // What came before it is not wanted any more either.
                    self.waiting.clear();
                    transfer.aborted = true;
                    transfer.cancel(Cancel::Aborted);
                    return Ok(());
                }
                Some(During::Status) if self.waiting.is_empty() && line.argument.is_empty() => {
                    let reply = commands::stat::during_transfer(&transfer.status());
                    return Ok(self.connection.control.send(&reply).await?);
                }
                Some(During::Serve) if self.waiting.is_empty() => {}
                _ => {
                    self.waiting.push_back(line);
                    return Ok(());
                }
            }
        }
        let Some(command) = command else {
            let reply = match line.verb.is_empty() {
                true => Reply::new(500, "That is no command."),
                false => Reply::new(500, "Unknown command; HELP lists those that are known."),
            };
            return Ok(self.connection.control.send(&reply).await?);
        };
        let charset = self.connection.control.charset;
        let Some(argument) = charset.decode(&line.argument) else {
            let reply = match charset {
                Charset::Utf8 => Reply::new(553, "The argument is not UTF-8."),
                _ => Reply::new(553, "The argument is not in the character set of this user."),
            };
            return Ok(self.connection.control.send(&reply).await?);
        };
        tracing::trace!(session = self.connection.id, command = command.name, "command");
        // A defect in a command ends this session, and no other one.
        let outcome = tokio::select! {
            outcome = AssertUnwindSafe(dispatch(&mut self.connection, &mut self.state, command, &argument))
                .catch_unwind() => outcome,
            () = shutdown.now.cancelled() => {
                return Err(End::Saying(Reply::new(421, "The server is stopping; goodbye.")));
            }
        };
        self.active = Instant::now();
        match outcome {
            Err(_panic) => Err(End::Saying(failed())),
            Ok(Err(failure)) => {
                let reply = self.failed(command, failure);
                Ok(self.connection.control.send(&reply).await?)
            }
            Ok(Ok(outcome)) => self.apply(outcome, shutdown).await,
        }
    }

    /// What the client is told of a command that failed; what the operator is told stands in the log.
    fn failed(&self, command: &Command, failure: Failure) -> Reply {
        let error = match failure {
            Failure::Refused(reply) => return reply,
            Failure::Storage(error) => error,
        };
        let (session, user, peer) = (self.connection.id, self.state.user(), self.connection.peer);
        let operation = command.name;
        let path = error.path().map(wharf_backends::StoragePath::as_str);
        let cause = error.to_string();
        if is_trouble(&error) {
            tracing::warn!(session, user, %peer, operation, path, cause, "command failed");
        } else {
            tracing::info!(session, user, %peer, operation, path, cause, "command refused");
        }
        Reply::failure(&error)
    }

    async fn apply(&mut self, outcome: Outcome, shutdown: &Shutdown) -> Result<(), End> {
        match outcome {
            Outcome::Reply(reply) => Ok(self.connection.control.send(&reply).await?),
            Outcome::Said => Ok(()),
            Outcome::Quit(reply) => Err(End::Saying(reply)),
            Outcome::StartTls(reply) => {
                self.connection.control.send(&reply).await?;
                self.start_tls(false).await
            }
            Outcome::EndTls(reply) => {
                self.connection.control.send(&reply).await?;
                Ok(self.connection.control.end_tls().await?)
            }
            Outcome::LoggedIn(session, reply) => {
                self.state = State::LoggedIn(session);
                Ok(self.connection.control.send(&reply).await?)
            }
            Outcome::LoggedOut(reply) => {
                self.state = State::Greeting(Greeting::default());
                self.started = Instant::now();
                Ok(self.connection.control.send(&reply).await?)
            }
            Outcome::Transfer(transfer) => self.start_transfer(*transfer, shutdown).await,
        }
    }

    async fn start_transfer(&mut self, transfer: Transfer, shutdown: &Shutdown) -> Result<(), End> {
        if shutdown.stopping.is_cancelled() {
            return Err(End::Saying(Reply::new(421, "The server is stopping; goodbye.")));
        }
        let opening = transfer.opening.clone();
        // The client may wait for the reply before it opens the data connection, and the transfer for that.
        self.connection.control.send(&opening).await?;
        self.transfer = Some(transfer.start(self.connection.idle_timeout));
        Ok(())
    }

    async fn start_tls(&mut self, implicit: bool) -> Result<(), End> {
        let connection = &mut self.connection;
        let Some(tls) = connection.security.tls().cloned() else { return Err(End::Closed) };
        let stream = connection.control.take_plain()?;
        let deadline = match self.state {
            State::Greeting(_) => self.started + connection.shared.server.login_timeout,
            State::LoggedIn(_) => Instant::now() + HANDSHAKE_TIMEOUT,
        };
        let handshake = tls.accept_control(stream, connection.id);
        let failure = match tokio::time::timeout_at(deadline, handshake).await {
            Ok(Ok((stream, tokens))) => {
                connection.control.put_tls(stream);
                connection.security.control_is_encrypted(tokens, implicit);
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long"),
        };
        let (session, peer) = (connection.id, connection.peer);
        tracing::info!(session, %peer, cause = %failure, "TLS handshake failed");
        Err(End::Lost(failure))
    }
}

fn failed() -> Reply {
    Reply::new(421, "The server failed; goodbye.")
}

async fn next_event(transfer: &mut Option<Running>) -> TransferEvent {
    match transfer {
        Some(transfer) => transfer.event().await,
        None => std::future::pending().await,
    }
}

/// Has a command done by whatever does it, if the state of the session allows it.
async fn dispatch(
    connection: &mut Connection,
    state: &mut State,
    command: &Command,
    argument: &str,
) -> commands::Result {
    if command.argument.is_missing(argument) {
        return Err(Reply::new(501, format!("Syntax: {}", command.syntax())).into());
    }
    let not_logged_in = || Failure::from(Reply::new(530, "Log in first, with USER and PASS."));
    match (command.run, state) {
        (Run::Anytime(run), state) => run(connection, state, argument).await,
        (Run::Login(run), State::Greeting(greeting)) => run(connection, greeting, argument).await,
        (Run::Login(_), State::LoggedIn(_)) => {
            Err(Reply::new(503, "You are logged in; REIN makes room for another user.").into())
        }
        (Run::LoggedIn(run), State::LoggedIn(session)) => run(connection, session, argument).await,
        (Run::Transfer(run), State::LoggedIn(session)) => {
            // Both are for this transfer alone, whatever becomes of it.
            let restart = std::mem::take(&mut session.restart);
            let Some(channel) = session.channel.take() else {
                return Err(Reply::new(425, "Use PASV, EPSV, PORT or EPRT first.").into());
            };
            if channel.is_private() != connection.security.protection()?.is_private() {
                return Err(Reply::new(425, "PROT changed since; use PASV, EPSV, PORT or EPRT again.").into());
            }
            run(connection, session, commands::Prepared { channel, restart }, argument).await
        }
        (Run::LoggedIn(_) | Run::Transfer(_), State::Greeting(_)) => Err(not_logged_in()),
        (Run::Refused(code, reason), _) => Err(Reply::new(code, reason).into()),
    }
}
