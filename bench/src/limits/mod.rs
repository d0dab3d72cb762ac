//! The table of limits: what Wharf's memory may be with very many uploads at once and with a very large directory.

mod entries;
pub mod keys;
mod limit;
mod listing;
mod table;
mod uploads;
pub mod watch;

use std::time::{Duration, Instant};

pub use self::limit::Limit;
use self::table::Table;
use crate::object::{Front, Store, store};
use crate::options::Options;
use crate::place::{Place, block};
use crate::problem::{Problem, Result};
use crate::process::settle;
use crate::servers::{Kind, Server};
use crate::{progress, report};

/// In KiB, the unit in which the system reports memory.
const MEBIBYTE: f64 = 1024.0;

/// How a directory is listed.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Mlsd,
    List,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Mlsd => "MLSD",
            Self::List => "LIST",
        }
    }
}

struct Bench<'a> {
    options: &'a Options,
    place: &'a Place,
    store: Store,
    /// The content of uploads, repeated.
    block: Vec<u8>,
    notes: Vec<String>,
    busy: u32,
    measured: u32,
}

impl Bench<'_> {
    fn row(&mut self, limit: Limit, table: &mut Table) -> Result<()> {
        match limit {
            Limit::Uploads => uploads::measure(self, table),
            Limit::Listing => listing::measure(self, table),
        }
    }

    /// The machine does nothing else when the clock starts.
    fn settle(&mut self) {
        self.measured += 1;
        if !settle(Duration::from_secs(if self.options.quick { 1 } else { 4 })) {
            self.busy += 1;
        }
    }
}

/// Measures; what is to be printed, and whether every limit was kept.
pub fn run(options: &Options, place: &Place) -> Result<(String, bool)> {
    let begin = Instant::now();
    store::missing(&options.tools)?;
    let wharf = Kind::WharfNative;
    if let Some(why) = wharf.missing(&options.tools, place)? {
        return Err(Problem::new(why));
    }
    progress("starting the object store");
    // Files of one byte are kept without a place in a volume, which would take most of the time.
    let inline = ["-filer.saveToFilerLimit=64"];
    let store = Store::start(&options.tools, &place.folder_of("store")?, &inline, options.sizes.limit)?;
    let block = block(1 << 20);
    let mut bench = Bench { options, place, store, block, notes: Vec::new(), busy: 0, measured: 0 };

    let mut table = Table::default();
    for limit in &options.limits {
        if let Err(problem) = bench.row(*limit, &mut table) {
            progress(&format!("{}: {problem}", limit.id()));
            table.fail(*limit, &problem.to_string());
        }
    }
    let mut lines = vec![String::new(), table.markdown()];
    lines.extend(report::quick(options));
    lines.push(String::new());
    let version = wharf.version(&options.tools, place)?;
    lines.push(format!(
        "- {} (`{version}`): {}, limits of sessions raised.",
        Front::Wharf.heading(),
        Front::Wharf.note()
    ));
    lines.push(format!("- The store: `{}`.", store::version(&options.tools)?));
    lines.extend(bench.notes.iter().map(|note| format!("- {note}")));
    lines.extend(report::circumstances(bench.busy, bench.measured, begin.elapsed()));
    lines.extend(report::failures(table.failures()));
    Ok((lines.join("\n"), table.is_well()))
}

fn with_last_words(problem: Problem, server: &Server) -> Problem {
    match server.last_words() {
        words if words.is_empty() => problem,
        words => Problem::new(format!("{problem} (the server's log ends with: {words})")),
    }
}
