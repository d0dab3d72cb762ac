//! What happens now: each session with its transfer, and what the last hour was like. It reads the [facts](crate::visit::facts),
//! and is what `wharf ps`, the admin interface and its stream of events show.
//!
//! The plan. Sessions are in a few maps by their number, each with a lock of its own that is held for no longer than a look at one
//! entry, so that whoever looks holds up nobody. An idle session costs less than 200 bytes (a test says so). The bytes of a transfer
//! are counted where they always are; once a second, while something moves, they are looked at, which gives rates, and adds them to
//! the hour. All else is bounded: the hour has a fixed number of slots, and so have networks and causes.

mod dialogue;
mod feed;
mod ring;
mod totals;
mod views;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use self::dialogue::Dialogue;
pub(crate) use self::feed::{Feed, Reading};
use self::totals::Totals;
pub(crate) use self::totals::{Failures, Throughput};
pub(crate) use self::views::{Chosen, Dialogued, SessionView, time};
use crate::config::MOST_REPLICAS;
use crate::shutdown::Shutdown;
use crate::visit::facts::{Fact, Facts, Reader, Transfer, What};

/// So many maps of sessions.
const SHARDS: u64 = 16;

/// How often transfers are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How much of a new rate is in the rate that is shown.
const SMOOTHING: f64 = 0.4;

/// What happens now.
pub(crate) struct Live {
    shards: [Mutex<Shard>; SHARDS as usize],
    totals: Mutex<Totals>,
    started: Instant,
    since: SystemTime,
    /// The last commands and replies of each session are kept.
    keeps_dialogues: bool,
    /// Which of several replicas this server is.
    replica: Option<u16>,
    /// A transfer has begun.
    moving: Notify,
    feed: Feed,
}

#[derive(Default)]
struct Shard {
    sessions: HashMap<u64, Box<Session>>,
    /// The transfers of these sessions, of which each has one at a time.
    transfers: HashMap<u64, Moving>,
}

/// A session. Thousands are idle at a time, so what most of them lack is elsewhere.
struct Session {
    ip: IpAddr,
    port: u16,
    is_encrypted: bool,
    since: SystemTime,
    /// Milliseconds of our own clock at the last sign of life.
    active: u64,
    user: Option<Box<str>>,
    last_command: Option<&'static str>,
    ending: Shutdown,
    received: u64,
    sent: u64,
    more: Option<Box<More>>,
}

/// What few sessions have.
#[derive(Default)]
struct More {
    host: Option<String>,
    dialogue: Dialogue,
}

/// A transfer under way.
struct Moving {
    transfer: Arc<Transfer>,
    /// What is in the totals already.
    counted: u64,
    /// What had moved at the last look at the rate.
    rated: u64,
    looked: Instant,
    /// Bytes in a second; `None` before the first look.
    rate: Option<f64>,
}

impl Moving {
    fn new(transfer: &Arc<Transfer>) -> Self {
        Self { transfer: Arc::clone(transfer), counted: 0, rated: 0, looked: transfer.began, rate: None }
    }

    /// The bytes that are not in the totals.
    fn take_new(&mut self) -> u64 {
        let bytes = self.transfer.bytes();
        bytes.saturating_sub(std::mem::replace(&mut self.counted, bytes))
    }

    fn look(&mut self, now: Instant) -> u64 {
        let new = self.take_new();
        let seconds = now.saturating_duration_since(self.looked).as_secs_f64();
        if seconds > 0.5 {
            let moved = self.counted.saturating_sub(std::mem::replace(&mut self.rated, self.counted));
            let rate = moved as f64 / seconds;
            self.rate = Some(self.rate.map_or(rate, |before| before + SMOOTHING * (rate - before)));
            self.looked = now;
        }
        new
    }
}

impl Live {
    /// Nobody is here. If `keeps_dialogues`, the last commands and replies of each session are kept.
    pub(crate) fn new(keeps_dialogues: bool, replica: Option<u16>) -> Arc<Self> {
        Arc::new(Self {
            shards: Default::default(),
            totals: Mutex::default(),
            started: Instant::now(),
            since: SystemTime::now(),
            keeps_dialogues,
            replica,
            moving: Notify::new(),
            feed: Feed::default(),
        })
    }

    /// Reads these facts from now on.
    pub(crate) fn read(self: &Arc<Self>, facts: &Facts) {
        if self.keeps_dialogues {
            facts.want_replies();
        }
        facts.add(Arc::clone(self) as Arc<dyn Reader>);
    }

