//! What we know of a session beside what libunftp keeps to itself.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use wharf_backends::StoragePath;

use crate::accounts::{SessionPermit, expired};
use crate::shutdown::Shutdown;
use crate::visit::Visit;
use crate::visit::facts::{Facts, Journal, Moved, Who};

pub(super) struct Session {
    pub(super) id: u64,
    pub(super) peer: SocketAddr,
    visit: OnceLock<Arc<Visit>>,
    /// Somebody has logged in.
    has_visit: CancellationToken,
    /// A second handle on the control connection: libunftp has the first. `None` when the session is over,
    /// since the connection is not closed before both are.
    control: Mutex<Option<OwnedFd>>,
    /// How long a data connection may be silent.
    pub(super) stall_timeout: Duration,
    /// How the session is told to end.
    pub(super) shutdown: Shutdown,
    /// The session is over, or everything is.
    pub(super) ended: CancellationToken,
    transfers: watch::Sender<usize>,
    /// The offset of a transfer that failed. libunftp keeps the offset of REST when a transfer fails, so when the
    /// next one comes with the same, it may be one that nobody asked for. 0 if there is none.
    failed_offset: AtomicU64,
    /// The session must not go on.
    spoilt: CancellationToken,
    /// The task and path that metadata was last asked for.
    last_asked: Mutex<Option<(tokio::task::Id, StoragePath)>>,
    moved: Mutex<Moved>,
    /// The place among all sessions.
    pub(super) permit: SessionPermit,
    /// Who hears of what it does.
    facts: Arc<Facts>,
}

/// How often a session is looked at whose client may be gone, and how often in a row it has to be.
const ABANDONED_CHECK: Duration = Duration::from_secs(5);
const ABANDONED_CHECKS: u32 = 3;

/// How often a session whose password is checked is looked at.
const GONE_CHECK: Duration = Duration::from_millis(100);

/// A transfer that runs; it is over when this is dropped.
pub(super) struct Transfer(Arc<Session>);

impl Session {
    pub(super) fn new(
        id: u64,
        peer: SocketAddr,
        stream: &TcpStream,
        stall_timeout: Duration,
        shutdown: Shutdown,
        permit: SessionPermit,
        facts: Arc<Facts>,
    ) -> io::Result<Self> {
        let control = Mutex::new(Some(stream.as_fd().try_clone_to_owned()?));
        let ended = shutdown.now.child_token();
        Ok(Self {
            id,
            peer,
            visit: OnceLock::new(),
            has_visit: CancellationToken::new(),
            control,
            stall_timeout,
            shutdown,
            ended,
            transfers: watch::Sender::new(0),
            failed_offset: AtomicU64::new(0),
            spoilt: CancellationToken::new(),
            last_asked: Mutex::new(None),
            moved: Mutex::default(),
            permit,
            facts,
        })
    }

    pub(super) fn logged_in(&self, visit: Visit) {
        // libunftp allows one login in a session.
        let _ = self.visit.set(Arc::new(visit));
        self.has_visit.cancel();
    }

    /// Waits until the account of whoever is logged in is no more.
    pub(super) async fn expired(&self) {
        self.has_visit.cancelled().await;
        expired(self.visit().and_then(|visit| visit.expires())).await;
    }

    /// Who is logged in.
    pub(super) fn visit(&self) -> Option<&Arc<Visit>> {
        self.visit.get()
    }

    /// The name of the user, empty before the login.
    pub(super) fn user(&self) -> &str {
        self.visit.get().map_or("", |visit| visit.name())
    }

