//! One place that lines go to.
//!
//! The plan. Whoever tells something must not wait for a disk or another machine. So lines go into a queue of bounded size, in the order
//! in which they are told, and one thread writes them. What can't be written is tried again, with growing pauses, and waits in the
//! queue meanwhile; lines that find no room there are lost and counted, and the next line that gets in says how many. If nothing may
//! happen that can't be written, it is refused as long as writing fails, or half of the room is taken: the other half is for what is
//! under way.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::visit::facts::Standing;

/// How many bytes of lines may wait.
pub(super) const ROOM: usize = 8 * 1024 * 1024;

/// How many may wait for one more to get in that says of a client only that it was refused something. Whoever causes these has no
/// reason to stop, and what has happened must find room in spite of them.
pub(super) const ROOM_OF_REFUSALS: usize = ROOM / 4 * 3;

/// How many bytes are written at a time, unless one line is longer.
const BLOCK: usize = 64 * 1024;

/// Lines that follow each other faster than this are written together, delayed by at most this time: to wake a thread costs more than
/// a line.
const GATHER: Duration = Duration::from_millis(20);

/// The pauses before what failed is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Writing that takes so long is as good as none.
const STUCK: Duration = Duration::from_secs(5);

/// How often the log repeats that it fails.
const REPEAT: Duration = Duration::from_secs(60);

/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(3);

/// What became of some lines.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// So many of the first of them are done with.
    pub(super) lines: usize,
    /// So many of these were lost.
    pub(super) lost: usize,
    /// Why there are others left.
    pub(super) failure: Option<io::Error>,
}

impl Written {
    pub(super) fn failed(error: io::Error) -> Self {
        Self { failure: Some(error), ..Self::default() }
    }
}

/// How many of these lines are whole in so many bytes of them, and how many bytes of the next one follow.
pub(super) fn whole(lines: &[Vec<u8>], mut bytes: usize) -> (usize, usize) {
    for (count, line) in lines.iter().enumerate() {
        match bytes.checked_sub(line.len()) {
            Some(left) => bytes = left,
            None => return (count, bytes),
        }
    }
    (lines.len(), bytes)
}

/// Writes lines. It may block.
pub(super) trait Output: Send {
    /// Writes these, each of which is whole and ends with a line end.
    fn write(&mut self, lines: &[Vec<u8>]) -> Written;

    /// Somebody has asked to look again where they go.
    fn again(&mut self) {}
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines that the thread has taken and not yet written.
    in_hand: usize,
    /// Lines that were lost since one got in.
    lost: u64,
    /// Since when the thread tries to write some.
    since: Option<Instant>,
    /// What failed last, if nothing was written since.
    failure: Option<String>,
    again: bool,
    is_asleep: bool,
    /// From when on nothing is tried again.
    ends: Option<Instant>,
    is_done: bool,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    written: AtomicU64,
    lost: AtomicU64,
}

/// What is known of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Lines that were written.
    pub written: u64,
    /// Lines that were lost.
    pub lost: u64,
    /// Lines that wait.
    pub waiting: usize,
    /// Whether they can't be written.
    pub is_failing: bool,
}

/// One place that lines go to.
#[derive(Debug)]
pub(super) struct Sink {
    name: String,
    required: bool,
    shared: Arc<Shared>,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_failing(&self) -> bool {
        self.failure.is_some() || self.since.is_some_and(|since| since.elapsed() > STUCK)
    }
}

impl Sink {
    /// Starts the thread that writes.
    pub(super) fn start(name: String, required: bool, output: Box<dyn Output>) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writer = Writer { name: name.clone(), gather: !required, shared: Arc::clone(&shared), output };
        std::thread::Builder::new().name("wharf-audit".to_owned()).spawn(move || writer.run())?;
        Ok(Self { name, required, shared })
    }

    /// What it is called in metrics and in the log.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Has a line written, or counts it as lost if more bytes than `room` would wait with it. The line is made of the number of those
    /// that were lost before it.
    pub(super) fn put(&self, room: usize, line: impl FnOnce(u64) -> Vec<u8>) {
        let mut waiting = self.shared.waiting();
        let line = line(waiting.lost);
        if waiting.bytes + line.len() > room || waiting.is_done {
            waiting.lost += 1;
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.lost = 0;
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        let is_to_be_woken = std::mem::take(&mut waiting.is_asleep);
        drop(waiting);
        if is_to_be_woken {
            self.shared.changed.notify_all();
        }
    }

    /// Whether more may happen that has to be written here.
    pub(super) fn standing(&self) -> Standing {
        if !self.required {
            return Standing::Ready;
        }
        let waiting = self.shared.waiting();
        match () {
            () if waiting.is_failing() => Standing::Failing,
            () if waiting.bytes > ROOM / 2 => Standing::Busy,
            () => Standing::Ready,
        }
    }

    pub(super) fn load(&self) -> Load {
        let Shared { written, lost, .. } = &*self.shared;
        let waiting = self.shared.waiting();
        Load {
            written: written.load(Ordering::Relaxed),
            lost: lost.load(Ordering::Relaxed),
            waiting: waiting.lines.len(),
            is_failing: waiting.is_failing(),
        }
    }

    /// Has it look again where lines go.
    pub(super) fn again(&self) {
        self.shared.waiting().again = true;
        self.shared.changed.notify_all();
    }

    /// Tells it that no more lines come.
    pub(super) fn end(&self) {
        self.shared.waiting().ends.get_or_insert_with(|| Instant::now() + LAST_LINES);
        self.shared.changed.notify_all();
    }

    /// Until when the end of the process may wait for the last lines, of all places together.
    pub(super) fn deadline() -> Instant {
        Instant::now() + LAST_LINES + FIRST_PAUSE
    }

    /// Waits until the last line is written, or it is too late. Blocks.
    pub(super) fn wait(&self, deadline: Instant) {
        let waiting = self.shared.waiting();
        let limit = deadline.saturating_duration_since(Instant::now());
        let (waiting, _) = self
            .shared
            .changed
            .wait_timeout_while(waiting, limit, |waiting| !waiting.is_done)
            .unwrap_or_else(PoisonError::into_inner);
        let (sink, lines, in_hand) = (&*self.name, waiting.lines.len(), waiting.in_hand);
        if !waiting.is_done && lines + in_hand > 0 {
            // Of what is being written at this moment some may arrive.
            tracing::error!(
                sink,
                lines,
                in_hand,
                "lines of the audit are lost, as they could not be written before the end"
            );
        }
    }
}