    /// Looks at what moves, as long as it is polled.
    pub(crate) async fn look(&self) {
        loop {
            let began = self.moving.notified();
            if self.is_quiet() {
                began.await;
            }
            tokio::time::sleep(LOOK).await;
            self.look_once(Instant::now());
        }
    }

    fn look_once(&self, now: Instant) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            for moving in shard.transfers.values_mut() {
                let new = moving.look(now);
                if new > 0 {
                    let slot = self.seconds();
                    lock(&self.totals).moved(slot, &moving.transfer, new);
                }
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.shards.iter().all(|shard| lock(shard).transfers.is_empty())
    }

    /// Whether the last commands and replies of each session are kept.
    pub(crate) fn keeps_dialogues(&self) -> bool {
        self.keeps_dialogues
    }

    /// When it began.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// The same on the clock of everybody.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }

    /// What is told of as it happens.
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Seconds of our own clock.
    fn seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn shard(&self, session: u64) -> MutexGuard<'_, Shard> {
        // There are as many as the number says.
        // Of several replicas, the last digits of all numbers are the same.
        lock(&self.shards[((session ^ (session / u64::from(MOST_REPLICAS))) % SHARDS) as usize])
    }

    /// All sessions that these words are of, by their numbers.
    pub(crate) fn sessions(&self, wants: impl Fn(&Chosen<'_>) -> bool) -> Vec<SessionView> {
        let (now, mut found) = (self.milliseconds(), Vec::new());
        for shard in &self.shards {
            let shard = lock(shard);
            for (number, session) in &shard.sessions {
                let moving = shard.transfers.get(number);
                let chosen = Chosen {
                    number: *number,
                    user: session.user.as_deref(),
                    peer: session.ip,
                    is_moving: moving.is_some(),
                };
                if wants(&chosen) {
                    found.push(self.view(*number, session, moving, now));
                }
            }
        }
        found.sort_unstable_by_key(|session| session.session);
        found
    }

    fn view(&self, number: u64, session: &Session, moving: Option<&Moving>, now: u64) -> SessionView {
        SessionView { replica: self.replica, ..SessionView::of(number, session, moving, now) }
    }

    /// One session with its last commands and replies.
    pub(crate) fn session(&self, number: u64) -> Option<(SessionView, Vec<Dialogued>)> {
        let shard = self.shard(number);
        let session = shard.sessions.get(&number)?;
        let view = self.view(number, session, shard.transfers.get(&number), self.milliseconds());
        Some((view, session.more.as_ref().map_or_else(Vec::new, |more| more.dialogue.lines())))
    }

    /// How many sessions there are, how many of them are logged in, and how many have a transfer.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for shard in &self.shards {
            let shard = lock(shard);
            counts.sessions += shard.sessions.len();
            counts.logged_in += shard.sessions.values().filter(|session| session.user.is_some()).count();
            counts.transfers += shard.transfers.len();
        }
        counts
    }

    /// The bytes of the last hour.
    pub(crate) fn throughput(&self) -> Throughput {
        self.look_once(Instant::now());
        lock(&self.totals).throughput(self.seconds())
    }

    /// What failed in the last hour.
    pub(crate) fn failures(&self) -> Failures {
        lock(&self.totals).failures(self.seconds())
    }

    /// Ends a session, with its transfer; who it was.
    pub(crate) fn end(&self, number: u64) -> Option<SessionView> {
        let (view, ending) = {
            let shard = self.shard(number);
            let session = shard.sessions.get(&number)?;
            let view = self.view(number, session, shard.transfers.get(&number), self.milliseconds());
            (view, session.ending.clone())
        };
        // It wakes its session, which may tell something here.
        ending.kick();
        Some(view)
    }

    fn with(&self, session: u64, change: impl FnOnce(&mut Session)) {
        let active = self.milliseconds();
        if let Some(session) = self.shard(session).sessions.get_mut(&session) {
            session.active = active;
            change(session);
        }
    }

    fn said(&self, number: u64, time: SystemTime, line: impl FnOnce() -> String, is_reply: bool) {
        if self.keeps_dialogues {
            let line = line();
            self.with(number, |session| {
                session.more.get_or_insert_default().dialogue.push(time, line, is_reply);
            });
        }
    }

    fn opened(&self, number: u64, time: SystemTime, peer: SocketAddr, ending: &Shutdown) {
        let session = Session {
            ip: peer.ip().to_canonical(),
            port: peer.port(),
            is_encrypted: false,
            since: time,
            active: self.milliseconds(),
            user: None,
            last_command: None,
            ending: ending.clone(),
            received: 0,
            sent: 0,
            more: None,
        };
        self.shard(number).sessions.insert(number, Box::new(session));
    }

    fn transfer_began(&self, number: u64, transfer: &Arc<Transfer>) {
        let was_quiet = {
            let mut shard = self.shard(number);
            let was_quiet = shard.transfers.is_empty();
            shard.transfers.insert(number, Moving::new(transfer));
            was_quiet
        };
        if was_quiet {
            self.moving.notify_one();
        }
    }

    fn transfer_ended(&self, number: u64, transfer: &Transfer, cause: Option<&str>) {
        let active = self.milliseconds();
        let moving = {
            let mut shard = self.shard(number);
            if let Some(session) = shard.sessions.get_mut(&number) {
                session.active = active;
                match transfer.direction.is_upload() {
                    true => session.received += transfer.bytes(),
                    false => session.sent += transfer.bytes(),
                }
            }
            shard.transfers.remove(&number)
        };
        let new = moving.map_or(0, |mut moving| moving.take_new());
        if new > 0 || cause.is_some() {
            let (slot, mut totals) = (self.seconds(), lock(&self.totals));
            if new > 0 {
                totals.moved(slot, transfer, new);
            }
            if let Some(cause) = cause {
                totals.failed(slot, "transfer", cause);
            }
        }
    }
}

