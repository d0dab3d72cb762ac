//! One measurement: a row with one server that was just started.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Session;
use crate::place::small_name;
use crate::problem::{Doing, Problem, Result};
use crate::process::settle;
use crate::rows::Row;
use crate::servers::Server;
use crate::sizes::Sizes;

/// The size of one read or write.
pub const BUFFER: usize = 1 << 20;
/// A thread of the client needs little; there are many.
const STACK: usize = 256 << 10;

/// The figure of this row. `block` is what uploads are made of.
pub fn measure(row: Row, server: &Server, sizes: &Sizes, block: &[u8]) -> Result<f64> {
    let until = Instant::now() + sizes.limit;
    match row {
        Row::Retr | Row::RetrTls => download(server, sizes, until),
        Row::Stor | Row::StorSynced | Row::StorTls => {
            let mut session = server.login(until)?;
            let time = timed(|| session.store("up/big", block, sizes.big))?;
            Ok(megabytes(sizes.big) / time)
        }
        Row::Up | Row::UpSynced => small_files(server, sizes, until, "up", |session, name, _| {
            session.store(name, &block[..sizes.small], sizes.small as u64)
        }),
        Row::Down => small_files(server, sizes, until, "small", |session, name, buffer| {
            expect_size(name, session.retrieve(name, buffer)?, sizes.small as u64)
        }),
        Row::AppendSmall => appends(server, sizes, until, block, sizes.log),
        Row::AppendBig => appends(server, sizes, until, block, sizes.big),
        Row::Logins | Row::LoginsHashed | Row::LoginsRemembered => logins(server, sizes, until),
        Row::Sessions => sessions(server, sizes, block, until),
        Row::List => Ok(list(server, sizes, until)?.all),
        Row::ListFirst => Ok(list(server, sizes, until)?.first * 1000.0),
        Row::Idle => idle(server, sizes, until),
    }
}

fn download(server: &Server, sizes: &Sizes, until: Instant) -> Result<f64> {
    let mut session = server.login(until)?;
    let mut buffer = vec![0; BUFFER];
    let mut came = 0;
    let time = timed(|| {
        came = session.retrieve("big", &mut buffer)?;
        Ok(())
    })?;
    expect_size("big", came, sizes.big)?;
    Ok(megabytes(sizes.big) / time)
}

/// Files a second in one session.
fn small_files(
    server: &Server,
    sizes: &Sizes,
    until: Instant,
    folder: &str,
    mut transfer: impl FnMut(&mut Session, &str, &mut [u8]) -> Result<()>,
) -> Result<f64> {
    let mut session = server.login(until)?;
    session.command(&format!("CWD {folder}"), &[250])?;
    let mut buffer = vec![0; BUFFER];
    let time = timed(|| {
        (0..sizes.small_files).try_for_each(|number| transfer(&mut session, &small_name(number), &mut buffer))
    })?;
    Ok(sizes.small_files as f64 / time)
}

/// Appends a second, in one session, to one file that had this size before.
fn appends(server: &Server, sizes: &Sizes, until: Instant, block: &[u8], size: u64) -> Result<f64> {
    let mut session = server.login(until)?;
    let part = block.len().min(usize::try_from(size).unwrap_or(usize::MAX));
    session.store("up/log", &block[..part], size)?;
    let tail = &block[..sizes.tail];
    let time = timed(|| (0..sizes.tails).try_for_each(|_| session.append("up/log", tail)))?;
    let mut buffer = vec![0; BUFFER];
    let came = session.retrieve("up/log", &mut buffer)?;
    expect_size("up/log", came, size + (sizes.tails * sizes.tail) as u64)?;
    Ok(sizes.tails as f64 / time)
}

