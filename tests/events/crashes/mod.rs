//! `kill -9` at random moments, under clients that store, remove and rename: what is stored in the end, and what clients were
//! told, is compared with the events.
//!
//! The names of the tests say where the files are and where the spool is. `WHARF_TEST_KILL_ROUNDS` says how often the server is
//! killed; `scripts/kill-rounds` has it done many times.

mod clients;
mod ledger;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use self::clients::{CLIENTS, Deed, work};
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

/// One life of the server: says what its clients were told.
fn one_life(setup: &Setup, round: usize, random: &mut Random, settled: &mut Vec<String>) -> Vec<Deed> {
    let mut server = setup.start();
    // A start does not wait for a slow bucket, and refuses changes meanwhile.
    wait_until("changes are accepted", || metric(&server, "wharf_events_spool_usable") == Some(1.0));
    let (done, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (address, first) = (server.address, random.below(6));
    // Sometimes while it asks what became of the changes before, or delivers what waits.
    let moment = random.below(8).min(1) * random.below(60);
    let spins = random.below(100_000);
    let told = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (done, over) = (&done, &over);
                let prefix = format!("r{round}-c{client}");
                scope.spawn(move || work(address, &prefix, first + client, done, over))
            })
            .collect();
        wait_until("clients have stored something", || {
            std::thread::sleep(Duration::from_micros(200));
            done.load(Ordering::Relaxed) >= moment
        });
        (0..spins).for_each(|_| std::hint::spin_loop());
        server.kill();
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    settled.extend(lines_of_recovery(&server));
    told
}

/// Kills the server again and again, and compares.
fn kill_and_compare(setup: impl Fn(&str) -> Setup, usual: usize) {
    let rounds = std::env::var("WHARF_TEST_KILL_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap());
    let ledger = Arc::new(Ledger::default());
    let receiver = {
        let ledger = Arc::clone(&ledger);
        Receiver::forgetful(move |got, before| ledger.take(got, before))
    };
    let setup = setup(&receiver.url());
    let (mut random, mut deeds, mut settled) = (Random::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    for round in 0..rounds {
        ledger.feels(Mood::ALL[random.below(Mood::ALL.len())]);
        deeds.extend(one_life(&setup, round, &mut random, &mut settled));
        if round % 50 == 49 {
            eprintln!("{} of {rounds} rounds in {:.0?}", round + 1, began.elapsed());
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
    settled.extend(lines_of_recovery(&server));
    settled.extend(ask(&setup, &["list", "--waiting"]).1.lines().map(str::to_owned));
    let summary = ledger.compare(&stored, &deeds, &settled);
    let dead = ledger.dead();
    assert_eq!(metric(&server, "wharf_events_dead{receiver=\"hook\"}"), Some(dead.into()), "dead letters");
    eprintln!("{rounds} rounds in {took:.0?}: {summary}, {} changes were cut off", settled.len());
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
    let bucket = S3::SeaweedFs.backend();
    kill_and_compare(|url| setup(&bucket, SPOOL_ON_DISK, url), 4);
}

/// The spool has a backend of its own, as no user may reach it.
const SPOOL_IN_BUCKET: &str = "{ backend: spool, path: .wharf/events }";

#[test]
fn files_on_disk_spool_in_bucket() {
    let backends = format!("{DISK}\n  spool: {}", S3::SeaweedFs.backend());
    kill_and_compare(|url| setup(&backends, SPOOL_IN_BUCKET, url), 2);
}

#[test]
fn files_in_bucket_spool_in_bucket() {
    let backends = format!("{}\n  spool: {}", S3::SeaweedFs.backend(), S3::SeaweedFs.backend());
    kill_and_compare(|url| setup(&backends, SPOOL_IN_BUCKET, url), 2);
}
