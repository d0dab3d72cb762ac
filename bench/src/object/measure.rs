//! Measures a piece of work: by FTP through a server that was just started, or by curl.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use super::curl::Transfer;
use super::store::Store;
use super::work::Work;
use crate::client::Session;
use crate::measure::{on_threads, timed};
use crate::place::small_name;
use crate::problem::{Doing, Problem, Result};
use crate::process::time_with_children;
use crate::servers::Server;
use crate::sizes::Sizes;

/// The bucket that is downloaded from, and the one for uploads, which each measurement finds empty.
pub const FILES: &str = "files";
pub const UPLOADS: &str = "uploads";

/// The files on the disk that curl uploads.
pub struct Sources {
    pub big: PathBuf,
    pub small: PathBuf,
    pub client: PathBuf,
    pub entry: PathBuf,
}

impl Sources {
    fn of(&self, work: Work) -> &Path {
        match work {
            Work::Stor | Work::Retr => &self.big,
            Work::Up | Work::Down => &self.small,
            Work::ClientsUp | Work::ClientsDown => &self.client,
            Work::List => &self.entry,
        }
    }
}

/// The figures of one measurement.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub speed: f64,
    /// Processor time of the server, or of curl, and of the store, in seconds.
    pub server_time: f64,
    pub store_time: f64,
    /// Of the server, in MiB.
    pub memory: Option<f64>,
    /// For each file.
    pub requests: f64,
}

pub struct Task<'a> {
    pub work: Work,
    pub store: &'a Store,
    pub sizes: &'a Sizes,
    pub sources: &'a Sources,
    /// The content of uploads, repeated.
    pub block: &'a [u8],
}

pub fn bucket(work: Work) -> &'static str {
    if work.uploads() { UPLOADS } else { FILES }
}

impl Task<'_> {
    pub fn measure(&self, server: Option<&Server>) -> Result<Figures> {
        let (work, bucket) = (self.work, bucket(self.work));
        let meter = Meter { store: self.store, bucket, server };
        let reading = match (server, work.files(self.sizes)) {
            (Some(server), files) => {
                let until = Instant::now() + self.sizes.limit;
                let clients = files.map_or(1, |files| files.clients);
                let sessions = Sessions::log_in(server, clients, until)?;
                meter.read(|| {
                    sessions.all_at_once(|session, client| match files {
                        Some(files) => files.in_session(session, client, self.block),
                        None => self.expect_entries(listed(session, "list")?),
                    })
                })?
            }
            (None, Some(files)) => {
                let source = self.sources.of(work);
                meter.read(|| files.by_curl(&self.store.curl(), bucket, source))?
            }
            (None, None) => meter.read(|| self.expect_entries(self.store.curl().list(bucket, "list/")?))?,
        };
        if let Some(files) = work.files(self.sizes).filter(|files| files.up) {
            self.store.expect_size(bucket, &files.last(), files.size)?;
        }
        let count = work.files(self.sizes).map_or(1, |files| files.count());
        Ok(reading.figures(work.speed(self.sizes, reading.time), count))
    }

    fn expect_entries(&self, came: usize) -> Result<()> {
        expect_entries(came, self.sizes.objects.entries)
    }
}

pub fn expect_entries(came: usize, expected: usize) -> Result<()> {
    if came == expected {
        return Ok(());
    }
    Err(Problem::new(format!("the listing has {came} entries, not {expected}")))
}

/// How many lines a LIST of this directory has.
pub fn listed(session: &mut Session, directory: &str) -> Result<usize> {
    let mut lines = 0;
    session.fetch("LIST", directory, &mut |part| {
        lines += part.iter().filter(|byte| **byte == b'\n').count();
    })?;
    Ok(lines)
}

/// Clients that have logged in.
pub struct Sessions(Vec<Mutex<Session>>);

impl Sessions {
    pub fn log_in(server: &Server, count: usize, until: Instant) -> Result<Self> {
        (0..count).map(|_| server.login(until).map(Mutex::new)).collect::<Result<_>>().map(Self)
    }

    /// Each does its work, which is told the number of its client.
    pub fn all_at_once(&self, work: impl Fn(&mut Session, usize) -> Result<()> + Sync) -> Result<()> {
        on_threads(self.0.len(), |client| {
            let mut session = self.0[client].lock().map_err(|_| Problem::new("a session was lost"))?;
            work(&mut session, client)
        })
        .map(drop)
    }
}

/// Looks at what work costs.
pub struct Meter<'a> {
    pub store: &'a Store,
    /// Whose requests are counted.
    pub bucket: &'a str,
    /// None: curl does it.
    pub server: Option<&'a Server>,
}

/// What it cost: the figures, with all requests.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub time: f64,
    server_time: f64,
    store_time: f64,
    memory: Option<f64>,
    requests: u64,
}

impl Meter<'_> {
    pub fn read(&self, work: impl FnOnce() -> Result<()>) -> Result<Reading> {
        let used = || match self.server {
            Some(server) => (server.processor_time(), self.store.processor_time()),
            None => (time_with_children(), self.store.processor_time()),
        };
        let (before, requests) = (used(), self.store.requests(self.bucket)?);
        let time = timed(work)?;
        let requests = self.store.requests(self.bucket)?.saturating_sub(requests);
        let after = used();
        Ok(Reading {
            time,
            server_time: after.0 - before.0,
            store_time: after.1 - before.1,
            memory: self.server.map(|server| server.peak() as f64 / 1024.0),
            requests,
        })
    }
}

impl Reading {
    /// With requests for each of so many files.
    pub fn figures(self, speed: f64, files: usize) -> Figures {
        let Self { server_time, store_time, memory, .. } = self;
        Figures { speed, server_time, store_time, memory, requests: self.requests as f64 / files as f64 }
    }
}

/// Writes the files that curl uploads, and puts into the store what is downloaded from it.
pub fn fill(store: &Store, sizes: &Sizes, folder: &Path, block: &[u8]) -> Result<Sources> {
    let objects = &sizes.objects;
    let write = |name: &str, size: u64| write_file(&folder.join(name), size, block);
    let sources = Sources {
        big: write("big", sizes.big)?,
        small: write("small", objects.small as u64)?,
        client: write("client", objects.client_file as u64)?,
        entry: write("entry", 100)?,
    };
    store.make_bucket(FILES)?;
    let put = |file, key| Transfer::Put { file, key };
    let mut all = vec![put(sources.big.as_path(), "big".to_owned())];
    all.extend((0..objects.small_files).map(|number| put(&sources.small, small_name(number))));
    all.extend(
        (0..objects.entries).map(|number| put(&sources.entry, format!("list/{}", small_name(number)))),
    );
    for client in 0..objects.clients {
        all.extend(
            (0..objects.client_files).map(|number| put(&sources.client, format!("client-{client}-{number}"))),
        );
    }
    // Each curl has its time limit.
    all.chunks(500).try_for_each(|some| store.transfer(FILES, some))?;
    Ok(sources)
}

/// A file of this size that repeats the block.
pub fn write_file(path: &Path, size: u64, block: &[u8]) -> Result<PathBuf> {
    let written = (|| {
        let mut file = std::fs::File::create(path)?;
        let mut left = size;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            std::io::Write::write_all(&mut file, &block[..part])?;
            left -= part as u64;
        }
        std::io::Result::Ok(())
    })();
    written.doing(|| format!("writing {}", path.display())).map(|()| path.to_owned())
}