/// Several clients log in and out again and again for a while.
fn logins(server: &Server, sizes: &Sizes, until: Instant) -> Result<f64> {
    let start = Instant::now();
    let end = start + sizes.logins_for;
    let visits = on_threads(sizes.login_connections, |_| {
        let mut count = 0_u32;
        while Instant::now() < end {
            server.visit(until)?;
            count += 1;
        }
        Ok(count)
    })?;
    let time = start.elapsed().as_secs_f64();
    Ok(f64::from(visits.iter().sum::<u32>()) / time)
}

/// All log in first; then each uploads its files and downloads them again, all at once.
fn sessions(server: &Server, sizes: &Sizes, block: &[u8], until: Instant) -> Result<f64> {
    let block = &block[..sizes.session_file];
    let size = sizes.session_file as u64;
    let sessions: Vec<Mutex<Session>> =
        log_in(server, sizes.sessions, sizes.login_connections, until)?.into_iter().map(Mutex::new).collect();
    let time = timed(|| {
        on_threads(sessions.len(), |number| {
            let mut session = sessions[number].lock().map_err(|_| Problem::new("a session was lost"))?;
            let mut buffer = vec![0; BUFFER];
            for file in 0..sizes.session_files {
                let name = format!("up/session-{number}-{file}");
                session.store(&name, block, size)?;
                expect_size(&name, session.retrieve(&name, &mut buffer)?, size)?;
            }
            Ok(())
        })
        .map(drop)
    })?;
    let files = 2 * sizes.sessions as u64 * sizes.session_files as u64;
    Ok(megabytes(files * size) / time)
}

/// How long a listing takes, in seconds from before its data connection is asked for.
struct Listing {
    /// Until the first bytes.
    first: f64,
    /// Until the reply after the last ones.
    all: f64,
}

fn list(server: &Server, sizes: &Sizes, until: Instant) -> Result<Listing> {
    let mut session = server.login(until)?;
    session.command("CWD many", &[250])?;
    let (mut lines, mut first) = (0, None);
    let start = Instant::now();
    session.fetch("LIST", "", &mut |part| {
        first.get_or_insert_with(|| start.elapsed());
        lines += part.iter().filter(|byte| **byte == b'\n').count();
    })?;
    let all = start.elapsed().as_secs_f64();
    // Some add a line for the directory itself and for the one above.
    if lines < sizes.entries || lines > sizes.entries + 3 {
        return Err(Problem::new(format!("LIST brought {lines} lines, not {}", sizes.entries)));
    }
    Ok(Listing { first: first.map_or(all, |first| first.as_secs_f64()), all })
}

fn idle(server: &Server, sizes: &Sizes, until: Instant) -> Result<f64> {
    let before = resting(server);
    let sessions = log_in(server, sizes.idle, sizes.login_connections, until)?;
    let with_sessions = resting(server);
    drop(sessions);
    Ok((with_sessions as f64 - before as f64) / sizes.idle as f64)
}

/// Sessions, opened by several threads.
pub fn log_in(server: &Server, count: usize, threads: usize, until: Instant) -> Result<Vec<Session>> {
    let sessions = on_threads(threads, |thread| {
        let mine = (thread..count).step_by(threads);
        mine.map(|_| server.login(until)).collect::<Result<Vec<Session>>>()
    })?;
    Ok(sessions.into_iter().flatten().collect())
}

/// The memory in KiB once nothing moves any more.
pub fn resting(server: &Server) -> u64 {
    settle(Duration::from_secs(3));
    server.memory()
}

/// Runs it on so many threads at once; the first problem, if there is one.
pub fn on_threads<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let builder = thread::Builder::new().stack_size(STACK);
                builder.spawn_scoped(scope, move || work(number)).doing(|| "starting a thread".to_owned())
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread?.join().unwrap_or_else(|_| Err(Problem::new("a thread of the client failed")))
            })
            .collect()
    })
}

pub fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

pub fn expect_size(name: &str, came: u64, expected: u64) -> Result<()> {
    if came == expected {
        return Ok(());
    }
    Err(Problem::new(format!("RETR {name} brought {came} bytes, not {expected}")))
}
