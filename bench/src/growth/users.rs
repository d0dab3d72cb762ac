//! More and more users in the configuration.

use std::time::Instant;

use super::figures::{Figures, Shape};
use super::start::{self, Users};
use super::{Bench, MEBIBYTE};
use crate::measure::resting;
use crate::problem::Result;
use crate::progress;
use crate::rows::count;

/// A server is started so often, and the quickest start counts.
const STARTS: usize = 3;
/// Of so many logins the median counts.
const LOGINS: usize = 200;

const LINES: [&str; 2] = ["in the configuration file", "in files of their own"];
const WAYS: [fn(usize) -> Users; 2] = [Users::Within, Users::Apart];

pub fn measure(bench: &mut Bench<'_>) -> Result<Figures> {
    let mut figures = Figures::new("users", &LINES)
        // The server starts threads and limits itself, too.
        .growing("start until it answers, ms", Shape::Linear, 30.0)
        .growing("memory of the idle server, MiB", Shape::Linear, 0.0)
        .growing("a login with a plain password, µs", Shape::Flat, 50.0);
    for (line, way) in WAYS.into_iter().enumerate() {
        for number in bench.sizes.users {
            let name = format!("{} users {}", count(*number), LINES[line]);
            let values = bench.point(&name, |bench| point(bench, &name, way(*number))).flatten();
            if let Some(values) = values {
                progress(&format!("{name}: {values:.3?}"));
                figures.add(line, *number as f64, count(*number), values);
            }
        }
    }
    bench.notes.push(
        "It answers when it has logged one in and delivered 64 KiB; the user who logs in is the last one."
            .to_owned(),
    );
    Ok(figures)
}

/// None if Wharf does not take so many.
fn point(bench: &mut Bench<'_>, name: &str, users: Users) -> Result<Option<Vec<f64>>> {
    let prepared = start::prepare(bench, users, None)?;
    if let Some(why) = prepared.refused(bench)? {
        let note = format!("{name} are left out, because Wharf refuses them: {why}.");
        progress(&note);
        bench.notes.push(note);
        return Ok(None);
    }
    bench.settle();
    let (mut quickest, mut running) = (f64::INFINITY, None);
    for _ in 0..STARTS {
        // One after the other: they have the same port.
        drop(running.take());
        let start = Instant::now();
        running = Some(prepared.start(bench)?);
        quickest = quickest.min(start.elapsed().as_secs_f64() * 1000.0);
    }
    let Some(server) = running else { return Ok(None) };
    let memory = resting(&server) as f64 / MEBIBYTE;
    let until = bench.until();
    let mut logins = Vec::with_capacity(LOGINS);
    for _ in 0..LOGINS {
        let mut session = server.connect(until)?;
        let start = Instant::now();
        server.log_in(&mut session)?;
        logins.push(start.elapsed().as_secs_f64() * 1e6);
        session.quit()?;
    }
    logins.sort_by(f64::total_cmp);
    Ok(Some(vec![quickest, memory, logins[LOGINS / 2]]))
}
