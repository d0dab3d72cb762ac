//! A directory of more and more entries.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use super::figures::{Figures, Shape};
use super::{Bench, MEBIBYTE, start};
use crate::limits::watch::watched;
use crate::problem::{Doing, Problem, Result};
use crate::progress;
use crate::rows::count;

const VERBS: [&str; 3] = ["LIST", "NLST", "MLSD"];
const DIRECTORY: &str = "growth-many";
/// Short listings are repeated, and the quickest counts.
const REPEATED: usize = 5;
const REPEATED_TO: usize = 10_000;

pub fn measure(bench: &mut Bench<'_>) -> Result<Figures> {
    let mut figures = Figures::new("entries", &VERBS)
        .growing("time, ms", Shape::Linear, 0.0)
        .growing("time to the first line, ms", Shape::Flat, 5.0)
        .growing("peak memory above idle, MiB", Shape::Flat, 4.0);
    let folder = bench.place.data().join(DIRECTORY);
    for number in bench.sizes.entries {
        let name = format!("a directory of {}", count(*number));
        let made = bench.point(&name, |bench| make(&folder, *number, bench.until()));
        for (line, verb) in VERBS.iter().enumerate().filter(|_| made.is_some()) {
            let name = format!("{verb} of {} entries", count(*number));
            if let Some(values) = bench.point(&name, |bench| point(bench, verb, *number)) {
                progress(&format!("{name}: {values:.3?}"));
                figures.add(line, *number as f64, count(*number), values);
            }
        }
        fs::remove_dir_all(&folder).doing(|| format!("removing {}", folder.display()))?;
    }
    Ok(figures)
}

fn make(folder: &Path, number: usize, until: Instant) -> Result<()> {
    let doing = || format!("making files in {}", folder.display());
    fs::create_dir(folder).doing(doing)?;
    for one in 0..number {
        File::create(folder.join(format!("measurement-{one:07}.csv"))).doing(doing)?;
        if one % 1_000 == 0 && Instant::now() > until {
            return Err(Problem::new(format!("{}: the time was over after {}", doing(), count(one))));
        }
    }
    Ok(())
}

fn point(bench: &mut Bench<'_>, verb: &str, number: usize) -> Result<Vec<f64>> {
    let server = start::plain(bench)?;
    let mut session = server.login(bench.until())?;
    session.command(&format!("CWD {DIRECTORY}"), &[250])?;
    bench.settle();
    let idle = server.resident();
    let repeated = if number <= REPEATED_TO { REPEATED } else { 1 };
    let (mut whole, mut begin) = (Duration::MAX, Duration::MAX);
    let (listed, memory) = watched(&server, || {
        for _ in 0..repeated {
            let (mut lines, mut first) = (0, None);
            let start = Instant::now();
            session.fetch(verb, "", &mut |part| {
                lines += part.iter().filter(|byte| **byte == b'\n').count();
                if lines > 0 {
                    first.get_or_insert_with(|| start.elapsed());
                }
            })?;
            whole = whole.min(start.elapsed());
            begin = begin.min(first.unwrap_or(Duration::MAX));
            // LIST has none of the directory itself, MLSD may have one of it and one of the directory above.
            if lines < number || lines > number + 2 {
                return Err(Problem::new(format!("{} lines came, not {}", count(lines), count(number))));
            }
        }
        Ok(())
    })?;
    listed.map_err(|problem| start::with_last_words(problem, &server))?;
    let above = memory.most().saturating_sub(idle) as f64 / MEBIBYTE;
    Ok(vec![whole.as_secs_f64() * 1000.0, begin.as_secs_f64() * 1000.0, above])
}