    /// Tells what the session does.
    pub(super) fn journal(&self) -> Journal<'_> {
        Journal { facts: &self.facts, who: Who { session: self.id, user: self.user(), peer: self.peer } }
    }

    /// What its complete transfers moved.
    pub(super) fn moved(&self) -> Moved {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_to_moved(&self, add: impl FnOnce(&mut Moved)) {
        add(&mut self.moved.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Begins a transfer; `None` if the server is stopping.
    pub(super) fn begin_transfer(self: &Arc<Self>) -> Option<Transfer> {
        self.transfers.send_modify(|count| *count += 1);
        let transfer = Transfer(Arc::clone(self));
        (!self.shutdown.stopping.is_cancelled()).then_some(transfer)
    }

    /// Whether the client has closed the control connection or lost it.
    ///
    /// A client that is killed in the middle of an upload ends both connections in good order, so that
    /// the data alone can't be told from a file that is complete.
    pub(super) fn control_is_lost(&self) -> bool {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(control) = &*control else { return true };
        let mut fds = [PollFd::new(control, PollFlags::RDHUP)];
        match poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(_) => fds[0]
                .revents()
                .intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
            Err(_) => false,
        }
    }

    /// Remembers that this task asked for the metadata of `path`.
    pub(super) fn asked_for(&self, path: &StoragePath) {
        let asked = tokio::task::try_id().map(|task| (task, path.clone()));
        *self.last_asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    /// Whether an upload to `path` by this task is an APPE. libunftp makes no difference between APPE and STOR after
    /// REST, and takes a file whose size it can't learn for an empty one. But for APPE alone it asks for the
    /// size in the task of the data connection.
    pub(super) fn is_append(&self, path: &StoragePath) -> bool {
        let asked = self.last_asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        asked.is_some_and(|(task, asked)| tokio::task::try_id() == Some(task) && asked == *path)
    }

    /// Whether an operator has ended it.
    pub(super) fn is_kicked(&self) -> bool {
        self.shutdown.is_kicked()
    }

    /// Whether the server was told to end everything now.
    pub(super) fn is_cut(&self) -> bool {
        self.shutdown.now.is_cancelled()
    }

    /// Waits until the session is over, or its client is gone.
    pub(super) async fn is_over(&self) {
        let gone = async {
            let mut interval = tokio::time::interval(GONE_CHECK);
            while !self.control_is_lost() {
                interval.tick().await;
            }
        };
        tokio::select! {
            () = self.ended.cancelled() => {}
            () = gone => {}
        }
    }

    /// Waits until the client has been gone for a while and no transfer runs.
    ///
    /// libunftp ends a session whose client is gone by itself, unless it waits for itself: a command that came
    /// during a transfer that failed can wait for ever to leave a message that only its own loop would read.
    pub(super) async fn abandoned(&self) {
        let mut checks = 0;
        let mut interval = tokio::time::interval(ABANDONED_CHECK);
        while checks < ABANDONED_CHECKS {
            interval.tick().await;
            let gone = self.control_is_lost() && *self.transfers.borrow() == 0;
            checks = if gone { checks + 1 } else { 0 };
        }
    }

    /// Whether `offset` may be left over from a transfer that failed.
    pub(super) fn is_suspect(&self, offset: u64) -> bool {
        offset != 0 && self.failed_offset.load(Ordering::Relaxed) == offset
    }

    /// Remembers how the transfer with this offset ended. If it failed, the session is of no more use: libunftp would
    /// apply the offset to whatever comes next, so a client has to begin anew.
    pub(super) fn transfer_ended(&self, offset: u64, failed: bool) {
        let failed_offset = if failed { offset } else { 0 };
        self.failed_offset.store(failed_offset, Ordering::Relaxed);
        if failed_offset != 0 {
            self.spoilt.cancel();
        }
    }

    /// Waits until the time to log in is over, if nobody has by then.
    pub(super) async fn login_missed(&self, timeout: Duration) {
        tokio::time::sleep(timeout).await;
        if self.visit.get().is_some() {
            std::future::pending().await
        }
    }

    /// Waits until no transfer runs.
    pub(super) async fn without_transfers(&self) {
        // The sender is in `self`, so it can't be gone.
        let _ = self.transfers.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Waits until the server stops, or the session is spoilt, and the transfer that runs is over, and then closes the
    /// control connection for reading: the reply to that transfer can still get out.
    pub(super) async fn drained(&self, linger: Duration) {
        tokio::select! {
            () = self.shutdown.stopping.cancelled() => {}
            () = self.spoilt.cancelled() => {
                tracing::debug!(session = self.id, "ending a session that keeps the offset of a transfer that failed");
            }
        }
        self.without_transfers().await;
        // libunftp doesn't say when it has sent the reply.
        tokio::time::sleep(linger).await;
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(control) = &*control {
            let _ = rustix::net::shutdown(control, rustix::net::Shutdown::Read);
        }
    }

    /// Ends what is still running, and the control connection with it.
    pub(super) fn end(&self) {
        self.ended.cancel();
        // A data connection that never shakes hands keeps the session in libunftp's hands.
        if let Some(visit) = self.visit.get() {
            visit.leave();
        }
        if let Some(control) = self.control.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // libunftp may hold its handle on for ever; the client must not wait for that.
            let _ = rustix::net::shutdown(control, rustix::net::Shutdown::Both);
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.0.transfers.send_modify(|count| *count -= 1);
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({}, {}, {:?})", self.id, self.peer, self.user())
    }
}
