//! `kill -9` at random moments, under clients that store, remove and rename: what is stored in the end, and what clients were
//! told, is compared with the events.
//!
//! The names of the tests say where the files are and where the spool is. `WHARF_TEST_KILL_ROUNDS` says how often the server is
//! killed, `WHARF_TEST_KILL_CHUNK` after how many rounds it is compared and begun anew, `WHARF_TEST_KILL_SECONDS` after which time no
//! round begins; `scripts/kill-rounds` has it done many times.

mod clients;
mod ledger;

use std::any::Any;
use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use self::clients::{CLIENTS, Counts, Deed, work};
use self::ledger::{Ledger, Mood};
use super::receiver::Receiver;
use super::spool::ask;
use crate::support::{Running, S3, SOON, Setup, metric, wait_until};

/// Numbers that are not to be foreseen, and differ from run to run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Self(now.subsec_nanos().into())
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// What a server has logged of changes that were under way when the one before it was killed.
fn lines_of_recovery(server: &Running<'_>) -> Vec<String> {
    let lines = server.log.lines();
    lines.iter().filter(|line| line.target().ends_with("recover")).map(|line| format!("{line:?}")).collect()
}

/// Whatever comes, clients end.
struct Ends<'a>(&'a Counts);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// What is known of the lives so far.
#[derive(Default)]
struct Known {
    /// What clients were told.
    deeds: Vec<Deed>,
    /// What servers have logged of changes that were cut off.
    settled: Vec<String>,
    refused: usize,
}

/// One life of the server.
fn one_life(setup: &Setup, round: usize, random: &mut Random, known: &mut Known) {
    let mut server = setup.start();
    // A start does not wait for a slow bucket, and refuses changes meanwhile.
    wait_until("changes are accepted", || metric(&server, "wharf_events_spool_usable") == Some(1.0));
    let counts = Counts::default();
    let (address, first) = (server.address, random.below(6));
    // Sometimes while it asks what became of the changes before, or delivers what waits.
    let moment = random.below(8).min(1) * random.below(60);
    let spins = random.below(100_000);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (counts, prefix) = (&counts, format!("r{round}-c{client}"));
                scope.spawn(move || work(address, &prefix, first + client, counts))
            })
            .collect();
        let killed = catch_unwind(AssertUnwindSafe(|| {
            let _ends = Ends(&counts);
            wait_until("clients have stored something", || {
                std::thread::sleep(Duration::from_micros(200));
                counts.done.load(Ordering::Relaxed) >= moment
            });
            (0..spins).for_each(|_| std::hint::spin_loop());
            server.kill();
        }));
        let ended: Vec<_> = clients.into_iter().map(ScopedJoinHandle::join).collect();
        let mut failed = killed.err();
        for deeds in ended {
            match deeds {
                Ok(deeds) => known.deeds.extend(deeds),
                Err(cause) => failed = failed.take().or(Some(cause)),
            }
        }
        if let Some(cause) = failed {
            resume_unwind(cause);
        }
    });
    known.refused += counts.refused.into_inner();
    known.settled.extend(lines_of_recovery(&server));
}

/// How often servers are killed, and how many of these lives are compared at once.
struct Plan {
    rounds: usize,
    chunk: usize,
    /// No life begins later.
    until: Option<Instant>,
}

