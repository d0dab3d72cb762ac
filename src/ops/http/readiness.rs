//! Whether new sessions are accepted, and which storages fail.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hyper::StatusCode;
use rustix::io::Errno;
use tokio::sync::watch;
use wharf_backends::{ErrorKind, Storage};

use crate::events::Events;
use crate::ops::audit::Audit;
use crate::ops::metrics::Metrics;
use crate::storages::Storages;
use crate::world::CurrentWorld;

/// The longest delay of an answer by the checks of storages. Probes of orchestrators give up soon.
const WAIT: Duration = Duration::from_millis(800);

/// A disk that takes longer to answer hangs.
const HANGS_AFTER: Duration = Duration::from_secs(5);

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

/// Whether new sessions are accepted.
#[derive(Debug)]
pub struct Readiness {
    state: AtomicU8,
    metrics: Arc<Metrics>,
    /// Once it is served.
    world: OnceLock<Arc<CurrentWorld>>,
    /// If other programs are told of what happens.
    events: OnceLock<Arc<Events>>,
    /// If there is a record of who did what.
    audit: OnceLock<Arc<Audit>>,
    /// For each disk, the check that still runs or ran last: there is one, however often a client asks.
    looks: Mutex<HashMap<String, Look>>,
    /// An operator wants no new sessions here.
    is_draining: AtomicBool,
}

/// The check of a storage.
#[derive(Debug, Clone)]
struct Look {
    of: Weak<dyn Storage>,
    since: Instant,
    ended: watch::Receiver<Option<Result<(), Trouble>>>,
}

impl Look {
    fn is_of(&self, storage: &Arc<dyn Storage>) -> bool {
        std::ptr::addr_eq(self.of.as_ptr(), Arc::as_ptr(storage))
    }
}

/// Why a storage is not there.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    kind: ErrorKind,
    /// The disk itself has answered with an error, as it would to every other server that uses it.
    is_of_the_disk: bool,
}

impl From<wharf_backends::Error> for Trouble {
    fn from(error: wharf_backends::Error) -> Self {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>());
        let is_of_the_disk = matches!(
            cause.and_then(Errno::from_io_error),
            Some(
                Errno::IO
                    | Errno::STALE
                    | Errno::TIMEDOUT
                    | Errno::NOTCONN
                    | Errno::HOSTDOWN
                    | Errno::HOSTUNREACH
                    | Errno::CONNREFUSED
            )
        );
        Self { kind: error.kind(), is_of_the_disk }
    }
}

/// The state of a storage.
enum Condition {
    Fine,
    /// Some operations have no answer. This may hold for only a part of a disk, while others go on.
    Slow {
        hanging: usize,
    },
    Hangs {
        hanging: usize,
    },
    /// It answers with errors.
    Fails(ErrorKind),
    /// It is not where it was opened.
    Gone(ErrorKind),
}

impl Condition {
    fn word(&self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Slow { .. } => "slow",
            Self::Hangs { .. } => "hangs",
            Self::Fails(_) => "fails",
            Self::Gone(_) => "gone",
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Fine => None,
            other => Some(other.to_string()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => f.write_str("fine"),
            Self::Slow { hanging } => write!(f, "the disk has not answered {hanging} operations in time"),
            Self::Hangs { hanging } => write!(f, "the disk does not answer ({hanging} operations hang)"),
            Self::Fails(kind) | Self::Gone(kind) => kind.fmt(f),
        }
    }
}

