//! Whose folder is whose: opens the spool, says all the time that this server lives, and looks for those that don't.
//!
//! The plan. An owner writes its object every [`RENEWAL`]; it accepts intents only until [`LEASE`](super::LEASE) after the beginning of
//! the last time that worked. Somebody else may take the folder when the object has not changed for [`GONE`], by a clock of its own: clocks need
//! not agree, only run. Whoever was away for longer (a bucket that did not answer, a machine that stood still) writes its object, and
//! then looks whether its folder is still its own; whoever takes a folder writes a claim, and then looks whether its owner is still
//! gone. So one of the two sees the other. What both have is delivered twice, and what an owner writes into a folder that it has
//! lost is found by the next look.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wharf_backends::Result;

use super::{Adopted, Bucket, CLAIM, Command, Commands, OWNERS, node_of, run_of};

/// How often an owner writes its object.
pub(super) const RENEWAL: Duration = Duration::from_secs(15);
/// How often it is looked for others.
const LOOK: Duration = Duration::from_secs(30);
/// For how long an object has not changed if its owner is gone.
pub(super) const GONE: Duration = Duration::from_secs(60);
/// For how long a claim is left behind what was taken over, so that an owner who comes back learns of it.
const FORGOTTEN: Duration = Duration::from_secs(10 * 60);
/// The first and the longest pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A version of an object.
type Version = (Option<SystemTime>, u64, Option<u64>);

/// What stands beside the folders for one of them: what its owner wrote, and a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) has_folder: bool,
    pub(super) owner: Option<Version>,
    pub(super) claim: Option<Version>,
}

impl Signs {
    /// When its owner wrote, by the clock of the store.
    fn signed(&self) -> Option<SystemTime> {
        self.owner?.0
    }

    /// Whether a claim is as old as nobody has to know any more. Both times are of the store's clock.
    fn is_forgotten(&self, now: Option<SystemTime>) -> bool {
        let age = now.zip(self.claim.and_then(|claim| claim.0)).map(|(now, then)| now.duration_since(then));
        age.is_some_and(|age| age.is_ok_and(|age| age > FORGOTTEN))
    }
}

/// The task.
pub(super) struct Keeper {
    pub(super) bucket: Arc<Bucket>,
    pub(super) commands: Commands,
    /// Who is told of events.
    pub(super) names: Vec<String>,
    pub(super) most: u64,
    pub(super) adopted: Adopted,
    /// The signs of others, and since when they are the same.
    seen: HashMap<String, (Signs, Instant)>,
    fails: bool,
}

impl Keeper {
    pub(super) fn new(
        bucket: Arc<Bucket>,
        commands: Commands,
        names: Vec<String>,
        most: u64,
        adopted: Adopted,
    ) -> Self {
        Self { bucket, commands, names, most, adopted, seen: HashMap::new(), fails: false }
    }