impl Plan {
    fn new(usual: usize) -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<usize>().unwrap());
        let seconds = number("WHARF_TEST_KILL_SECONDS").map(|seconds| Duration::from_secs(seconds as u64));
        Self {
            rounds: number("WHARF_TEST_KILL_ROUNDS").unwrap_or(usual),
            chunk: number("WHARF_TEST_KILL_CHUNK").unwrap_or(25).max(1),
            until: seconds.map(|time| Instant::now() + time),
        }
    }

    fn has_time(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// Kills the server again and again, and compares after some rounds: a life that did not go as it should is told of, and all before it is
/// compared.
fn kill_and_compare(setup: impl Fn(&str) -> Setup, usual: usize) {
    let plan = Plan::new(usual);
    let (mut random, mut done, mut broken) = (Random::new(), 0, Vec::new());
    let began = Instant::now();
    while done < plan.rounds && plan.has_time() {
        let rounds = done..plan.rounds.min(done + plan.chunk);
        done = kill_some_and_compare(&setup, rounds, &plan, &mut random, &mut broken);
        eprintln!("{done} of {} rounds are compared, in {:.0?}", plan.rounds, began.elapsed());
    }
    if done < plan.rounds && broken.is_empty() {
        eprintln!("there was no time for the {} others", plan.rounds - done);
    }
    assert!(broken.is_empty(), "rounds that broke off, and why: {broken:#?}");
}

/// Says up to which round it came.
fn kill_some_and_compare(
    setup: &impl Fn(&str) -> Setup,
    rounds: Range<usize>,
    plan: &Plan,
    random: &mut Random,
    broken: &mut Vec<String>,
) -> usize {
    let ledger = Arc::new(Ledger::default());
    let receiver = {
        let ledger = Arc::clone(&ledger);
        Receiver::forgetful(move |got, before| ledger.take(got, before))
    };
    let setup = setup(&receiver.url());
    let mut known = Known::default();
    let (began, mut done) = (Instant::now(), rounds.start);
    for round in rounds.clone() {
        if !plan.has_time() {
            break;
        }
        ledger.feels(Mood::ALL[random.below(Mood::ALL.len())]);
        let life = catch_unwind(AssertUnwindSafe(|| one_life(&setup, round, random, &mut known)));
        done = round + 1;
        if let Err(cause) = life {
            broken.push(format!("round {round}: {}", text_of(&cause)));
            eprintln!("{}: what was before is compared", broken[broken.len() - 1]);
            break;
        }
    }
    ledger.feels(Mood::Well);
    let killed = began.elapsed();
    let server = setup.start();
    // What a bucket may still carry out is open for some minutes.
    wait_until("all events are delivered", || {
        let (status, waiting) = ask(&setup, &["list", "--waiting"]);
        assert_eq!(status, 0, "{waiting}");
        waiting.lines().all(|line| line.ends_with(": not over yet") || line == "no event waits")
    });
    let mut stored = BTreeSet::new();
    wait_until("each file has its event", || {
        stored = server.login().names("/").into_iter().map(|name| format!("/{name}")).collect();
        let has_all = ledger.has_all(&stored);
        has_all || began.elapsed() - killed > SOON / 2
    });
    let took = began.elapsed();
    let Known { deeds, mut settled, refused } = known;
    settled.extend(lines_of_recovery(&server));
    settled.extend(ask(&setup, &["list", "--waiting"]).1.lines().map(str::to_owned));
    let summary = ledger.compare(&stored, &deeds, &settled);
    let dead = ledger.dead();
    assert_eq!(metric(&server, "wharf_events_dead{receiver=\"hook\"}"), Some(dead.into()), "dead letters");
    let (count, cut) = (done - rounds.start, settled.len());
    eprintln!("{count} rounds in {took:.0?}: {summary}, {cut} changes were cut off, {refused} refused");
    done
}

/// What a panic says.
fn text_of(cause: &Box<dyn Any + Send>) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// Files on a disk, or in a bucket, and the spool on a disk, or in a bucket.
fn setup(files: &str, spool: &str, url: &str) -> Setup {
    let setup = Setup::new(format!(
        "
backends:
  files: {files}
users:
  - {{ name: demo, password: demo, plain: true, backend: files, permissions: full }}
events:
  spool: {spool}
  to:
  - {{ name: hook, url: '{url}', on: ['file.*'], pause: 10ms, at_once: 8 }}
"
    ));
    std::fs::create_dir(setup.folder().join("events")).unwrap();
    setup
        .http()
        .server("shutdown_grace: 0s")
        .server("limits: { sessions_per_ip: 1000 }")
        .server("control: '{folder}/control.sock'")
}

const DISK: &str = "{ kind: local, root: '{folder}/files' }";
const SPOOL_ON_DISK: &str = "'{folder}/events'";

#[test]
fn files_on_disk_spool_on_disk() {
    kill_and_compare(|url| setup(DISK, SPOOL_ON_DISK, url), 8);
}

#[test]
fn files_in_bucket_spool_on_disk() {
    kill_and_compare(|url| setup(&S3::SeaweedFs.backend(), SPOOL_ON_DISK, url), 4);
}

/// The spool has a backend of its own, as no user may reach it.
const SPOOL_IN_BUCKET: &str = "{ backend: spool, path: .wharf/events }";

/// Files, and a spool in a bucket that nobody else uses.
fn spool_in_bucket(files: &str, url: &str) -> Setup {
    setup(&format!("{files}\n  spool: {}", S3::SeaweedFs.backend()), SPOOL_IN_BUCKET, url)
}

#[test]
fn files_on_disk_spool_in_bucket() {
    kill_and_compare(|url| spool_in_bucket(DISK, url), 2);
}

#[test]
fn files_in_bucket_spool_in_bucket() {
    kill_and_compare(|url| spool_in_bucket(&S3::SeaweedFs.backend(), url), 2);
}
