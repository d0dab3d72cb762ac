//! The table of a store far away: the same servers as in the table of object stores, and a line with a delay and a bandwidth
//! between them and the store.

mod lftp;
mod measure;
mod trip;

use std::fs;
use std::time::{Duration, Instant};

use rustix::fs::syncfs;

pub use self::trip::Trip;

use self::lftp::Lftp;
use self::measure::{End, Sources, Task, bucket, fill};
use crate::object::{Figures, Front, Job, Store, Table, UPLOADS, present, store};
use crate::options::Options;
use crate::place::{Place, block};
use crate::problem::{Doing, Problem, Result};
use crate::process::settle;
use crate::servers::Server;
use crate::standing::{self, Standing};
use crate::table::rounded;
use crate::{progress, report};

/// Measures; what is to be printed, whether all could be measured, and how Wharf stands to its peers.
pub fn run(options: &Options, place: &Place) -> Result<(String, bool, Vec<Standing>)> {
    let begin = Instant::now();
    store::missing(&options.tools)?;
    let (fronts, mut left_out) = present(options, place)?;
    let lftp = Lftp::find(&options.tools);
    let mut trips = options.trips.clone();
    if lftp.is_none() && trips.iter().any(|trip| trip.is_mirror()) {
        trips.retain(|trip| !trip.is_mirror());
        left_out.push(
            "The mirrors are left out: there is no lftp; `scripts/install-bench-tools` gets it.".to_owned(),
        );
    }
    progress("starting the object store and filling it");
    let block = block(1 << 20);
    let (folder, distance) = (place.folder_of("store")?, options.distance);
    // Keys of one byte are kept without a place in a volume: filling a large directory would take most of the time.
    let inline = ["-filer.saveToFilerLimit=64"];
    let store = Store::start(&options.tools, &folder, &inline, options.sizes.far.limit)?.behind(distance)?;
    let sources = fill(&store, &trips, &options.sizes, &place.folder_of("sources")?, &block)?;
    let mut bench = Bench { options, place, store, sources, lftp, block, busy: 0, measured: 0 };

    let mut table = Table::new();
    for trip in &trips {
        bench.row(*trip, &fronts, &mut table);
    }
    let mut lines = vec![
        String::new(),
        table.markdown(&trips, &fronts, &options.sizes),
        format!(
            "{} Of memory and requests the highest. The last columns say how many times as good Wharf is, also where \
             less is better.",
            report::rounds(options)
        ),
    ];
    lines.extend(report::quick(options));
    lines.push(String::new());
    lines.push(format!(
        "- The line to the store: {} ms each way, {} MB/s each way for each connection. So one connection moves {} \
         MB/s at most, and a request that waits for its answer takes {} ms at least.",
        rounded(distance.delay.as_secs_f64() * 1e3),
        rounded(distance.bandwidth as f64 / 1e6),
        rounded(distance.bandwidth as f64 / 1e6),
        rounded(distance.delay.as_secs_f64() * 2e3),
    ));
    for front in &fronts {
        let version = front.version(&options.tools, place)?;
        lines.push(format!("- {} (`{version}`): {}.", front.heading(), front.note()));
    }
    lines.push(format!("- The store: `{}`.", store::version(&options.tools)?));
    if let Some(lftp) = bench.lftp.as_ref().filter(|_| trips.iter().any(|trip| trip.is_mirror())) {
        lines.push(format!("- The client of the mirrors: `{}`, with its defaults.", lftp.version()?));
    }
    lines.extend(left_out.iter().map(|line| format!("- {line}")));
    lines.extend(table.remarks().iter().map(|line| format!("- {line}")));
    lines.extend(report::circumstances(bench.busy, bench.measured, begin.elapsed()));
    let standings = table.standings(&trips, &options.sizes, place.ground()?);
    lines.extend(standing::lines(&standings));
    lines.extend(report::failures(table.failures()));
    Ok((lines.join("\n"), table.failures().is_empty(), standings))
}

