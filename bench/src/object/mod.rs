//! The table of object stores: Wharf and rclone in front of one SeaweedFS, and curl without a server in between.

mod curl;
mod files;
mod front;
mod measure;
pub mod store;
mod table;
mod work;

use std::fs;
use std::time::{Duration, Instant};

use rustix::fs::syncfs;

pub use self::curl::Transfer;
pub use self::files::Files;
pub use self::front::{Front, start_wharf};
pub use self::measure::{FILES, Figures, Meter, Sessions, UPLOADS, expect_entries, listed, write_file};
pub use self::store::Store;
pub use self::table::Table;
pub use self::work::{Figure, Job, Target, Work};

use self::measure::{Sources, Task, bucket, fill};
use crate::options::Options;
use crate::place::{Place, block};
use crate::problem::{Doing, Problem, Result};
use crate::process::settle;
use crate::standing::{self, Standing};
use crate::{progress, report};

/// Measures; what is to be printed, whether all could be measured, and how Wharf stands to its peers.
pub fn run(options: &Options, place: &Place) -> Result<(String, bool, Vec<Standing>)> {
    let begin = Instant::now();
    store::missing(&options.tools)?;
    let (fronts, left_out) = present(options, place)?;
    progress("starting the object store and filling it");
    let block = block(1 << 20);
    let store = Store::start(&options.tools, &place.folder_of("store")?, &[], options.sizes.limit)?;
    let sources = fill(&store, &options.sizes, &place.folder_of("sources")?, &block)?;
    let mut bench = Bench { options, place, store, sources, block, busy: 0, measured: 0 };

    let mut table = Table::new();
    for work in &options.works {
        bench.row(*work, &fronts, &mut table);
    }
    let mut lines = vec![
        String::new(),
        table.markdown(&options.works, &fronts, &options.sizes),
        format!(
            "{} Of memory and requests the highest. How many times as good Wharf is stands in the last columns, with \
             what it is meant to be; above 1 is better, also where less is better.",
            report::rounds(options)
        ),
    ];
    lines.extend(report::quick(options));
    lines.push(String::new());
    for front in &fronts {
        let version = front.version(&options.tools, place)?;
        lines.push(format!("- {} (`{version}`): {}.", front.heading(), front.note()));
    }
    lines.push(format!("- The store: `{}`.", store::version(&options.tools)?));
    lines.extend(left_out.iter().map(|line| format!("- {line}")));
    lines.extend(report::circumstances(bench.busy, bench.measured, begin.elapsed()));
    let standings = table.standings(&options.works, &options.sizes, place.ground()?);
    lines.extend(standing::lines(&standings));
    lines.extend(report::failures(table.failures()));
    Ok((lines.join("\n"), table.failures().is_empty(), standings))
}

/// The fronts that can be measured here, and a sentence for each of the others.
pub fn present(options: &Options, place: &Place) -> Result<(Vec<Front>, Vec<String>)> {
    let mut fronts = Vec::new();
    let mut left_out = Vec::new();
    for front in &options.fronts {
        match front.server().map(|kind| kind.missing(&options.tools, place)).transpose()?.flatten() {
            Some(why) => left_out.push(format!("{} is left out: {why}", front.heading())),
            None => fronts.push(*front),
        }
    }
    if fronts.is_empty() {
        return Err(Problem::new("there is nothing to measure with an object store"));
    }
    Ok((fronts, left_out))
}

struct Bench<'a> {
    options: &'a Options,
    place: &'a Place,
    store: Store,
    sources: Sources,
    block: Vec<u8>,
    busy: u32,
    measured: u32,
}

impl Bench<'_> {
    /// Measures all fronts in turn, again and again, as in the other table.
    fn row(&mut self, work: Work, fronts: &[Front], table: &mut Table<Work>) {
        for round in 1..=self.options.sizes.rounds {
            for front in fronts.iter().copied() {
                let what = format!("{} {round} {}", work.id(), front.id());
                match self.once(work, front) {
                    Ok(figures) => {
                        table.add(work, front, figures);
                        let Figures { speed, server_time, store_time, memory, requests } = figures;
                        let memory = memory.map_or("-".to_owned(), |memory| format!("{memory:.1} MiB"));
                        progress(&format!(
                            "{what}: {speed:.2} (server {server_time:.2} s, store {store_time:.2} s of processor; \
                             {memory}; {requests:.2} requests)"
                        ));
                    }
                    Err(problem) => {
                        table.fail(work, front, round, &problem.to_string());
                        progress(&format!("{what}: {problem}"));
                    }
                }
            }
        }
    }

    /// A server that was just started, in front of a bucket that nobody used since it was filled, or of a new one.
    fn once(&mut self, work: Work, front: Front) -> Result<Figures> {
        if work.uploads() {
            self.store.make_bucket(UPLOADS)?;
        }
        let measured = self.in_bucket(work, front);
        if work.uploads() {
            self.store.remove_bucket(UPLOADS)?;
        }
        measured
    }

    fn in_bucket(&mut self, work: Work, front: Front) -> Result<Figures> {
        let server = front.start(&self.options.tools, self.place, &self.store, bucket(work))?;
        let disk = || "waiting for the disk".to_owned();
        syncfs(fs::File::open(self.place.data()).doing(disk)?).doing(disk)?;
        self.measured += 1;
        if !settle(Duration::from_secs(if self.options.quick { 1 } else { 4 })) {
            self.busy += 1;
        }
        let task = Task {
            work,
            store: &self.store,
            sizes: &self.options.sizes,
            sources: &self.sources,
            block: &self.block,
        };
        task.measure(server.as_ref()).map_err(|problem| match server.map(|server| server.last_words()) {
            Some(words) if !words.is_empty() => {
                Problem::new(format!("{problem} (the server's log ends with: {words})"))
            }
            _ => problem,
        })
    }
}
