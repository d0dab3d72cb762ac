//! Sessions that have logged in and do nothing.

use std::thread::sleep;

use super::figures::{Figures, Shape};
use super::{Bench, MEBIBYTE, start};
use crate::measure::{log_in, resting};
use crate::problem::{Problem, Result};
use crate::progress;
use crate::rows::count;

/// As many log in at once.
const THREADS: usize = 8;

pub fn measure(bench: &mut Bench<'_>) -> Result<Figures> {
    let mut figures = Figures::new("sessions", &[""])
        .growing("memory of the server, MiB", Shape::Linear, 0.0)
        .growing("memory of each session, KiB", Shape::Flat, 1.0)
        // One that comes and goes is within a second.
        .growing("processor time in an idle hour, s", Shape::Linear, 1.0)
        .counted("open files");
    for number in bench.permitted(bench.sizes.sessions, 1, "sessions") {
        let name = format!("{} idle sessions", count(number));
        if let Some(values) = bench.point(&name, |bench| point(bench, number)) {
            progress(&format!("{name}: {values:.2?}"));
            figures.add(0, number as f64, count(number), values);
        }
    }
    let seconds = bench.sizes.idle.as_secs();
    bench.notes.push(format!("The processor time was measured for {seconds} s and scaled to an hour."));
    Ok(figures)
}

fn point(bench: &mut Bench<'_>, number: usize) -> Result<Vec<f64>> {
    let server = start::plain(bench)?;
    bench.settle();
    let before = resting(&server);
    let until = bench.until();
    let sessions = log_in(&server, number, THREADS.min(number), until)
        .map_err(|problem| start::with_last_words(problem, &server))?;
    let (with_sessions, files) = (resting(&server), server.open_files());
    let unknown = || Problem::new("the system does not tell the processor time of threads");
    let before_idle = server.thread_times().ok_or_else(unknown)?;
    sleep(bench.sizes.idle);
    let after_idle = server.thread_times().ok_or_else(unknown)?;
    // A thread that had nothing to do and ended meanwhile is missing at the end, with all that it ever did.
    let used: f64 = (after_idle.iter())
        .map(|(thread, time)| time - before_idle.get(thread).copied().unwrap_or_default())
        .sum();
    drop(sessions);
    let each = with_sessions.saturating_sub(before) as f64 / number as f64;
    let hour = used / bench.sizes.idle.as_secs_f64() * 3600.0;
    Ok(vec![with_sessions as f64 / MEBIBYTE, each, hour, files as f64])
}
