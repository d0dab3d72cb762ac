//! The loop that serves a session: commands, the transfer beside them, timeouts and the end.

mod dispatch;
mod encryption;
mod ending;
mod traced;
mod waiting;

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::Instant;
use wharf_backends::observe::Span;
use wharf_backends::threads::waited_for_by;

use self::ending::{End, failed, last_words, stopping};
use self::waiting::{Waiting, next_command, size};
use super::codec::Decoded;
use super::commands::{self, During};
use super::data::{Linger, TransferError};
use super::reply::Reply;
use super::state::{Cancel, Connection, Ended, Greeting, Outcome, Running, State, Transfer, TransferEvent};
use crate::accounts::time_left;
use crate::charset::Charset;
use crate::shutdown::Shutdown;
use crate::visit::facts::{Mistake, Moved};

/// How much of commands may wait for the end of a transfer, in bytes and in number. A client that sends more is mistaken.
const WAITING_BYTES: usize = 64 * 1024;
const WAITING: usize = 1024;

/// One client, from its greeting to its end.
pub(super) struct Session {
    connection: Connection,
    state: State,
    /// In a box of its own: most sessions have none most of the time.
    transfer: Option<Box<Running>>,
    /// What came during the transfer.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// The transfer asks whether the client is still there, and what that said last is still to be read.
    asking: bool,
    /// The client has said QUIT and gone: it wants to have its transfer finished all the same.
    gone: bool,
    /// The data connection of the last transfer, if that is not closed yet.
    linger: Option<Linger>,
    /// That of the command that is carried out, if it is traced.
    span: Option<Arc<dyn Span>>,
    /// In all transfers so far.
    moved: Moved,
    started: Instant,
    active: Instant,
    /// When the next command may be read, if the user's commands are limited. Until then it waits where it is.
    next_command: Option<Instant>,
}

