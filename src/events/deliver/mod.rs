//! Delivers events to receivers: a task for each, and one for each event on its way.

mod cloud_event;
mod command;
mod starter;
mod webhook;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::command::Starter;
pub(crate) use self::starter::keeper::serve as keep_worker;
pub(crate) use self::starter::worker::serve as run_programs;
use super::Events;
use super::id::Id;
use super::model::{Draft, Outcome, time_of};
use super::spool::lane::{Number, Pick};
use super::spool::state::Stage;
use crate::config::EventWay;

/// The commands of this program by which the processes are started that run programs, and keep the other one running.
pub(crate) const WORKER: &str = "run-programs";
pub(crate) const KEEPER: &str = "keep-run-programs";

/// A receiver that has failed so often in a row is not there: what waits for it for too long need not be tried one by one.
const DOWN: u32 = 5;

/// An event, as it is delivered.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) draft: Draft,
    pub(super) outcome: Outcome,
}

/// Why it was not delivered.
#[derive(Debug)]
pub(super) struct Failure {
    /// For people.
    cause: String,
    /// When it may be tried again at the earliest, as the receiver says.
    after: Option<Duration>,
    /// It is no use to try again.
    is_final: bool,
    /// It is this event that is not taken; others may be.
    is_of_event: bool,
}

impl Failure {
    fn of(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), after: None, is_final: false, is_of_event: false }
    }
}

/// A way to tell somebody of an event.
#[async_trait]
trait Way: Send + Sync {
    async fn deliver(&self, event: &Event) -> Result<(), Failure>;
}

/// How much the thread that delivers gives way to those that serve clients (`nice`).
const NICENESS: i32 = 10;

/// Begins to deliver, on a thread of its own, until the server stops; says when that has ended.
///
/// Sessions, and what they wait for, come first: the work of this thread is done at a lower priority, and wakes none of theirs.
///
/// # Errors
/// Those of the system.
pub(super) fn start(events: &Arc<Events>) -> io::Result<oneshot::Receiver<()>> {
    let events = Arc::clone(events);
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("deliveries".to_owned()).spawn(move || {
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "events are delivered at the priority of sessions");
        }
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let lanes = (0..events.settings.to.len()).map(|lane| run(Arc::clone(&events), lane));
                runtime.block_on(join_all(lanes));
                // A read of a disk that does not answer is left to the end of the process.
                runtime.shutdown_background();
            }
            Err(error) => tracing::error!(%error, "events can't be delivered"),
        }
        let _ = ended.send(());
    })?;
    Ok(end)
}

/// Delivers to one receiver until the server stops.
async fn run(events: Arc<Events>, lane: usize) {
    let Some(target) = events.settings.to.get(lane).cloned() else { return };
    let way: Arc<dyn Way> = match &target.way {
        EventWay::Webhook(settings) => match webhook::Sender::new(settings, target.timeout) {
            Ok(sender) => Arc::new(sender),
            Err(cause) => {
                tracing::error!(receiver = target.name, cause, "events can't be sent");
                return;
            }
        },
        EventWay::Command(_) => Arc::new(command::Runner {
            starter: events.starter.clone(),
            program: lane,
            timeout: target.timeout,
            receiver: target.name.clone(),
        }),
    };
    let gap = target.rate.map(|rate| rate.period / rate.count);
    let mut under_way = JoinSet::new();
    loop {
        let changed = events.spool.changed(lane);
        let picked = {
            let mut state = events.spool.state();
            let Some(lane) = state.lanes.get_mut(lane) else { return };
            let now = Instant::now();
            let picked = lane.pick(now, target.at_once);
            if let (Pick::Go(..), Some(gap)) = (&picked, gap) {
                lane.pace(now, gap);
            }
            picked
        };
        match picked {
            Pick::Go(number, failures) => {
                let found = {
                    let state = events.spool.state();
                    state.events.get(&number).map(|entry| (entry.id, entry.stage.clone()))
                };
                let flight = Flight { events: Arc::clone(&events), lane, number, failures };
                let Some((id, Stage::Told(outcome))) = found else { continue };
                let way = Arc::clone(&way);
                under_way.spawn(async move { attempt(&flight, &*way, id, outcome).await });
            }
            Pick::Wait(until) => {
                let until = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
                tokio::select! {
                    () = events.stopping.cancelled() => return,
                    () = changed => {}
                    () = tokio::time::sleep_until(until) => {}
                    Some(_) = under_way.join_next() => {}
                }
            }
        }
        while under_way.try_join_next().is_some() {}
        if events.stopping.is_cancelled() {
            return;
        }
    }
}

/// An event on its way. If nobody has heard what became of it by the end of this, it goes again later.
struct Flight {
    events: Arc<Events>,
    lane: usize,
    number: Number,
    failures: u32,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Self { events, lane, number, failures } = self;
        if let Some(lane) = events.spool.state().lanes.get_mut(*lane) {
            lane.refused(*number, *failures + 1, Instant::now(), Duration::from_secs(1));
        }
    }
}

async fn attempt(flight: &Flight, way: &dyn Way, id: Id, outcome: Outcome) {
    let Flight { events, lane, failures, .. } = flight;
    let (lane, failures) = (*lane, *failures);
    let Some(target) = events.settings.to.get(lane) else { return };
    let receiver = &*target.name;
    let result = match events.spool.read(id).await {
        Ok(Some((draft, _))) => way.deliver(&Event { draft, outcome }).await,
        // Nobody needs it any more.
        Ok(None) => return,
        Err(error) => Err(Failure { is_of_event: true, ..Failure::of(format!("it can't be read: {error}")) }),
    };
    let Some(counts) = events.counts.get(lane) else { return };
    let Err(failure) = result else {
        counts.delivered.fetch_add(1, Ordering::Relaxed);
        let has_failed = events.spool.state().lanes.get_mut(lane).is_some_and(|lane| lane.succeeded());
        if has_failed {
            tracing::info!(receiver, "events are delivered again");
        }
        tracing::debug!(receiver, %id, "an event is delivered");
        events.spool.settle(id, lane);
        return;
    };
    counts.failed.fetch_add(1, Ordering::Relaxed);
    let Failure { cause, after, is_final, is_of_event } = failure;
    let (is_over, is_first, is_down) = {
        let mut state = events.spool.state();
        let since = state.get(id).map(|(_, entry)| time_of(entry.since));
        let age = since.and_then(|since| SystemTime::now().duration_since(since).ok());
        let Some(lane) = state.lanes.get_mut(lane) else { return };
        let is_first = if is_of_event {
            lane.refused(id.number(), failures + 1, Instant::now(), target.pause);
            failures == 0
        } else {
            let is_first = lane.failures == 0;
            lane.failed(id.number(), failures + 1, Instant::now(), (target.pause, after));
            is_first
        };
        (is_final || age.is_some_and(|age| age >= target.retry_for), is_first, lane.failures >= DOWN)
    };
    if is_over && !is_final && !is_of_event && is_down {
        let old = events.spool.bury_old(lane, target.retry_for, &cause);
        if old > 0 {
            tracing::warn!(
                receiver,
                events = old,
                cause,
                "events can't be delivered: they are dead letters now"
            );
        }
    }
    if is_over {
        tracing::warn!(receiver, %id, cause, "an event can't be delivered: it is a dead letter now");
        events.spool.bury(id, lane, &cause);
        events.make_room();
    } else if is_first {
        tracing::warn!(receiver, %id, cause, "an event is not delivered: it is tried again");
    } else {
        tracing::debug!(receiver, %id, cause, failures, "an event is not delivered: it is tried again");
    }
    events.spool.wake(lane);
}
