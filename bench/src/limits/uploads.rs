//! Very many uploads at once, half of them by slow clients.

use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::entries::Entries;
use super::table::Table;
use super::watch::watched;
use super::{Bench, Limit, MEBIBYTE, Verb, with_last_words};
use crate::client::Session;
use crate::measure::{log_in, megabytes, on_threads};
use crate::object::start_wharf;
use crate::place::small_name;
use crate::problem::{Problem, Result};
use crate::progress;
use crate::rows::{bytes, count};
use crate::servers::Server;
use crate::sizes::Limits;

/// The default of `server.limits.buffer_memory`, and what the server may take beside it, in MiB.
const BUFFER_MEMORY: f64 = 256.0;
const BESIDE: f64 = 128.0;

/// The directory for uploads when memory is full. Without it, the slow clients of this table wait for each other: each part has
/// to be gathered in memory, and there is room for fifty.
const SPILL: &str = "spill";

const BUCKET: &str = "uploads";
const DIRECTORY: &str = "up";

/// The bytes that a client sends at a time; a slow one sends few.
const BLOCK: usize = 64 << 10;
const SLOW_BLOCK: usize = 16 << 10;

/// A client waits as long as the server does before it gives up (`server.idle_timeout`).
const PATIENCE: Duration = Duration::from_secs(300);

/// The space that the store leaves free, and the space that it needs beside the content of the files.
const ROOM_BESIDE: u64 = 2 << 30;

/// How one upload went.
struct Upload {
    slow: bool,
    took: Duration,
    /// The longest time in which the server took nothing and said nothing.
    wait: Duration,
    outcome: Result<()>,
}

pub fn measure(bench: &mut Bench<'_>, table: &mut Table) -> Result<()> {
    let Limits { uploads, upload, .. } = bench.options.sizes.limits;
    let (needed, free) = (uploads as u64 * upload + ROOM_BESIDE, bench.place.free_space()?);
    if free < needed {
        return Err(Problem::new(format!(
            "{:.1} GiB of disk are needed in {}, and {:.1} GiB are free",
            gibibytes(needed),
            bench.options.folder.display(),
            gibibytes(free)
        )));
    }
    bench.store.make_bucket(BUCKET)?;
    let measured = in_bucket(bench, table);
    bench.store.remove_bucket(BUCKET)?;
    measured
}

fn in_bucket(bench: &mut Bench<'_>, table: &mut Table) -> Result<()> {
    let sizes = &bench.options.sizes;
    let Limits { uploads: number, upload: size, within, .. } = sizes.limits;
    let until = Instant::now() + within;
    let spill = bench.place.folder_of(SPILL)?;
    // More sessions than the defaults allow one address.
    let settings = format!(
        "  limits: {{ sessions: 20000, sessions_per_ip: 20000, spill_directory: \"{}\" }}\n",
        spill.display()
    );
    let server = start_wharf(&bench.options.tools, bench.place, &bench.store, BUCKET, &settings)?
        .with_patient_clients(PATIENCE);
    server.login(until)?.command(&format!("MKD {DIRECTORY}"), &[257])?;
    let sessions = log_in(&server, number, sizes.login_connections, until)?;
    let sessions: Vec<Mutex<Option<Session>>> =
        sessions.into_iter().map(|session| Mutex::new(Some(session))).collect();
    bench.settle();
    progress(&format!("{} uploads of {} begin", count(number), bytes(size)));
    let start = Instant::now();
    let (uploads, memory) = watched(&server, || {
        on_threads(number, |one| {
            let mut session = sessions[one].lock().map_err(|_| Problem::new("a session was lost"))?;
            let session = session.take().ok_or_else(|| Problem::new("a session was lost"))?;
            Ok(upload(session, one, size, &bench.block, &sizes.limits))
        })
    })?;
    let uploads = uploads.map_err(|problem| with_last_words(problem, &server))?;
    let took = start.elapsed().as_secs_f64();

    let answered = uploads.iter().filter(|upload| upload.outcome.is_ok()).count();
    let stored = stored(&server, number, size)?;
    let right = stored.right();
    let peak = memory.most() as f64 / MEBIBYTE;
    let what = format!("{} uploads of {} at once", count(number), bytes(size));
    table.all(format!("{what}: answered with 226"), answered, number);
    table.all(format!("{what}: whole in the store"), right, number);
    table.at_most("peak memory, MiB", peak, BUFFER_MEMORY + BESIDE);
    table.told("time until the last reply, s", took);
    table.told("all uploads, MB/s", megabytes(number as u64 * size) / took);
    for (slow, which) in [(false, "quick"), (true, "slow")] {
        let longest = uploads.iter().filter(|upload| upload.slow == slow).map(|upload| upload.took).max();
        table.told(format!("the last {which} upload, s"), longest.unwrap_or_default().as_secs_f64());
    }
    let wait = uploads.iter().map(|upload| upload.wait).max().unwrap_or_default();
    table.told("the longest time that a client waited to go on, s", wait.as_secs_f64());
    progress(&format!(
        "{}: {answered} answered, {right} whole, {peak:.1} MiB, {took:.1} s, the longest wait {:.1} s; {}",
        Limit::Uploads.id(),
        wait.as_secs_f64(),
        memory.describe()
    ));
    let wrong: Vec<String> = reasons(&uploads).into_iter().chain(stored.wrong()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(with_last_words(Problem::new(wrong.join("; ")), &server))
}

/// One upload; every second client is slow. The session ends with it: what a client leaves behind that gives up must not be
/// taken for the end of a file.
fn upload(mut session: Session, number: usize, size: u64, block: &[u8], limits: &Limits) -> Upload {
    let slow = number % 2 == 1;
    let block = &block[..if slow { SLOW_BLOCK } else { BLOCK }];
    let blocks = u32::try_from(size.div_ceil(block.len() as u64)).unwrap_or(u32::MAX);
    // The waits for the server come on top, as on a slow line.
    let pause = if slow { limits.slow / blocks } else { Duration::ZERO };
    let start = Instant::now();
    let (mut wait, mut since) = (Duration::ZERO, start);
    let path = format!("{DIRECTORY}/{}", small_name(number));
    let outcome = session.store_in_steps(&path, block, size, &mut || {
        wait = wait.max(since.elapsed());
        sleep(pause);
        since = Instant::now();
    });
    Upload { slow, took: start.elapsed(), wait: wait.max(since.elapsed()), outcome }
}

/// The files, as a listing shows them.
fn stored(server: &Server, number: usize, size: u64) -> Result<Entries> {
    let mut session = server.login(Instant::now() + PATIENCE)?;
    let mut entries = Entries::new(Verb::Mlsd, number, size);
    session.fetch(Verb::Mlsd.name(), DIRECTORY, &mut |part| entries.take(part))?;
    Ok(entries)
}

/// Why uploads failed: how many there were, and the first.
fn reasons(uploads: &[Upload]) -> Option<String> {
    let mut failures = uploads.iter().filter_map(|upload| upload.outcome.as_ref().err());
    let first = failures.next()?;
    Some(format!("{} uploads failed; the first: {first}", failures.count() + 1))
}

fn gibibytes(size: u64) -> f64 {
    size as f64 / f64::from(1 << 30)
}

#[cfg(test)]
#[path = "uploads_tests.rs"]
mod tests;