/// Whether more lines are waited for before the next block: not behind a large one, when others wait already, nor at the end.
fn is_worth_gathering(bytes: usize, is_ending: bool) -> bool {
    bytes <= BLOCK / 2 && !is_ending
}

/// The thread of a sink.
struct Writer {
    name: String,
    gather: bool,
    shared: Arc<Shared>,
    output: Box<dyn Output>,
}

impl Writer {
    fn run(mut self) {
        let (mut batch, mut pause) = (Vec::new(), FIRST_PAUSE);
        let (mut told, mut reported) = (None, 0);
        loop {
            let idle_since = Instant::now();
            if batch.is_empty() && !self.take(&mut batch) {
                break;
            }
            let bytes = batch.iter().map(Vec::len).sum();
            let written = self.output.write(&batch);
            batch.drain(..written.lines);
            let (lost, done) = (written.lost as u64, written.lines as u64);
            self.shared.written.fetch_add(done - lost, Ordering::Relaxed);
            self.shared.lost.fetch_add(lost, Ordering::Relaxed);
            let is_ending = self.note(written.failure.as_ref(), batch.len(), &mut told);
            self.report_lost(&mut reported);
            if written.failure.is_none() {
                pause = FIRST_PAUSE;
                let is_busy = idle_since.elapsed() < GATHER;
                if self.gather && is_busy && is_worth_gathering(bytes, is_ending) {
                    std::thread::sleep(GATHER);
                }
            } else if self.rest(pause) {
                pause = (pause * 2).min(LONGEST_PAUSE);
            } else {
                self.give_up(batch.len());
                break;
            }
        }
        self.shared.waiting().is_done = true;
        self.shared.changed.notify_all();
    }

    /// Takes the next lines; `false` at the end.
    fn take(&mut self, batch: &mut Vec<Vec<u8>>) -> bool {
        let mut waiting = self.shared.waiting();
        waiting.since = None;
        while waiting.lines.is_empty() {
            if waiting.ends.is_some() {
                return false;
            }
            if std::mem::take(&mut waiting.again) {
                drop(waiting);
                self.output.again();
                waiting = self.shared.waiting();
                continue;
            }
            waiting.is_asleep = true;
            waiting = self.shared.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.is_asleep = false;
        }
        let mut bytes = 0;
        while let Some(line) = waiting.lines.front() {
            if bytes > 0 && bytes + line.len() > BLOCK {
                break;
            }
            bytes += line.len();
            batch.extend(waiting.lines.pop_front());
        }
        waiting.bytes -= bytes;
        waiting.in_hand = batch.len();
        waiting.since = Some(Instant::now());
        true
    }

    /// Notes how the last try went, for those who ask and for the log, and how many lines it has left; whether the end has come.
    fn note(&self, failure: Option<&io::Error>, in_hand: usize, told: &mut Option<Instant>) -> bool {
        let sink = &*self.name;
        let mut waiting = self.shared.waiting();
        waiting.failure = failure.map(ToString::to_string);
        if failure.is_none() {
            waiting.since = None;
        }
        waiting.in_hand = in_hand;
        let (lines, is_ending) = (waiting.lines.len() + in_hand, waiting.ends.is_some());
        drop(waiting);
        match failure {
            Some(error) if told.is_none_or(|told| told.elapsed() > REPEAT) => {
                *told = Some(Instant::now());
                tracing::error!(sink, %error, waiting = lines, "the audit can't be written");
            }
            None if told.take().is_some() => tracing::info!(sink, "the audit is written again"),
            _ => {}
        }
        is_ending
    }

    fn report_lost(&self, reported: &mut u64) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost > *reported {
            let (sink, lines) = (&*self.name, lost - *reported);
            tracing::error!(sink, lines, "lines of the audit were lost");
            *reported = lost;
        }
    }

    /// Waits before the next try; `false` if there is none.
    fn rest(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut waiting = self.shared.waiting();
        loop {
            let now = Instant::now();
            if waiting.ends.is_some_and(|ends| ends <= now) {
                return false;
            }
            if now >= until || std::mem::take(&mut waiting.again) {
                return true;
            }
            // The end is no reason to try more often, but what is left of its time may be shorter.
            let end = waiting.ends.map_or(until, |ends| ends.min(until));
            waiting = self
                .shared
                .changed
                .wait_timeout(waiting, end - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn give_up(&self, taken: usize) {
        let mut waiting = self.shared.waiting();
        let lines = taken + waiting.lines.len();
        waiting.lines.clear();
        (waiting.bytes, waiting.in_hand) = (0, 0);
        drop(waiting);
        self.shared.lost.fetch_add(lines as u64, Ordering::Relaxed);
        let sink = &*self.name;
        tracing::error!(
            sink,
            lines,
            "lines of the audit are lost, as they could not be written before the end"
        );
    }
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
