//! Transfers of a disk at once, all as fast as they can.
//!
//! Each session transfers for as long as all do. Only bytes within one span count, which begins when all have begun: then what
//! lies in the buffers of connections is the same at both ends of the span, and no session is alone. An upload fits into
//! these buffers, so its bytes leave the client at once, and the server takes them when it can: they count as spread over the
//! time from the command to its reply.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::figures::{Figures, Shape};
use super::start::{self, Users};
use super::{Bench, MEBIBYTE};
use crate::client::Session;
use crate::limits::watch::watched;
use crate::measure::{BUFFER, log_in, megabytes, on_threads};
use crate::problem::{Doing, Problem, Result};
use crate::rows::{bytes, count};
use crate::servers::Server;
use crate::{progress, tls};

const THREADS: usize = 8;
/// The file that all download, and the folder of uploads.
const DOWNLOAD: &str = "growth-big";
const UPLOADS: &str = "up";
/// Until all have begun, and for each session more.
const BEGIN: Duration = Duration::from_millis(500);
const BEGIN_EACH: Duration = Duration::from_millis(2);
/// A session's upload replaces its last one, so that the disk needs little room. All have one size, because each file has its
/// cost.
const UPLOAD: u64 = 4 << 20;
const UPLOAD_BLOCK: usize = 64 << 10;

#[derive(Debug, Clone, Copy)]
struct Work {
    upload: bool,
    tls: bool,
}

const LINES: [&str; 4] = ["downloads", "uploads", "downloads, TLS", "uploads, TLS"];
const WORKS: [Work; 4] = [
    Work { upload: false, tls: false },
    Work { upload: true, tls: false },
    Work { upload: false, tls: true },
    Work { upload: true, tls: true },
];

pub fn measure(bench: &mut Bench<'_>) -> Result<Figures> {
    let mut figures = Figures::new("sessions", &LINES)
        .growing("all together, MB/s", Shape::Holds, 0.0)
        .drawn("slowest session to the fastest")
        .growing("peak memory above idle, MiB", Shape::Linear, 4.0)
        .growing("processor time of the server for a GiB, s", Shape::Flat, 0.0)
        .counted("open files");
    // Twice: a new upload beside the one that it replaces.
    let most = bench.sizes.transfers.iter().max().copied().unwrap_or_default();
    bench.needs_room(bench.sizes.download + 2 * most as u64 * UPLOAD)?;
    let path = bench.place.data().join(DOWNLOAD);
    let written = (|| {
        let mut file = File::create(&path)?;
        for _ in 0..bench.sizes.download.div_ceil(bench.block.len() as u64) {
            file.write_all(&bench.block)?;
        }
        std::io::Result::Ok(())
    })();
    written.doing(|| format!("writing {}", path.display()))?;
    let client = tls::client(&bench.place.certificate)?;
    // Here and there: control connection, data connection, file, and two ends of a pipe.
    for number in bench.permitted(bench.sizes.transfers, 5, "transfers") {
        for (line, work) in WORKS.into_iter().enumerate() {
            let name = format!("{} {}", count(number), LINES[line]);
            let values = bench.point(&name, |bench| point(bench, number, work, &client));
            bench.place.clear()?;
            if let Some(values) = values {
                progress(&format!("{name}: {values:.2?}"));
                figures.add(line, number as f64, count(number), values);
            }
        }
    }
    std::fs::remove_file(&path).ok();
    bench.notes.push(format!(
        "All sessions transfer for {:.1} s or longer, of which {:.1} s count, from when all have begun; uploads as files of {}.",
        (bench.sizes.span + BEGIN).as_secs_f64(),
        bench.sizes.span.as_secs_f64(),
        bytes(UPLOAD)
    ));
    Ok(figures)
}

