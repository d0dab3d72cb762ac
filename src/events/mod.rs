//! Tells other programs what happens, at least once.
//!
//! The plan. Before something is changed, what is about to happen is written to the spool (`spool`); then it is done, and then the spool
//! hears that it was. So after a crash the spool has each change that may have been made, and the storages know which were
//! (`recover`). What has happened is delivered to each receiver (`deliver`) until that has taken it, in the order of each path.
//!
//! - `model`: what an event is; `id`: its name;
//! - `spool`: where events are kept;
//! - `recover`: finds out what became of what nobody has seen the end of;
//! - `recent`: what stood where something was removed a short time ago;
//! - `deliver`: webhooks and programs.

mod deliver;
mod desk;
mod id;
mod model;
mod recent;
mod recover;
mod spool;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use glob::MatchOptions;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wharf_backends::{Error, ErrorKind, Metadata, Result, Storage, StoragePath};

pub use self::deliver::Starter;
pub(crate) use self::deliver::{KEEPER, WORKER, keep_worker, run_programs};
pub(crate) use self::desk::{Letter, Wanted};
pub(crate) use self::model::{
    By, DIRECTORY_CREATED, DIRECTORY_REMOVED, DIRECTORY_RENAMED, Draft, Finding, KINDS, LOCKED_OUT,
    LOGIN_FAILED, LOGIN_SUCCEEDED, Place, Question, REMOVED, RENAMED, STORED, Seen, UPLOAD_FAILED,
    UPLOAD_INFECTED,
};
use self::model::{Outcome, micros};
use self::spool::record::End;
use self::spool::{Opening, Refusal, Spool};
use crate::config::{self, EventSpool, EventTarget, EventWay};
use crate::ops::metrics::{EventNumbers, ReceiverNumbers};
use crate::visit::Slot;

/// `*` is a part of one name.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// While the spool is as full as this, logins and failed uploads are not told of: they are the doing of whoever connects.
const NEARLY_FULL: f64 = 0.5;

/// How long a start waits for the spool to be read.
const START: Duration = Duration::from_secs(5);

/// Finds a storage by the name of its backend.
type FindStorage = Box<dyn Fn(&str) -> Option<Arc<dyn Storage>> + Send + Sync>;

/// Tells other programs what happens. It outlives every world.
pub struct Events {
    settings: config::Events,
    engine: &'static str,
    spool: Spool,
    /// Of a spool in a bucket, until it begins.
    opening: Mutex<Option<Opening>>,
    storages: OnceLock<FindStorage>,
    counts: Vec<Counts>,
    refused: AtomicU64,
    dropped: AtomicU64,
    starter: Option<Arc<Starter>>,
    recent: recent::Recent,
    tasks: Mutex<JoinSet<()>>,
    stopping: CancellationToken,
}

