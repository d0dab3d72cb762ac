//! The table of growth: what Wharf costs with ten times as many sessions, entries, users, or bytes.

mod bucket;
mod chart;
mod directory;
mod figures;
mod file;
mod idle;
mod scale;
mod series;
mod sizes;
mod start;
mod transfers;
mod users;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use self::figures::Figures;
pub use self::series::Series;
use self::sizes::Sizes;
use crate::options::Options;
use crate::place::{PROBE, Place, block};
use crate::problem::{Doing, Problem, Result};
use crate::process::settle;
use crate::rows::count;
use crate::servers::Kind;
use crate::{progress, report};

/// In KiB, the unit in which the system reports memory.
const MEBIBYTE: f64 = 1024.0;

/// The open files of a server or a client beside those of sessions.
const FILES_BESIDE: usize = 500;

struct Bench<'a> {
    options: &'a Options,
    place: &'a Place,
    sizes: Sizes,
    /// The content of uploads, repeated.
    block: Vec<u8>,
    /// What a reader has to know of the series at hand.
    notes: Vec<String>,
    failures: Vec<String>,
    busy: u32,
    measured: u32,
}

impl Bench<'_> {
    fn series(&mut self, series: Series) -> Result<Figures> {
        match series {
            Series::Sessions => idle::measure(self),
            Series::Transfers => transfers::measure(self),
            Series::Directory => directory::measure(self),
            Series::File => file::measure(self),
            Series::Users => users::measure(self),
            Series::Bucket => bucket::measure(self),
        }
    }

    /// One point of a series; if it fails, the others are measured all the same.
    fn point<T>(&mut self, what: &str, measure: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        match measure(self) {
            Ok(value) => Some(value),
            Err(problem) => {
                progress(&format!("{what}: {problem}"));
                self.failures.push(format!("{what}: {problem}"));
                None
            }
        }
    }

    /// The points that the limit of open files permits, if each of what is counted takes so many; a note about the others.
    fn permitted(&mut self, points: &[usize], each: usize, what: &str) -> Vec<usize> {
        let limit = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize);
        let (within, beyond): (Vec<usize>, Vec<usize>) =
            points.iter().partition(|count| *count * each + FILES_BESIDE <= limit);
        if let Some(least) = beyond.first() {
            self.notes.push(format!(
                "{} {what} and more are left out: a process may have {} files open here (ulimit -Hn).",
                count(*least),
                count(limit)
            ));
        }
        within
    }

    /// The machine does nothing else when the clock starts.
    fn settle(&mut self) {
        self.measured += 1;
        if !settle(Duration::from_secs(if self.options.quick { 1 } else { 4 })) {
            self.busy += 1;
        }
    }

    /// When a measurement that begins now has to be over.
    fn until(&self) -> Instant {
        Instant::now() + self.sizes.within
    }

    /// Bytes that the disk must have room for.
    fn needs_room(&self, needed: u64) -> Result<()> {
        let free = self.place.free_space()?;
        if free >= needed {
            return Ok(());
        }
        let gibibytes = |size: u64| size as f64 / f64::from(1 << 30);
        Err(Problem::new(format!(
            "{:.1} GiB of disk are needed, and {:.1} GiB are free",
            gibibytes(needed),
            gibibytes(free)
        )))
    }
}

/// Measures; what is to be printed, and whether all could be measured. Growth that is not as it should be is a sentence.
pub fn run(options: &Options, place: &Place) -> Result<(String, bool)> {
    let begin = Instant::now();
    let wharf = Kind::WharfNative;
    if let Some(why) = wharf.missing(&options.tools, place)? {
        return Err(Problem::new(why));
    }
    fill(place)?;
    fs::create_dir_all(&options.pictures).doing(|| format!("creating {}", options.pictures.display()))?;
    let mut bench = Bench {
        options,
        place,
        sizes: if options.quick { Sizes::QUICK } else { Sizes::FULL },
        block: block(1 << 20),
        notes: Vec::new(),
        failures: Vec::new(),
        busy: 0,
        measured: 0,
    };
    let mut lines = Vec::new();
    for series in &options.growth {
        progress(series.title());
        let figures = bench.series(*series);
        let notes = std::mem::take(&mut bench.notes);
        match figures {
            Ok(figures) if !figures.is_empty() => {
                lines.extend([String::new(), format!("### {}", series.title()), figures.markdown()]);
                lines.push(format!("The picture: `{}`.\n", draw(*series, &figures, options)?.display()));
                lines.extend(figures.sentences().iter().map(|sentence| format!("- {sentence}")));
                lines.extend(notes.iter().map(|note| format!("- {note}")));
            }
            Ok(_) => {}
            Err(problem) => {
                progress(&format!("{}: {problem}", series.id()));
                bench.failures.push(format!("{}: {problem}", series.id()));
            }
        }
    }
    lines.push(String::new());
    lines.extend(report::quick(options));
    lines.push(String::new());
    let version = wharf.version(&options.tools, place)?;
    lines.push(format!(
        "- Wharf (`{version}`): engine `native`, limits of sessions raised, disks with `sync: false`."
    ));
    if let Some(place) = &options.place {
        lines.push(format!("- The files lay in `{}`.", place.display()));
    }
    lines.extend(report::circumstances(bench.busy, bench.measured, begin.elapsed()));
    lines.extend(report::failures(&bench.failures));
    Ok((lines.join("\n"), bench.failures.is_empty()))
}

/// The file that servers are tried with, and the directory for uploads.
fn fill(place: &Place) -> Result<()> {
    let data = place.data();
    fs::create_dir_all(data.join("up"))
        .and_then(|()| fs::write(data.join("probe"), block(PROBE)))
        .doing(|| format!("writing files to {}", data.display()))
}

fn draw(series: Series, figures: &Figures, options: &Options) -> Result<PathBuf> {
    let path = options.pictures.join(format!("{}.svg", series.id()));
    fs::write(&path, figures.picture(series.title())).doing(|| format!("writing {}", path.display()))?;
    Ok(path)
}