impl Reader for Live {
    fn hears(&self, fact: &Fact<'_>) {
        let Fact { time, who, what } = *fact;
        let number = who.session;
        match what {
            What::SessionOpened { ending } => self.opened(number, time, who.peer, ending),
            What::SessionClosed { .. } => {
                let mut shard = self.shard(number);
                let gone = (shard.sessions.remove(&number), shard.transfers.remove(&number));
                drop(shard);
                drop(gone);
            }
            What::Encrypted { is_encrypted } => {
                self.with(number, |session| session.is_encrypted = is_encrypted);
            }
            What::LoggedIn { host, .. } => self.with(number, |session| {
                session.user = Some(who.user.into());
                if let Some(host) = host {
                    session.more.get_or_insert_default().host = Some(host.to_string());
                }
            }),
            What::LoggedOut { .. } => self.with(number, |session| {
                session.user = None;
                if let Some(more) = &mut session.more {
                    more.host = None;
                }
            }),
            What::LoginFailed { cause } => {
                let (slot, mut totals) = (self.seconds(), lock(&self.totals));
                totals.login_failed(slot, who.peer.ip());
                // What follows may hold names.
                totals.failed(slot, "login", cause.split(':').next().unwrap_or_default());
            }
            What::TransferBegan { transfer } => self.transfer_began(number, transfer),
            What::TransferEnded { transfer, end } => {
                let cause = end.failure.and_then(|failure| failure.ending().cause());
                self.transfer_ended(number, transfer, cause);
            }
            What::CommandFailed { error, .. } => {
                let slot = self.seconds();
                lock(&self.totals).failed(slot, "command", crate::visit::failure::label(error));
            }
            What::Command { known, verb, argument } => {
                self.with(number, |session| session.last_command = known);
                self.said(number, time, || dialogue::command(known, verb, argument), false);
            }
            What::Reply { code, text } => self.said(number, time, || dialogue::reply(code, text), true),
            What::ScanFound { .. } => {
                let slot = self.seconds();
                lock(&self.totals).failed(slot, "transfer", "infected");
            }
            What::SessionDisplaced
            | What::SessionRefused { .. }
            | What::ScanUnavailable { .. }
            | What::Mistaken { .. }
            | What::UploadKept { .. }
            | What::UploadRemoved { .. }
            | What::Digested { .. }
            | What::AccountExpired
            | What::LoginRefused { .. }
            | What::OtherCertificate { .. }
            | What::LoginAbandoned
            | What::AddressLockedOut
            | What::NameLockedOut
            | What::TooManyTransfers
            | What::Changed { .. } => {}
        }
        self.feed.hears(fact);
    }

    fn hears_act(&self, time: SystemTime, act: &crate::visit::facts::Act<'_>) {
        self.feed.hears_act(time, act);
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sessions: usize,
    pub(crate) logged_in: usize,
    pub(crate) transfers: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder of a lock leaves what is behind it half-changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