/// What is counted of a receiver.
#[derive(Debug, Default)]
struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Events {
    /// Opens the spool. Blocks while what stands there is read.
    ///
    /// # Errors
    /// A sentence.
    pub fn open(
        settings: &config::Events,
        engine: &'static str,
        starter: Option<Starter>,
    ) -> std::result::Result<Arc<Self>, String> {
        if let Some(starter) = &starter {
            starter.listen().map_err(|error| format!("programs can't be started: {error}"))?;
        }
        let names = settings.to.iter().map(|target| target.name.clone()).collect();
        let size = settings.spool_size;
        let (spool, opening) = match &settings.spool {
            EventSpool::Directory(folder) => (Spool::on_disk(folder, size, settings.sync, names)?, None),
            EventSpool::Bucket { path, .. } => {
                let (spool, opening) = Spool::in_bucket(path.clone(), settings.node.clone(), size, names);
                (spool, Some(opening))
            }
        };
        Ok(Arc::new(Self {
            settings: settings.clone(),
            engine,
            spool,
            opening: Mutex::new(opening),
            storages: OnceLock::new(),
            counts: settings.to.iter().map(|_| Counts::default()).collect(),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            starter: starter.map(Arc::new),
            recent: recent::Recent::default(),
            tasks: Mutex::default(),
            stopping: CancellationToken::new(),
        }))
    }

    /// Finds out what became of what a server before this one did not see the end of, and begins to deliver. It waits for that
    /// only as long as storages answer soon.
    pub async fn start(
        self: &Arc<Self>,
        storages: impl Fn(&str) -> Option<Arc<dyn Storage>> + Send + Sync + 'static,
    ) {
        let _ = self.storages.set(Box::new(storages));
        self.open_bucket();
        if tokio::time::timeout(START, self.spool.opened()).await.is_ok() {
            recover::at_the_start(self).await;
        } else {
            let events = Arc::clone(self);
            self.spawn(async move {
                events.spool.opened().await;
                recover::at_the_start(&events).await;
            });
        }
        match deliver::start(self) {
            Ok(ended) => self.spawn(async move {
                let _ = ended.await;
            }),
            Err(error) => tracing::error!(%error, "events can't be delivered: there is no thread for that"),
        }
        let events = Arc::clone(self);
        self.spawn(async move { recover::parked(&events).await });
    }

    /// Begins to read and to write a spool in a bucket.
    fn open_bucket(self: &Arc<Self>) {
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(opening), EventSpool::Bucket { backend, .. }) = (opening, &self.settings.spool) else {
            return;
        };
        let (backend, finder, adopter) = (backend.clone(), Arc::downgrade(self), Arc::downgrade(self));
        let find = Box::new(move || finder.upgrade()?.storage(&backend));
        let adopted = Box::new(move |ids: Vec<id::Id>, is_over: bool| {
            // Those of this node are asked for with all others at the start.
            let Some(events) = adopter.upgrade().filter(|_| !is_over) else { return };
            let asking = Arc::clone(&events);
            events.spawn(async move { recover::of_others(&asking, ids).await });
        });
        opening.begin(find, adopted, self.stopping.clone());
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }

    /// Why changes are refused, if they are.
    pub fn trouble(&self) -> Option<&'static str> {
        self.spool.trouble()
    }

    /// Whether the spool could be read since the start.
    pub fn is_open(&self) -> bool {
        self.spool.is_open()
    }

    /// Ends when all that is known is written down. What is on its way then is delivered again later.
    pub async fn stop(&self) {
        self.stopping.cancel();
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = async { while tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(2), ended).await;
        tasks.abort_all();
        drop(self.opening.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.spool.close().await;
    }

    /// Whose doing events are.
    pub(crate) fn by<'a>(&'a self, session: u64, user: &'a str, peer: std::net::IpAddr) -> By<'a> {
        By { session, user, peer: peer.to_canonical(), engine: self.engine, node: &self.settings.node }
    }

    /// Whether a path is that of a file which is not complete.
    pub(crate) fn is_partial(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        self.settings.partial_names.iter().any(|pattern| pattern.matches(name))
    }

    /// Who is told of an event.
    fn lanes_for(&self, draft: &Draft) -> u64 {
        let lanes = self.settings.to.iter().enumerate().filter(|(_, target)| wants(target, draft));
        lanes.fold(0, |set, (lane, _)| set | 1 << lane)
    }

    /// Whether anybody is told of events of this kind.
    pub(crate) fn tells_of(&self, kind: &str) -> bool {
        self.settings.to.iter().any(|target| target.on.iter().any(|pattern| pattern.matches(kind)))
    }

    /// Writes down that something is about to happen.
    ///
    /// # Errors
    /// It can't be kept, so that it must not happen.
    pub(crate) async fn intend(
        self: &Arc<Self>,
        draft: Draft,
        ask: Question,
        path: &StoragePath,
        slot: Option<&Slot>,
    ) -> Result<Intent> {
        let (lanes, id) = (self.lanes_for(&draft), draft.id);
        let parks =
            draft.kind == STORED && draft.place.as_ref().is_some_and(|place| self.is_partial(&place.path));
        let forgets = match draft.kind.as_str() {
            REMOVED => draft.place.clone(),
            _ => draft.from.clone(),
        };
        // What is not complete has a beginning that nobody was told of, and its end is none either.
        let is_silent = draft.kind == REMOVED
            && draft.place.as_ref().is_some_and(|place| self.spool.state().parked_at(place).is_some());
        let is_kept = lanes != 0 && !is_silent;
        if is_kept && let Err(refusal) = self.spool.intend(draft, ask, lanes, slot).await {
            self.refused.fetch_add(1, Ordering::Relaxed);
            if refusal == Refusal::Full {
                self.make_room();
            }
            let kind = match refusal {
                Refusal::Full => ErrorKind::NoSpace,
                Refusal::Failed(_) => ErrorKind::Unavailable,
            };
            return Err(Error::with_source(kind, path, refusal));
        }
        // What this place was told to have has to be written down before it is gone: nobody could ask for it then.
        if !is_kept && forgets.as_ref().is_some_and(|place| self.spool.state().waits_at(place)) {
            self.spool.written().await;
        }
        let events = Arc::clone(self);
        Ok(Intent { events, id: is_kept.then_some(id), parks, forgets, otherwise: None })
    }

    /// Something is about to be done that can't succeed by what is known. If it does all the same, it is told.
    pub(crate) fn afterwards(self: &Arc<Self>, draft: Draft) -> Intent {
        let otherwise = Some(Box::new(draft));
        Intent { events: Arc::clone(self), id: None, parks: false, forgets: None, otherwise }
    }

    /// This is at a place now, and is about to be removed or to get another name.
    pub(crate) async fn stands(&self, place: &Place, metadata: &Metadata) {
        recover::stands(self, place, metadata).await;
    }

    /// Something has happened that nobody has to know for certain.
    pub(crate) fn tell(&self, draft: Draft) {
        let lanes = self.lanes_for(&draft);
        if lanes == 0 {
            return;
        }
        if self.spool.fullness() > NEARLY_FULL || self.spool.is_behind() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.spool.tell(draft, lanes);
    }

    fn storage(&self, backend: &str) -> Option<Arc<dyn Storage>> {
        self.storages.get().and_then(|find| find(backend))
    }

    /// What is known of it, for metrics.
    pub fn numbers(&self) -> EventNumbers {
        let now = micros(SystemTime::now());
        let is_usable = self.spool.trouble().is_none();
        let state = self.spool.state();
        let receivers = self.settings.to.iter().enumerate().map(|(lane, target)| {
            let (waiting, oldest) =
                state.lanes.get(lane).map_or((0, None), |lane| (lane.len(), lane.oldest()));
            let oldest = oldest.and_then(|number| state.events.get(&number));
            let age = oldest.map_or(0, |entry| now.saturating_sub(entry.time));
            let counts = self.counts.get(lane);
            let count = |which: fn(&Counts) -> &AtomicU64| {
                counts.map_or(0, |counts| which(counts).load(Ordering::Relaxed))
            };
            let numbers = ReceiverNumbers {
                waiting: waiting as u64,
                oldest: Duration::from_micros(age).as_secs_f64(),
                dead: state.dead_letters(lane),
                delivered: count(|counts| &counts.delivered),
                failed: count(|counts| &counts.failed),
            };
            (target.name.clone(), numbers)
        });
        EventNumbers {
            receivers: receivers.collect(),
            spool: state.total,
            parked: state.parked(),
            refused: self.refused.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            helper_restarts: self.starter.as_ref().map_or(0, |starter| starter.restarts()),
            adopted: self.spool.adopted(),
            is_usable,
        }
    }

    /// Starts the process that runs programs for events, if there are any to run. It has to be done before the process limits
    /// itself.
    ///
    /// # Errors
    /// Those of the system.
    pub fn starter(settings: &config::Events) -> std::io::Result<Option<Starter>> {
        // The number of a receiver is that of its program.
        let programs: Vec<_> = settings
            .to
            .iter()
            .map(|target| match &target.way {
                EventWay::Command(words) => words.clone(),
                EventWay::Webhook(_) => Vec::new(),
            })
            .collect();
        if programs.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        Starter::start(programs).map(Some)
    }
}