    /// Opens the spool, and keeps it, until the server stops.
    pub(super) async fn run(mut self, stopping: &CancellationToken) {
        let mut pause = PAUSE;
        loop {
            match self.open().await {
                Ok(began) => {
                    self.bucket.renewed(began);
                    break;
                }
                Err(error) => {
                    let root = &self.bucket.root;
                    tracing::warn!(path = %root, %error, "the spool of events can't be read: changes are refused until it could be");
                }
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.bucket.shared.works();
        self.bucket.shared.open();
        let (mut next, mut look) = (Instant::now() + RENEWAL, Instant::now() + LOOK);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep_until(next) => {}
            }
            let began = Instant::now();
            match self.keep(began, began >= look).await {
                Ok(()) => {
                    if began >= look {
                        look = began + LOOK;
                    }
                    next = began + RENEWAL;
                    if std::mem::take(&mut self.fails) {
                        tracing::info!("the spool of events belongs to this server again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.fails, true) {
                        tracing::warn!(%error, "the bucket of the spool of events does not answer: soon changes are refused");
                    }
                    next = Instant::now() + PAUSE * 6;
                }
            }
        }
    }

    /// Makes the own folder, and takes over what earlier runs of this node left.
    async fn open(&mut self) -> Result<Instant> {
        let bucket = Arc::clone(&self.bucket);
        let own = bucket.own();
        bucket.make(&bucket.owners()?).await?;
        bucket.make(&bucket.folder(&own)?).await?;
        let began = Instant::now();
        bucket.sign(&own).await?;
        let all = self.all().await?;
        let now = all.get(&own).and_then(Signs::signed);
        for (folder, signs) in all {
            let is_left = signs.has_folder || signs.owner.is_some();
            if is_left && folder != own && node_of(&folder) == Some(&bucket.node) {
                self.adopt(&folder, signs, true).await?;
            }
            // No run of a server that is killed again and again lasts until it has seen them for long enough.
            if !is_left && signs.is_forgotten(now) {
                bucket.remove(&bucket.claim(&folder)?).await?;
            }
        }
        if began.elapsed() <= RENEWAL {
            return Ok(began);
        }
        // To take over much may have taken long, and others may have taken this server for one that is gone.
        let began = Instant::now();
        let is_there = self.all().await?.get(&own).is_some_and(|signs| signs.owner.is_some());
        bucket.sign(&own).await?;
        let is_claimed = self.all().await?.get(&own).is_some_and(|signs| signs.claim.is_some());
        if is_claimed || !is_there {
            tracing::warn!(
                folder = own,
                "another server has taken over what is in the spool of events of this one: it begins a new folder"
            );
            self.go_elsewhere(began).await?;
        }
        Ok(began)
    }

    /// Says that this server lives, and looks for others if it is time, or if others may have looked for this one.
    async fn keep(&mut self, began: Instant, looks: bool) -> Result<()> {
        let bucket = Arc::clone(&self.bucket);
        let own = bucket.own();
        let was_mine = bucket.is_mine();
        let is_there = was_mine || self.all().await?.get(&own).is_some_and(|signs| signs.owner.is_some());
        bucket.sign(&own).await?;
        if was_mine {
            bucket.renewed(began);
        }
        if was_mine && !looks {
            return Ok(());
        }
        let all = self.all().await?;
        let is_claimed = all.get(&own).is_some_and(|signs| signs.claim.is_some());
        if is_claimed || !is_there {
            tracing::error!(
                folder = own,
                node = bucket.node,
                "another server has taken over what is in the spool of events of this one: it begins a new folder. If this server was not \
                 cut off from the bucket, two servers have the same name: `events.node` has to differ"
            );
            self.go_elsewhere(began).await?;
        } else {
            bucket.renewed(began);
        }
        if looks {
            self.look(all).await;
        }
        Ok(())
    }

    async fn go_elsewhere(&mut self, began: Instant) -> Result<()> {
        let bucket = &self.bucket;
        let folder = run_of(&bucket.node);
        bucket.make(&bucket.folder(&folder)?).await?;
        bucket.sign(&folder).await?;
        let (done, moved) = oneshot::channel();
        let _ = self.commands.send(Command::Move(folder, done));
        let _ = moved.await;
        bucket.renewed(began);
        Ok(())
    }

    /// All folders, and all that stands beside them.
    pub(super) async fn all(&self) -> Result<BTreeMap<String, Signs>> {
        let mut all: BTreeMap<String, Signs> = BTreeMap::new();
        for entry in self.bucket.list(&self.bucket.root).await? {
            if entry.metadata.is_directory() && entry.name != OWNERS && node_of(&entry.name).is_some() {
                all.entry(entry.name).or_default().has_folder = true;
            }
        }
        for entry in self.bucket.list(&self.bucket.owners()?).await? {
            let version = Some((entry.metadata.modified, entry.metadata.size, entry.metadata.version));
            let (folder, is_claim) = match entry.name.strip_suffix(CLAIM) {
                Some(folder) => (folder, true),
                None => (&*entry.name, false),
            };
            if node_of(folder).is_none() {
                continue;
            }
            let signs = all.entry(folder.to_owned()).or_default();
            *(if is_claim { &mut signs.claim } else { &mut signs.owner }) = version;
        }
        Ok(all)
    }

    /// Takes over the folders whose owners are gone.
    async fn look(&mut self, all: BTreeMap<String, Signs>) {
        let (own, now) = (self.bucket.own(), Instant::now());
        self.seen.retain(|folder, _| all.contains_key(folder));
        for (folder, signs) in all {
            // What it wrote before it began another folder, it carries along itself, and whoever has claimed that takes it over.
            if folder == own || self.bucket.folders().iter().any(|(_, of)| *of == folder) {
                continue;
            }
            let (before, since) = self.seen.entry(folder.clone()).or_insert((signs, now));
            if *before != signs {
                if node_of(&folder) == Some(&self.bucket.node) && before.owner != signs.owner {
                    tracing::error!(
                        node = self.bucket.node,
                        folder,
                        "two servers of one name write to the spool of events: `events.node` has to differ"
                    );
                }
                (*before, *since) = (signs, now);
                continue;
            }
            if now.duration_since(*since) < GONE {
                continue;
            }
            if !signs.has_folder && signs.owner.is_none() {
                if now.duration_since(*since) >= FORGOTTEN {
                    let forgotten = async { self.bucket.remove(&self.bucket.claim(&folder)?).await };
                    let _ = forgotten.await;
                }
                continue;
            }
            if let Err(error) = self.adopt(&folder, signs, false).await {
                tracing::warn!(folder, %error, "the events of a server that is gone can't be taken over now");
            }
        }
    }
}