fn point(bench: &mut Bench<'_>, number: usize, work: Work, client: &Arc<ClientConfig>) -> Result<Vec<f64>> {
    let server = start::prepare(bench, Users::Within(1), work.tls.then_some(client))?.start(bench)?;
    let until = bench.until();
    let sessions = log_in(&server, number, THREADS.min(number), until)?;
    bench.settle();
    let idle = server.resident();
    let begin = Instant::now() + BEGIN + BEGIN_EACH * u32::try_from(number).unwrap_or(u32::MAX);
    let span = Span { begin, end: begin + bench.sizes.span };
    let (moved, memory) = watched(&server, || span.watch(&server, || all(bench, sessions, work, span)))?;
    let (used, files, moved) = moved?;
    let moved = moved.map_err(|problem| start::with_last_words(problem, &server))?;
    let total: u64 = moved.iter().sum();
    let (least, most) = (moved.iter().min(), moved.iter().max());
    let (Some(least), Some(most)) = (least, most.filter(|most| **most > 0)) else {
        return Err(Problem::new("nothing was transferred within the span"));
    };
    Ok(vec![
        megabytes(total) / bench.sizes.span.as_secs_f64(),
        *least as f64 / *most as f64,
        memory.most().saturating_sub(idle) as f64 / MEBIBYTE,
        used / (total as f64 / f64::from(1 << 30)),
        files as f64,
    ])
}

/// When bytes count.
#[derive(Debug, Clone, Copy)]
struct Span {
    begin: Instant,
    end: Instant,
}

impl Span {
    fn holds(self, now: Instant) -> bool {
        self.begin <= now && now < self.end
    }

    /// The part of so many bytes that count, if they moved from one moment to another, all at one speed.
    fn part(self, bytes: u64, since: Instant, until: Instant) -> f64 {
        let within = until.min(self.end).saturating_duration_since(since.max(self.begin));
        bytes as f64 * within.as_secs_f64() / (until - since).as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.end
    }

    /// Does it, and says how much processor time the server took within the span, in seconds, and how many files it had
    /// open at its beginning.
    fn watch<T>(self, server: &Server, work: impl FnOnce() -> T) -> Result<(f64, usize, T)> {
        thread::scope(|scope| {
            let watch = scope.spawn(move || {
                thread::sleep(self.begin.saturating_duration_since(Instant::now()));
                let (before, files) = (server.processor_time(), server.open_files());
                thread::sleep(self.end.saturating_duration_since(Instant::now()));
                (server.processor_time() - before, files)
            });
            let done = work();
            let (used, files) =
                watch.join().map_err(|_| Problem::new("the thread that looks at the server failed"))?;
            Ok((used, files, done))
        })
    }
}

/// The bytes of each session within the span.
fn all(bench: &Bench<'_>, sessions: Vec<Session>, work: Work, span: Span) -> Result<Vec<u64>> {
    let number = sessions.len();
    let sessions: Vec<Mutex<Option<Session>>> =
        sessions.into_iter().map(|session| Mutex::new(Some(session))).collect();
    on_threads(number, |one| {
        let mut session = sessions[one].lock().map_err(|_| Problem::new("a session was lost"))?;
        let session = session.take().ok_or_else(|| Problem::new("a session was lost"))?;
        if work.upload { upload(bench, session, one, span) } else { download(session, span) }
    })
}

fn download(mut session: Session, span: Span) -> Result<u64> {
    let (mut buffer, mut moved) = (vec![0; BUFFER], 0);
    while !span.is_over() {
        // What is left of the last file is not read: the session ends with it.
        session.retrieve_while(DOWNLOAD, &mut buffer, &mut |count| {
            let now = Instant::now();
            if span.holds(now) {
                moved += count;
            }
            now < span.end
        })?;
    }
    Ok(moved)
}

fn upload(bench: &Bench<'_>, mut session: Session, one: usize, span: Span) -> Result<u64> {
    let (path, mut moved) = (format!("{UPLOADS}/session-{one}"), 0.0);
    while !span.is_over() {
        let begun = Instant::now();
        session.store(&path, &bench.block[..UPLOAD_BLOCK], UPLOAD)?;
        moved += span.part(UPLOAD, begun, Instant::now());
    }
    Ok(moved as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_counts_as_far_as_it_lies_within_the_span() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let span = Span { begin: at(10), end: at(14) };
        let part = |since, until| span.part(800, at(since), at(until));
        assert_eq!(part(11, 13), 800.0);
        assert_eq!(part(9, 11), 400.0);
        assert_eq!(part(13, 17), 200.0);
        assert_eq!(part(8, 16), 400.0);
        assert_eq!(part(5, 9), 0.0);
        assert_eq!(part(14, 15), 0.0);
        assert_eq!(part(12, 12), 0.0);
    }
}