struct Bench<'a> {
    options: &'a Options,
    place: &'a Place,
    store: Store,
    sources: Sources,
    lftp: Option<Lftp>,
    block: Vec<u8>,
    busy: u32,
    measured: u32,
}

impl Bench<'_> {
    /// Measures all fronts in turn, again and again, as in the other tables.
    fn row(&mut self, trip: Trip, fronts: &[Front], table: &mut Table<Trip>) {
        let mut fronts: Vec<_> =
            fronts.iter().copied().filter(|front| trip.suits_curl() || *front != Front::Curl).collect();
        let (sizes, limit) = (&self.options.sizes, self.options.sizes.far.limit.as_secs_f64());
        for round in 1..=sizes.rounds {
            // Whoever refuses, or takes too long, does so again.
            fronts.retain(|front| {
                let what = format!("{} {round} {}", trip.id(), front.id());
                match self.once(trip, *front) {
                    Ok(End::Done(figures)) => {
                        table.add(trip, *front, figures);
                        let Figures { speed, memory, requests, .. } = figures;
                        let memory = memory.map_or("-".to_owned(), |memory| format!("{memory:.1} MiB"));
                        progress(&format!("{what}: {speed:.2} ({memory}; {requests:.2} requests)"));
                        return true;
                    }
                    Ok(End::Refused(words)) if *front != Front::Wharf => {
                        table.refuse(trip, *front, &words);
                        progress(&format!("{what}: refused: {words}"));
                    }
                    Ok(End::Late) if *front != Front::Wharf => {
                        table.late(trip, *front, trip.speed(sizes, limit), limit);
                        progress(&format!("{what}: not done after {limit} s"));
                    }
                    Ok(End::Refused(words)) => {
                        table.fail(trip, *front, round, &words);
                        progress(&format!("{what}: {words}"));
                    }
                    Ok(End::Late) => {
                        table.fail(trip, *front, round, &format!("not done after {limit} s"));
                        progress(&format!("{what}: not done after {limit} s"));
                    }
                    Err(problem) => {
                        table.fail(trip, *front, round, &problem.to_string());
                        progress(&format!("{what}: {problem}"));
                        return true;
                    }
                }
                false
            });
        }
    }

    /// A server that was just started, in front of a bucket that nobody used since it was filled, or of a new one.
    fn once(&mut self, trip: Trip, front: Front) -> Result<End> {
        if trip.changes() {
            self.store.make_bucket(UPLOADS)?;
        }
        let measured = self.in_bucket(trip, front);
        if trip.changes() {
            self.store.remove_bucket(UPLOADS)?;
        }
        measured
    }

    fn in_bucket(&mut self, trip: Trip, front: Front) -> Result<End> {
        let task = Task {
            trip,
            store: &self.store,
            sizes: &self.options.sizes,
            sources: &self.sources,
            lftp: self.lftp.as_ref(),
            block: &self.block,
        };
        task.prepare()?;
        let server = front.start(&self.options.tools, self.place, &self.store, bucket(trip))?;
        let server = server.map(|server| server.with_patient_clients(self.options.sizes.far.limit));
        let disk = || "waiting for the disk".to_owned();
        syncfs(fs::File::open(self.place.data()).doing(disk)?).doing(disk)?;
        self.measured += 1;
        if !settle(Duration::from_secs(if self.options.quick { 1 } else { 4 })) {
            self.busy += 1;
        }
        task.measure(server.as_ref()).map_err(|problem| with_last_words(problem, server.as_ref()))
    }
}

fn with_last_words(problem: Problem, server: Option<&Server>) -> Problem {
    match server.map(Server::last_words) {
        Some(words) if !words.is_empty() => {
            Problem::new(format!("{problem} (the server's log ends with: {words})"))
        }
        _ => problem,
    }
}
