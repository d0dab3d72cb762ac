//! A transfer that runs beside its session: as a part of the session's task, so that none of both has to wake the other.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wharf_backends::StoragePath;
use wharf_backends::observe::{Note, Span, within};
use wharf_backends::threads::is_carried;

use super::super::data::convert::Form;
use super::super::data::receive::EndOfData;
use super::super::data::send::{Flow, Opened};
use super::super::data::{Linger, TransferError};
use super::super::reply::Reply;
use crate::visit::facts::{Moved, Wire};
use crate::visit::{Direction, TransferPlace, TransferRecord, Visit};

/// How a transfer ended, and the data connection, if that is not closed yet.
pub(in super::super) struct Ended {
    pub(in super::super) result: Result<(), TransferError>,
    pub(in super::super) linger: Option<Linger>,
}

impl Ended {
    /// Says which replica the data connection came by way of, if it was lost.
    fn by_way_of(self, replica: Option<u16>) -> Self {
        let Some(replica) = replica else { return self };
        Self { result: self.result.map_err(|error| error.by_way_of(replica)), ..self }
    }
}

impl From<TransferError> for Ended {
    fn from(error: TransferError) -> Self {
        Self { result: Err(error), linger: None }
    }
}

type Work = Box<dyn FnOnce(Context) -> BoxFuture<'static, Ended> + Send>;

/// A transfer whose file or directory is open, and which may begin.
pub(in super::super) struct Transfer {
    /// The reply 150.
    pub(in super::super) opening: Reply,
    pub(in super::super) direction: Direction,
    pub(in super::super) path: StoragePath,
    pub(in super::super) offset: u64,
    form: Form,
    /// That of the whole file, if it is known.
    size: Option<u64>,
    work: Work,
    /// One of the transfers that the user may have at once; none for a listing.
    place: Option<TransferPlace>,
}

impl Transfer {
    pub(in super::super) fn new<F>(
        opening: Reply,
        direction: Direction,
        path: StoragePath,
        offset: u64,
        form: Form,
        work: impl FnOnce(Context) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        let work: Work = Box::new(move |context| Box::pin(work(context)));
        Self { opening, direction, path, offset, form, size: None, work, place: None }
    }

    /// The whole file has this size.
    #[must_use]
    pub(in super::super) fn sized(self, size: Option<u64>) -> Self {
        Self { size, ..self }
    }

    /// It has this place among the transfers of its user.
    #[must_use]
    pub(in super::super) fn at(self, place: TransferPlace) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Begins it, inside of the span of its command if that is traced.
    pub(in super::super) fn start(
        self,
        visit: &Visit,
        stall_timeout: Duration,
        span: Option<Arc<dyn Span>>,
    ) -> Running {
        let Self { direction, path, offset, form, size, work, place, .. } = self;
        let record = visit.begin_transfer(direction, path.as_str(), offset, size);
        let (cancel, cancelled) = watch::channel(None);
        let question = Arc::<Question>::default();
        let converted = Arc::default();
        let finishing = Arc::default();
        let data_peer = Arc::default();
        let opened = Arc::default();
        let pace = visit.pace(direction, record.moved()).map(Arc::new);
        let flow = Flow {
            stall_timeout,
            pace,
            moved: Arc::clone(record.moved()),
            converted: Arc::clone(&converted),
            data_peer: Arc::clone(&data_peer),
            opened: Arc::clone(&opened),
        };
        let context =
            Context { flow, finishing: Arc::clone(&finishing), cancelled, question: Arc::clone(&question) };
        let work = match &span {
            Some(span) => {
                span.note("file.path", Note::Text(path.as_str()));
                span.note("user.name", Note::Text(visit.name()));
                Box::pin(within(Some(Arc::clone(span)), work(context)))
            }
            None => work(context),
        };
        // A defect in a transfer ends its session with a word.
        let work = AssertUnwindSafe(work).catch_unwind();
        let way = Arc::clone(&opened);
        let work = work.map(move |ended| {
            let ended: Ended = ended.unwrap_or_else(|_| TransferError::Panicked.into());
            ended.by_way_of(way.get().and_then(|opened| opened.via))
        });
        Running {
            path,
            record,
            converted,
            data_peer,
            opened,
            form,
            finishing,
            cancel,
            question,
            work: Box::pin(work),
            ended: None,
            place,
            span,
        }
    }
}

/// How much later than the data connection of a killed client its control connection is seen to end, most of the time, if
/// neither system is busy. Much data is worth a longer wait.
const SHORTEST_WAIT: Duration = Duration::from_micros(100);
const LONGEST_WAIT: Duration = Duration::from_millis(10);

/// How long other sessions wait at a time for one that pauses: as long as it takes most often, as each turn wakes another
/// thread.
const TURN: Duration = Duration::from_micros(100);