enum Event {
    /// It is told to end, or its transfer is.
    Told,
    /// It has been silent for too long, or the account may be no more.
    Woken,
    Transfer(TransferEvent),
    Received(io::Result<Option<Decoded>>),
    /// What came during the last transfer is next.
    Waited(Waiting),
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        let now = Instant::now();
        Self {
            connection,
            state: State::Greeting(Greeting::default()),
            transfer: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            asking: false,
            gone: false,
            linger: None,
            span: None,
            moved: Moved::default(),
            started: now,
            active: now,
            next_command: None,
        }
    }

    /// Serves the client until one of both has enough.
    ///
    /// Thousands of sessions are idle at a time, and each takes as much memory as this future. So whatever is done between
    /// two waits for the client has a box of its own, which is gone when it is done; a test limits the rest.
    pub(super) async fn run(&mut self, shutdown: &Shutdown) {
        let opened = Instant::now();
        self.connection.journal("").opened(&self.connection.ending);
        let permit = Arc::clone(&self.connection.permit);
        let end = tokio::select! {
            end = self.serve(shutdown) => end,
            () = last_words(shutdown) => End::Closed,
            () = permit.displaced() => End::Displaced,
        };
        Box::pin(self.end(end, opened, shutdown)).await;
    }

    async fn serve(&mut self, shutdown: &Shutdown) -> End {
        let served = async {
            Box::pin(self.begin(shutdown)).await?;
            loop {
                self.turn(shutdown).await?;
            }
        };
        let served: Result<std::convert::Infallible, End> = served.await;
        match served {
            Err(end) => end,
        }
    }

    /// Everything before the first command.
    async fn begin(&mut self, shutdown: &Shutdown) -> Result<(), End> {
        if self.connection.implicit_tls {
            // Balancers look each second whether somebody listens here.
            if !self.sends_something(shutdown).await? {
                return Err(End::Closed);
            }
            self.start_tls(true, shutdown).await?;
        }
        let greeting = Reply::new(220, self.connection.greeting());
        Ok(self.connection.control.send(&greeting).await?)
    }

    /// When the client has been silent, or not logged in, for too long.
    fn deadline(&self) -> Instant {
        // Whoever has to wait is not silent.
        let active = self.next_command.map_or(self.active, |due| due.max(self.active));
        let silent = active + self.connection.idle_timeout;
        self.login_deadline().map_or(silent, |deadline| deadline.min(silent))
    }

    /// When somebody has to be logged in, whatever takes the time.
    fn login_deadline(&self) -> Option<Instant> {
        matches!(self.state, State::Greeting(_))
            .then(|| self.started + self.connection.server().login_timeout)
    }

    async fn turn(&mut self, shutdown: &Shutdown) -> Result<(), End> {
        let event = self.event(shutdown).await?;
        let done = Box::pin(self.react(event, shutdown)).await;
        // A transfer that has begun has taken it.
        if let Some(span) = self.span.take() {
            traced::end(&*span, &self.connection, &self.state);
        }
        done
    }

    /// Waits for the next event.
    async fn event(&mut self, shutdown: &Shutdown) -> Result<Event, End> {
        // A client that always has sent its next command must not outrun the alarm below.
        if time_left(self.state.expires()).is_some_and(|left| left.is_zero()) {
            return Err(self.expired());
        }
        let idle = self.transfer.is_none();
        let deadline = self.deadline();
        if idle && Instant::now() >= deadline {
            return Err(self.silent());
        }
        // One sleep for both: each takes memory while the session is idle.
        let alarm = match time_left(self.state.expires()) {
            Some(left) if idle => deadline.min(Instant::now() + left),
            Some(left) => Instant::now() + left,
            None => deadline,
        };
        let held = self.next_command.filter(|due| *due > Instant::now());
        let (is_held, alarm) = (held.is_some(), held.map_or(alarm, |due| due.min(alarm)));
        if idle && shutdown.stopping.is_cancelled() {
            return Err(stopping(shutdown));
        }
        if idle
            && !is_held
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.waiting_bytes -= size(&waiting.command);
            return Ok(Event::Waited(waiting));
        }
        // Whoever ends everything at once has stopped the idle sessions before.
        let told = if idle { &shutdown.stopping } else { &shutdown.now };
        Ok(tokio::select! {
            // In any order: a client or a transfer that always has work uses up the time that this task has, and must not
            // keep the others from their turn.
            () = told.cancelled() => Event::Told,
            () = tokio::time::sleep_until(alarm), if idle || is_held || self.state.expires().is_some() => Event::Woken,
            event = next_event(&mut self.transfer) => Event::Transfer(event),
            received = next_command(&mut self.connection.control, is_held), if !self.gone => Event::Received(received),
        })
    }

    async fn react(&mut self, event: Event, shutdown: &Shutdown) -> Result<(), End> {
        match event {
            Event::Waited(Waiting { command, is_counted }) => {
                if !is_counted {
                    self.next_command = self.state.command();
                }
                self.carry_out(command, shutdown).await
            }
            Event::Received(Ok(Some(Decoded::Endless))) => {
                Err(End::saying(Reply::new(500, "The command line does not end; goodbye.")))
            }
            Event::Received(Ok(Some(received))) => {
                self.active = Instant::now();
                self.next_command = self.state.command();
                if self.transfer.is_some() {
                    self.meanwhile(received, true).await
                } else {
                    self.carry_out(received, shutdown).await
                }
            }
            Event::Received(Ok(None)) => self.ended(io::ErrorKind::UnexpectedEof.into()),
            Event::Received(Err(error)) => self.ended(error),
            Event::Transfer(TransferEvent::Asks) => self.asked().await,
            Event::Transfer(TransferEvent::Ended(ended)) => self.conclude(ended).await,
            Event::Told => Err(stopping(shutdown)),
            Event::Woken if time_left(self.state.expires()).is_some_and(|left| left.is_zero()) => {
                Err(self.expired())
            }
            Event::Woken if self.transfer.is_none() && Instant::now() >= self.deadline() => {
                Err(self.silent())
            }
            Event::Woken => Ok(()),
        }
    }

    /// What comes during a transfer: some of it is answered at once, the rest waits.
    /// `is_counted`: among the commands of its user, if these are limited.
    async fn meanwhile(&mut self, received: Decoded, is_counted: bool) -> Result<(), End> {
        let Some(transfer) = &mut self.transfer else { return Ok(()) };
        if let Decoded::Line(line) = &received {
            // Replies come in the order of commands.
            let first = self.waiting.is_empty();
            match commands::find(&line.verb).map(|command| command.during) {
                // Its own reply comes when all before it have theirs.
                Some(During::Abort) => transfer.cancel(Cancel::Aborted),
                Some(During::Status) if first && line.argument.iter().all(|byte| *byte == b' ') => {
                    self.connection.shared.metrics.command("STAT");
                    self.connection.journal("").command(Some("STAT"), &line.verb, &[]);
                    let reply = commands::status_of_transfer(&transfer.status());
                    return Ok(transfer.beside(self.connection.control.send(&reply)).await?);
                }
                Some(During::Noop) if first => {
                    self.connection.shared.metrics.command("NOOP");
                    self.connection.journal("").command(Some("NOOP"), &line.verb, &[]);
                    let reply = commands::reply_to_noop();
                    return Ok(transfer.beside(self.connection.control.send(&reply)).await?);
                }
                _ => {}
            }
        }
        self.waiting_bytes += size(&received);
        self.waiting.push_back(Waiting { command: received, is_counted });
        if self.waiting_bytes > WAITING_BYTES || self.waiting.len() > WAITING {
            return Err(End::saying(Reply::new(421, "Too many commands during a transfer; goodbye.")));
        }
        Ok(())
    }

    /// The transfer is over: the last reply.
    async fn conclude(&mut self, mut ended: Ended) -> Result<(), End> {
        let Some(mut transfer) = self.transfer.take() else { return Ok(()) };
        transfer.leave();
        self.active = Instant::now();
        self.asking = false;
        self.linger = ended.linger.take();
        let reply = transfer.conclude(&ended.result);
        transfer.span().inspect(|span| traced::replied(&***span, reply.code));
        transfer.add_to(&mut self.moved);
        if let State::LoggedIn(session) = &mut self.state {
            session.transfer_ended(&self.connection, &transfer, &ended);
        }
        if self.gone {
            return Err(End::Closed);
        }
        if matches!(ended.result, Err(TransferError::Panicked)) {
            return Err(End::saying(failed()));
        }
        Ok(self.connection.control.send(&reply).await?)
    }

    /// Carries out a command.
    async fn carry_out(&mut self, received: Decoded, shutdown: &Shutdown) -> Result<(), End> {
        let line = match received {
            Decoded::Line(line) => line,
            Decoded::Tls => {
                self.connection.journal(self.state.user()).mistaken(Mistake::TlsTooEarly);
                let text = "This connection begins in plain text: AUTH TLS comes before TLS.";
                return Err(End::saying(Reply::new(500, text)));
            }
            Decoded::TooLong | Decoded::Endless => {
                dispatch::take_once(&mut self.state, None);
                let reply = Reply::new(500, "The command line is too long.");
                return Ok(self.connection.control.send(&reply).await?);
            }
        };
        let command = commands::find(&line.verb);
        let known = command.map(|command| command.name);
        self.connection.shared.metrics.command(known.unwrap_or("unknown"));
        self.connection.journal("").command(known, &line.verb, &line.argument);
        // What is for one command is taken before anything can go wrong with it, so that the next one doesn't get it.
        let once = dispatch::take_once(&mut self.state, command);
        let Some(command) = command else {
            let reply = match line.verb.is_empty() {
                true => Reply::new(500, "That is no command."),
                false => Reply::new(500, "Unknown command; HELP lists those that are known."),
            };
            return Ok(self.connection.control.send(&reply).await?);
        };
        let Some(argument) = dispatch::argument(&self.connection, &self.state, &line) else {
            self.connection.journal(self.state.user()).mistaken(Mistake::OtherCharset);
            let reply = match self.connection.control.charset {
                Charset::Utf8 => Reply::new(553, "The argument is not UTF-8."),
                Charset::Legacy(_) => {
                    Reply::new(553, "The argument is not in the character set of this user.")
                }
            };
            return Ok(self.connection.control.send(&reply).await?);
        };
        tracing::trace!(session = self.connection.id, command = command.name, "command");
        self.span = traced::begin(&self.connection, command, &argument);
        let login_deadline = self.login_deadline();
        let missed = async {
            match login_deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let (connection, state) = (&mut self.connection, &mut self.state);
        let watch = connection.control.watch();
        // A defect in a command ends this session, and no other one.
        let outcome = AssertUnwindSafe(dispatch::dispatch(
            connection,
            state,
            command,
            once,
            &argument,
            self.span.clone(),
        ))
        .catch_unwind();
        let outcome = async {
            match watch {
                Some(watch) => waited_for_by(Arc::new(watch), outcome).await,
                None => outcome.await,
            }
        };
        let outcome = tokio::select! {
            outcome = outcome => Some(outcome),
            () = shutdown.now.cancelled() => return Err(stopping(shutdown)),
            // The wait for the turn of a password, and the delay of a refusal, are a part of the time.
            () = missed => None,
        };
        let Some(outcome) = outcome else { return Err(self.silent()) };
        self.active = Instant::now();
        match outcome {
            Err(_panic) => Err(End::saying(failed())),
            Ok(Err(failure)) => {
                let reply = dispatch::refusal(&self.connection, &self.state, command, failure);
                Ok(self.connection.control.send(&reply).await?)
            }
            Ok(Ok(outcome)) => self.apply(outcome, shutdown).await,
        }
    }

    async fn apply(&mut self, outcome: Outcome, shutdown: &Shutdown) -> Result<(), End> {
        match outcome {
            Outcome::Reply(reply) => Ok(self.connection.control.send(&reply).await?),
            Outcome::Said => Ok(()),
            Outcome::Quit(reply) => Err(End::saying(reply)),
            Outcome::StartTls { reply, data_is_private } => {
                self.connection.control.send(&reply).await?;
                Box::pin(self.start_tls(data_is_private, shutdown)).await
            }
            Outcome::EndTls(reply) => {
                self.connection.control.send(&reply).await?;
                let patience = self.connection.idle_timeout;
                tokio::select! {
                    ended = Box::pin(self.connection.control.end_tls(patience)) => ended?,
                    () = shutdown.stopping.cancelled() => return Err(End::Closed),
                }
                self.connection.journal(self.state.user()).encrypted(false);
                Ok(())
            }
            Outcome::LoggedIn(session, reply) => {
                self.state = State::LoggedIn(session);
                // Nobody gets around a limit of commands by a login for each.
                self.next_command = self.state.command();
                Ok(self.connection.control.send(&reply).await?)
            }
            Outcome::LoggedOut(reply) => {
                // Whoever was not logged in has no more time for it than before.
                if let State::LoggedIn(session) = &self.state {
                    self.started = Instant::now();
                    self.connection.journal(session.visit.name()).logged_out(std::mem::take(&mut self.moved));
                    self.connection.permit.logged_out();
                }
                self.state = State::Greeting(Greeting::default());
                Ok(self.connection.control.send(&reply).await?)
            }
            Outcome::Transfer(transfer) => self.start_transfer(*transfer, shutdown).await,
        }
    }

    async fn start_transfer(&mut self, transfer: Transfer, shutdown: &Shutdown) -> Result<(), End> {
        if shutdown.stopping.is_cancelled() {
            return Err(stopping(shutdown));
        }
        // The last data connection has had its time.
        self.linger = None;
        let opening = transfer.opening.clone();
        // The client may wait for the reply before it opens the data connection, and the transfer for that.
        self.connection.control.send(&opening).await?;
        // Nobody but a user has a transfer.
        let State::LoggedIn(session) = &self.state else { return Ok(()) };
        let running = transfer.start(&session.visit, self.connection.idle_timeout, self.span.take());
        self.transfer = Some(Box::new(running));
        Ok(())
    }
}

async fn next_event(transfer: &mut Option<Box<Running>>) -> TransferEvent {
    match transfer {
        Some(transfer) => transfer.event().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