impl Readiness {
    /// Starts in the state "starting".
    pub fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU8::new(STARTING),
            metrics,
            world: OnceLock::new(),
            events: OnceLock::new(),
            audit: OnceLock::new(),
            looks: Mutex::default(),
            is_draining: AtomicBool::new(false),
        })
    }

    /// The listeners are up, and the storages of the current world are served.
    pub fn ready(&self, world: Arc<CurrentWorld>) {
        let _ = self.world.set(world);
        let changed = self.state.compare_exchange(STARTING, READY, Ordering::AcqRel, Ordering::Acquire);
        self.metrics.set_ready(changed.is_ok());
    }

    /// Changes depend on whether events can be kept.
    pub(crate) fn watch(&self, events: &Arc<Events>) {
        let _ = self.events.set(Arc::clone(events));
    }

    /// Logins and changes depend on whether they can be written down.
    pub(crate) fn watch_audit(&self, audit: &Arc<Audit>) {
        let _ = self.audit.set(Arc::clone(audit));
    }

    /// The server stops, which can't be undone.
    pub fn stopping(&self) {
        self.state.store(STOPPING, Ordering::Release);
        self.metrics.set_ready(false);
    }

    /// An operator wants no new sessions here, or wants them again.
    pub fn draining(&self, is_draining: bool) {
        self.is_draining.store(is_draining, Ordering::Release);
    }

    /// Whether `/readyz` says so.
    pub(crate) async fn is_ready(&self) -> bool {
        self.answer().await.0 == StatusCode::OK
    }

    /// The state of each storage, in a word, and what else there is to say.
    pub(crate) async fn conditions(&self) -> HashMap<String, (&'static str, Option<String>)> {
        let Some(world) = self.world.get() else { return HashMap::new() };
        let world = world.now();
        self.forget_others(&world.storages);
        let looks = world.storages.iter().map(async |(name, storage)| {
            let condition = self.look(name, storage).await;
            (name.clone(), (condition.word(), condition.detail()))
        });
        join_all(looks).await.into_iter().collect()
    }

    pub(super) async fn answer(&self) -> (StatusCode, Cow<'static, str>) {
        let unavailable = |text: &'static str| (StatusCode::SERVICE_UNAVAILABLE, Cow::Borrowed(text));
        match self.state.load(Ordering::Acquire) {
            READY if self.is_draining.load(Ordering::Acquire) => {
                self.metrics.set_ready(false);
                unavailable("draining: sessions go on, new ones are refused\n")
            }
            READY => self.answer_of_storages().await,
            STARTING => unavailable("starting\n"),
            _ => unavailable("stopping: running transfers are finished, new sessions are refused\n"),
        }
    }

    /// A directory that is gone is a fault of this machine, so other servers should take over. A disk that hangs, or
    /// answers with errors, fails only its own users, and is no reason to send everybody else away: the server is not
    /// ready only if no storage is left.
    async fn answer_of_storages(&self) -> (StatusCode, Cow<'static, str>) {
        let Some(world) = self.world.get() else { return (StatusCode::OK, "ready\n".into()) };
        let world = world.now();
        let storages = &world.storages;
        self.forget_others(storages);
        let looks = storages.iter().map(async |(name, storage)| (name, self.look(name, storage).await));
        let conditions = join_all(looks).await;
        let is_gone = conditions.iter().any(|(_, condition)| matches!(condition, Condition::Gone(_)));
        let is_down =
            |condition: &Condition| matches!(condition, Condition::Hangs { .. } | Condition::Fails(_));
        // A spool that could never be read is a fault of the configuration, which a rollout should not carry on.
        let has_events = self.events.get().is_none_or(|events| events.is_open());
        // Nobody can log in here, and others may have room for their lines.
        let failing = self.audit.get().and_then(|audit| audit.failing());
        let is_ready = failing.is_none()
            && has_events
            && !is_gone
            && !conditions.iter().all(|(_, condition)| is_down(condition));
        let mut text = if is_ready { "ready\n".to_owned() } else { String::new() };
        for (name, condition) in
            conditions.iter().filter(|(_, condition)| !matches!(condition, Condition::Fine))
        {
            text.push_str(&format!("backend {name}: {condition}\n"));
        }
        if let Some(place) = failing {
            text.push_str(&format!(
                "audit: logins and changes are refused because {place} can't be written\n"
            ));
        }
        if let Some(trouble) = self.events.get().and_then(|events| events.trouble()) {
            text.push_str(&format!("events: changes are refused because of the spool: {trouble}\n"));
        }
        let wrong = world.accounts.wrong_files();
        if wrong > 0 {
            // Without names: files have those of users.
            text.push_str(&format!("users_from: {wrong} files or users can't be used; the log says why\n"));
        }
        // The server may have begun to stop meanwhile.
        if self.state.load(Ordering::Acquire) == READY {
            self.metrics.set_ready(is_ready);
        }
        (if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text.into())
    }

    /// Of storages that were closed, nothing is kept.
    fn forget_others(&self, storages: &Storages) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|name, look| storages.get(name).is_some_and(|storage| look.is_of(storage)));
    }

    async fn look(&self, name: &str, storage: &Arc<dyn Storage>) -> Condition {
        let Look { since, mut ended, .. } = self.current_look(name, storage);
        let seen = match tokio::time::timeout(WAIT, ended.wait_for(Option::is_some)).await {
            Ok(Ok(seen)) => *seen,
            // The look panicked, which was logged.
            Ok(Err(_)) => Some(Err(Trouble { kind: ErrorKind::Other, is_of_the_disk: false })),
            Err(_) => None,
        };
        let load = storage.disk().map(|disk| disk.load());
        let hanging = load.as_ref().map_or(0, |load| load.hanging);
        match seen {
            Some(Err(Trouble { kind, is_of_the_disk: true })) => Condition::Fails(kind),
            Some(Err(Trouble { kind, .. })) => Condition::Gone(kind),
            None if since.elapsed() >= HANGS_AFTER => Condition::Hangs { hanging },
            _ if load.is_some_and(|load| load.is_stuck()) => Condition::Hangs { hanging },
            _ if hanging > 0 => Condition::Slow { hanging },
            _ => Condition::Fine,
        }
    }

    /// The running check, or a new one.
    fn current_look(&self, name: &str, storage: &Arc<dyn Storage>) -> Look {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = looks.get(name).filter(|look| look.is_of(storage))
            && look.ended.borrow().is_none()
            && look.ended.has_changed().is_ok()
        {
            return look.clone();
        }
        let (end, ended) = watch::channel(None);
        let look = Look { of: Arc::downgrade(storage), since: Instant::now(), ended };
        looks.insert(name.to_owned(), look.clone());
        let storage = Arc::clone(storage);
        tokio::spawn(async move {
            let seen = storage.is_there().await.map_err(Trouble::from);
            let _ = end.send(Some(seen));
        });
        look
    }
}
