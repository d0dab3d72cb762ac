//! What replicas tell each other of what they count: sessions, failed logins and locks, transfers that share a bandwidth, and
//! what changes in places with quotas.
//!
//! The plan. There is no leader, and nothing that all have to agree on. Each replica keeps its own counters, and tells them to each
//! other one on a connection that it opens (`tell`): all of them at first, and then once a second what has changed. Whoever hears them (`hear`)
//! keeps them apart, by replica, and adds them to its own when it looks at a limit. So nothing is counted twice, a replica that is away
//! is left out after some seconds, and one that comes back tells everything anew. What is known is as old as a telling is: a
//! second, most often. Two replicas that admit at the same moment may pass a limit together by what came in that moment.
//!
//! Everything is bounded: the message (`wire`), the entries that are told and those that are believed. What is collected is the
//! same for all, so it is made once (`collect`).

mod collect;
mod hear;
mod tell;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::collect::Collector;
use super::{Cluster, Kind, Service};
use crate::accounts::{FRESH, Lasting, SessionLimits};

/// How often is told what has changed.
const TICK: Duration = Duration::from_secs(1);

/// How long a replica that ends waits for others to hear of it.
const FAREWELL: Duration = Duration::from_millis(500);

/// For so long a replica that was here is said to be away. Then it has gone for good, as far as anybody can tell.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// How many tellings wait for a slow connection before it is told everything anew.
const WAITING: usize = 8;

/// Something to tell, as it is sent before it is encrypted.
type Message = Arc<[u8]>;

/// What this replica tells the others, and what it has heard of them.
pub struct Told {
    cluster: Arc<Cluster>,
    accounts: Arc<Lasting>,
    limits: Arc<SessionLimits>,
    collector: Mutex<Collector>,
    news: broadcast::Sender<Message>,
    /// Who waits before it tries to reach a replica again.
    wake: Vec<(u16, Arc<Notify>)>,
    /// The connections by which others tell, each replica by one.
    hearing: Mutex<HashMap<u16, CancellationToken>>,
    /// Those who were heard at the last look.
    here: Mutex<Vec<u16>>,
    started: Instant,
    /// This replica ends, and has said so.
    leaving: CancellationToken,
    has_left: CancellationToken,
}

/// Whether another replica is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was heard in the last seconds.
    Here,
    /// It was not: for how long, if it ever was.
    Away(Option<Duration>),
}

impl Told {
    /// Hears others from now on. Nobody is told anything before [`run`](Self::run).
    pub fn new(cluster: &Arc<Cluster>, accounts: &Arc<Lasting>, limits: &Arc<SessionLimits>) -> Arc<Self> {
        limits.guard().has_others();
        let others = (0..cluster.most()).filter(|index| *index != cluster.index);
        let others = others.filter(|index| cluster.peers.address(*index).is_some());
        let told = Arc::new(Self {
            cluster: Arc::clone(cluster),
            accounts: Arc::clone(accounts),
            limits: Arc::clone(limits),
            collector: Mutex::default(),
            news: broadcast::Sender::new(WAITING),
            wake: others.map(|index| (index, Arc::default())).collect(),
            hearing: Mutex::default(),
            here: Mutex::default(),
            started: Instant::now(),
            leaving: CancellationToken::new(),
            has_left: CancellationToken::new(),
        });
        let service: Arc<dyn Service> = Arc::clone(&told) as _;
        cluster.serve(Kind::Counters, &service);
        told
    }

    /// Tells the others that this replica ends, and what it has to tell before; whoever does not hear that soon finds out.
    pub async fn leave(&self) {
        self.tick();
        self.leaving.cancel();
        let _ = tokio::time::timeout(FAREWELL, self.has_left.cancelled()).await;
    }

    /// Tells the others, for as long as it is polled.
    pub async fn run(self: Arc<Self>) {
        let mut telling = JoinSet::new();
        for (replica, wake) in &self.wake {
            telling.spawn(tell::keep_telling(Arc::clone(&self), *replica, Arc::clone(wake)));
        }
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.leaving.run_until_cancelled(ticks.tick()).await.is_some() {
            self.tick();
        }
        while telling.join_next().await.is_some() {}
        self.has_left.cancel();
    }

    /// Takes into account what was heard, and has told what has changed.
    fn tick(&self) {
        self.accounts.counts.look_elsewhere();
        self.accounts.quotas.look_elsewhere();
        self.look_who_is_here();
        let mut collector = self.collector();
        // Under the lock, so that whoever is told everything has missed nothing.
        if let Some(news) = collector.changes(&self.accounts, &self.limits) {
            let _ = self.news.send(news.encode().into());
        }
    }

    fn collector(&self) -> MutexGuard<'_, Collector> {
        // No holder of the lock leaves it half-changed.
        self.collector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn here(&self) -> MutexGuard<'_, Vec<u16>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_who_is_here(&self) {
        let silences = self.accounts.elsewhere.silences();
        let here: Vec<_> =
            silences.iter().filter(|(_, silent)| *silent < FRESH).map(|(replica, _)| *replica).collect();
        for (replica, silent) in &silences {
            if *silent >= REMEMBERED {
                self.accounts.elsewhere.forget(*replica);
            }
        }
        let mut before = self.here();
        for replica in here.iter().filter(|replica| !before.contains(replica)) {
            tracing::info!(replica, "another replica is here");
        }
        for replica in before.iter().filter(|replica| !here.contains(replica)) {
            tracing::warn!(replica, "another replica is away; what it counts is left out");
        }
        *before = here;
        drop(before);
        let replicas = self.replicas();
        let here = replicas.iter().filter(|(_, presence)| *presence == Presence::Here).count();
        self.cluster.meter.replicas(here, replicas.len() - here);
    }

    /// The replicas.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// The other replicas: those that were heard, and those that have an address of their own in the configuration.
    pub fn replicas(&self) -> Vec<(u16, Presence)> {
        let silences = self.accounts.elsewhere.silences();
        let listed = self.wake.iter().map(|(replica, _)| *replica);
        let listed = listed.filter(|replica| self.cluster.peers.is_listed(*replica));
        let mut replicas: Vec<_> = listed.map(|replica| (replica, Presence::Away(None))).collect();
        replicas.retain(|(replica, _)| !silences.iter().any(|(heard, _)| heard == replica));
        replicas.extend(silences.into_iter().map(|(replica, silent)| match silent < FRESH {
            true => (replica, Presence::Here),
            false => (replica, Presence::Away(Some(silent))),
        }));
        replicas.sort_unstable_by_key(|(replica, _)| *replica);
        replicas
    }

    /// Somebody is there: whoever waits before it tries to reach it waits no more.
    fn wake(&self, replica: u16) {
        if let Some((_, wake)) = self.wake.iter().find(|(index, _)| *index == replica) {
            wake.notify_one();
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("replicas", &self.replicas()).finish_non_exhaustive()
    }
}