/// Whether somebody is told of an event.
fn wants(target: &EventTarget, draft: &Draft) -> bool {
    let has = |patterns: &[glob::Pattern], text: &str| {
        patterns.iter().any(|pattern| pattern.matches_with(text, OPTIONS))
    };
    let paths = [&draft.place, &draft.from].into_iter().flatten();
    has(&target.on, &draft.kind)
        && (target.users.is_empty() || has(&target.users, &draft.user))
        && (target.paths.is_empty() || paths.into_iter().any(|place| has(&target.paths, &place.path)))
}

/// Something that was written down and is being done. If this is dropped before it has [ended](Self::ended), the storage is asked.
#[derive(Debug)]
#[must_use]
pub(crate) struct Intent {
    events: Arc<Events>,
    /// `None`: nobody is told.
    id: Option<id::Id>,
    /// It waits for the name of its file.
    parks: bool,
    /// Whatever waited for a name here has it now, or is gone.
    forgets: Option<Place>,
    /// What is told if it succeeds, although it was not written down.
    otherwise: Option<Box<Draft>>,
}

impl Intent {
    /// What became of it, with what is known of the file.
    pub(crate) fn ended(mut self, result: std::result::Result<Option<&Metadata>, &Error>) {
        let Self { events, forgets, .. } = &self;
        let end = match result {
            Ok(metadata) => {
                if let Some(id) = forgets.as_ref().and_then(|place| events.spool.state().parked_at(place)) {
                    events.spool.end(id, End::Dropped);
                }
                let outcome = metadata.map(Outcome::of).unwrap_or_default();
                if self.parks { End::Parked(outcome) } else { End::Told(outcome) }
            }
            // It may have happened: whoever drops this has the storage asked.
            Err(error) if error.kind() == ErrorKind::Unavailable => return,
            Err(_) => End::Dropped,
        };
        if let Some(draft) = self.otherwise.take()
            && result.is_ok()
            && let lanes @ 1.. = self.events.lanes_for(&draft)
        {
            self.events.spool.tell(*draft, lanes);
        }
        if let Some(id) = self.id.take() {
            self.events.spool.end(id, end);
        }
    }
}

impl Drop for Intent {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let events = Arc::clone(&self.events);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move { recover::later(&events, id).await });
    }
}