/// How short the turn of other sessions is if none of them has work.
const EMPTY_TURN: Duration = Duration::from_micros(10);

/// How long what has arrived may take to be stored when a transfer ends before its end.
const CLOSING: Duration = Duration::from_secs(2);

/// A client that is done says so right behind its last byte. One that is killed was often waiting for something.
const SUSPICIOUS_SILENCE: Duration = Duration::from_millis(20);

/// Why a transfer is to end before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Cancel {
    Aborted,
    ControlConnectionLost,
    Stopping,
    /// An operator has ended the session.
    Kicked,
}

/// What a transfer knows of its session.
pub(in super::super) struct Context {
    pub(in super::super) flow: Flow,
    finishing: Arc<AtomicBool>,
    cancelled: watch::Receiver<Option<Cancel>>,
    question: Arc<Question>,
}

/// Whether the client is still there, as a transfer asks its session. Both are one task, so nobody has to be woken.
#[derive(Default)]
struct Question(Mutex<Asked>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Asked {
    #[default]
    No,
    Yes,
    /// The session knows.
    Heard,
    Answered,
}

impl Question {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the session goes on with the transfer after its answer.
    async fn answer(&self) {
        *self.asked() = Asked::Yes;
        poll_fn(|_| match *self.asked() {
            Asked::Answered => Poll::Ready(()),
            Asked::No | Asked::Yes | Asked::Heard => Poll::Pending,
        })
        .await;
    }

    /// Whether the transfer asks and the session does not know yet.
    fn is_news(&self) -> bool {
        let mut asked = self.asked();
        let is_news = *asked == Asked::Yes;
        if is_news {
            *asked = Asked::Heard;
        }
        is_news
    }
}

impl Context {
    /// All is received: from here on, the end of the session is no reason to give the transfer up.
    pub(in super::super) fn finishing(&self) {
        self.finishing.store(true, Ordering::Relaxed);
    }

    /// Does a part of the transfer that may be broken off.
    pub(in super::super) async fn interruptible<T>(
        &self,
        part: impl Future<Output = Result<T, TransferError>>,
    ) -> Result<T, TransferError> {
        let mut cancelled = self.cancelled.clone();
        tokio::select! {
            biased;
            cancel = cancelled.wait_for(Option::is_some) => Err(match cancel.ok().and_then(|cancel| *cancel) {
                Some(Cancel::Aborted) => TransferError::Aborted,
                Some(Cancel::Stopping) => TransferError::Stopping,
                Some(Cancel::Kicked) => TransferError::Kicked,
                // The session is gone.
                Some(Cancel::ControlConnectionLost) | None => TransferError::ControlConnectionLost,
            }),
            done = part => done,
        }
    }

    /// Does a part of the transfer that may be broken off, and `closes` by itself then: what has arrived is worth a moment.
    pub(in super::super) async fn closing<T>(
        &self,
        part: impl Future<Output = Result<T, TransferError>>,
        closes: &CancellationToken,
    ) -> Result<T, TransferError> {
        let mut part = pin!(part);
        let done = self.interruptible(part.as_mut()).await;
        use TransferError::{Aborted, ControlConnectionLost, Stopping};
        if matches!(done, Err(Aborted | ControlConnectionLost | Stopping)) {
            closes.cancel();
            let _ = tokio::time::timeout(CLOSING, part).await;
        }
        done
    }

    /// Asks whether the client is still there, before what it sent becomes visible: the data of one that was killed ends
    /// like that of one which is done.
    pub(in super::super) async fn confirm(&self, end: EndOfData) -> Result<(), TransferError> {
        // The system of a client that is killed closes both connections within moments, in any order.
        let moved = self.flow.moved.load(Ordering::Relaxed);
        let wait = match moved == 0 || end.silence > SUSPICIOUS_SILENCE {
            true => LONGEST_WAIT,
            false => (SHORTEST_WAIT + Duration::from_micros(moved / 4096)).min(LONGEST_WAIT),
        };
        // Storing the last bytes took a part of it.
        pause_until(end.at + wait).await;
        let answered = async {
            self.question.answer().await;
            Ok(())
        };
        self.interruptible(answered).await
    }
}

/// Waits, also for less than the milliseconds that are all the runtime's clock knows: small files are many. To change to
/// a thread that sleeps would take as long again, so for so short a time others are let go first instead: other sessions,
/// and other processes, of which one may be the client that dies. They are let go first even if the time is over: storing
/// the last bytes may have left that client no moment to run.
async fn pause_until(moment: Instant) {
    let left = || moment.saturating_duration_since(Instant::now());
    if left() >= Duration::from_millis(1) {
        return tokio::time::sleep(left()).await;
    }
    std::thread::yield_now();
    if is_carried() {
        // No other session waits for this thread.
        while !left().is_zero() {
            std::thread::yield_now();
        }
        return;
    }
    loop {
        let turn = Instant::now();
        tokio::task::yield_now().await;
        if left().is_zero() {
            return;
        }
        // If other sessions have no work, their next turn would only wake another thread for nothing.
        if turn.elapsed() < EMPTY_TURN {
            let end = Instant::now() + left().min(TURN);
            while Instant::now() < end {
                std::thread::yield_now();
            }
            if left().is_zero() {
                return;
            }
        }
    }
}

/// A transfer under way. It is broken off if this is dropped.
pub(in super::super) struct Running {
    path: StoragePath,
    record: TransferRecord,
    converted: Arc<AtomicBool>,
    data_peer: Arc<OnceLock<SocketAddr>>,
    opened: Arc<OnceLock<Opened>>,
    form: Form,
    finishing: Arc<AtomicBool>,
    cancel: watch::Sender<Option<Cancel>>,
    question: Arc<Question>,
    work: BoxFuture<'static, Ended>,
    /// How it ended, until the session hears of it.
    ended: Option<Ended>,
    place: Option<TransferPlace>,
    span: Option<Arc<dyn Span>>,
}

/// What a transfer has to say to its session.
pub(in super::super) enum Event {
    /// All is received: is the client still there?
    Asks,
    Ended(Ended),
}

impl Running {
    /// Waits for the next event. Nothing is lost if it is not waited for to the end.
    pub(in super::super) async fn event(&mut self) -> Event {
        if let Some(ended) = self.ended.take() {
            return Event::Ended(ended);
        }
        poll_fn(|context| match self.work.poll_unpin(context) {
            Poll::Ready(ended) => Poll::Ready(Event::Ended(ended)),
            Poll::Pending if self.question.is_news() => Poll::Ready(Event::Asks),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// The client is still there.
    pub(in super::super) fn answer(&self) {
        *self.question.asked() = Asked::Answered;
    }

    /// Lets it go on while the session does something else.
    pub(in super::super) async fn beside<T>(&mut self, something: impl Future<Output = T>) -> T {
        let mut something = std::pin::pin!(something);
        if self.ended.is_none() {
            tokio::select! {
                biased;
                done = &mut something => return done,
                ended = &mut self.work => self.ended = Some(ended),
            }
        }
        something.await
    }

    /// Has it end. What is received completely may still be finished.
    pub(in super::super) fn cancel(&self, why: Cancel) {
        self.cancel.send_if_modified(|cancel| cancel.is_none().then(|| *cancel = Some(why)).is_some());
    }

    /// Whether all is received, and the storage makes a file of it.
    pub(in super::super) fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Relaxed)
    }

    pub(in super::super) fn path(&self) -> &StoragePath {
        &self.path
    }

    /// Whether line ends of an upload were converted, so that other bytes are stored than came.
    pub(in super::super) fn stored_other_bytes(&self) -> bool {
        self.converted.load(Ordering::Relaxed)
    }

    /// The span of its command, if that is traced.
    pub(in super::super) fn span(&self) -> Option<&Arc<dyn Span>> {
        self.span.as_ref()
    }

    /// Counts what was moved of files.
    pub(in super::super) fn add_to(&self, moved: &mut Moved) {
        self.record.add_to(moved);
    }

    /// What is known of it so far, for STAT.
    pub(in super::super) fn status(&self) -> String {
        self.record.status()
    }

    /// It is none of the transfers of its user any more: whoever reads the last reply may begin another one.
    pub(in super::super) fn leave(&mut self) {
        self.place = None;
    }

    fn wire(&self) -> Wire {
        let opened = self.opened.get();
        Wire {
            peer: self.data_peer.get().copied(),
            active: opened.map(|opened| opened.active),
            tls: opened.map(|opened| opened.tls),
            ascii: Some(self.form.ascii),
            compressed: Some(self.form.deflate.is_some()),
        }
    }

    /// The last reply, and the log line.
    pub(in super::super) fn conclude(&self, result: &Result<(), TransferError>) -> Reply {
        self.record.end(self.wire(), result);
        if let Some(span) = &self.span {
            span.note(
                "ftp.transfer_bytes",
                Note::Number(i64::try_from(self.record.bytes()).unwrap_or(i64::MAX)),
            );
            if let Err(error) = result {
                span.fail(&error.to_string());
            }
        }
        match result {
            Ok(()) if self.record.direction() == Direction::Listing => Reply::new(226, "Listing complete."),
            Ok(()) => Reply::new(226, format!("Transfer complete: {} bytes.", self.record.bytes())),
            Err(error) => error.reply(),
        }
    }
}
