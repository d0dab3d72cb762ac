//! Measures a piece of work: by FTP through a server that was just started, or by curl.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use super::store::{Store, Transfer};
use super::work::Work;
use crate::client::Session;
use crate::measure::{BUFFER, expect_size, megabytes, on_threads, timed};
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
        let (work, sizes, bucket) = (self.work, self.sizes, bucket(self.work));
        let used = || match server {
            Some(server) => (server.processor_time(), self.store.processor_time()),
            None => (time_with_children(), self.store.processor_time()),
        };
        let before = used();
        let (time, requests) = match server {
            Some(server) => self.by_ftp(server)?,
            None => self.counted(|| self.by_curl())?,
        };
        let after = used();
        let objects = &sizes.objects;
        let speed = match work {
            Work::Stor | Work::Retr => megabytes(sizes.big) / time,
            Work::Up | Work::Down => objects.small_files as f64 / time,
            Work::ClientsUp | Work::ClientsDown => {
                megabytes(work.files(sizes) as u64 * objects.client_file as u64) / time
            }
            Work::List => time,
        };
        let memory = server.map(|server| server.peak() as f64 / 1024.0);
        if work.uploads() {
            let (key, size) = self.last();
            let came = self.store.size(bucket, &key)?;
            if came != size {
                return Err(Problem::new(format!("{key} has {came} bytes in the store, not {size}")));
            }
        }
        Ok(Figures {
            speed,
            server_time: after.0 - before.0,
            store_time: after.1 - before.1,
            memory,
            requests: requests as f64 / work.files(sizes) as f64,
        })
    }

    /// How long it takes, and how many requests come to the store meanwhile.
    fn counted(&self, work: impl FnOnce() -> Result<()>) -> Result<(f64, u64)> {
        let bucket = bucket(self.work);
        let before = self.store.requests(bucket)?;
        let time = timed(work)?;
        Ok((time, self.store.requests(bucket)?.saturating_sub(before)))
    }

    /// All sessions are logged in before the clock starts.
    fn by_ftp(&self, server: &Server) -> Result<(f64, u64)> {
        let until = Instant::now() + self.sizes.limit;
        let count = match self.work {
            Work::ClientsUp | Work::ClientsDown => self.sizes.objects.clients,
            _ => 1,
        };
        let sessions: Vec<Mutex<Session>> =
            (0..count).map(|_| server.login(until).map(Mutex::new)).collect::<Result<_>>()?;
        self.counted(|| {
            on_threads(count, |number| {
                let mut session = sessions[number].lock().map_err(|_| Problem::new("a session was lost"))?;
                self.in_session(&mut session, number)
            })
            .map(drop)
        })
    }

    fn in_session(&self, session: &mut Session, client: usize) -> Result<()> {
        if self.work == Work::List {
            let mut lines = 0;
            session.fetch("LIST", "list", &mut |part| {
                lines += part.iter().filter(|byte| **byte == b'\n').count();
            })?;
            return self.expect_entries(lines);
        }
        let mut buffer = vec![0; if self.work.uploads() { 0 } else { BUFFER }];
        for (key, size) in self.keys(client) {
            if self.work.uploads() {
                session.store(&key, self.block, size)?;
            } else {
                expect_size(&key, session.retrieve(&key, &mut buffer)?, size)?;
            }
        }
        Ok(())
    }

    fn by_curl(&self) -> Result<()> {
        let (store, bucket) = (self.store, bucket(self.work));
        if self.work == Work::List {
            return self.expect_entries(store.list(bucket, "list/")?);
        }
        let clients = match self.work {
            Work::ClientsUp | Work::ClientsDown => self.sizes.objects.clients,
            _ => 1,
        };
        on_threads(clients, |client| {
            let transfers: Vec<Transfer<'_>> = self
                .keys(client)
                .map(|(key, _)| match self.work {
                    Work::Stor => Transfer::Put { file: &self.sources.big, key },
                    Work::Up => Transfer::Put { file: &self.sources.small, key },
                    Work::ClientsUp => Transfer::Put { file: &self.sources.client, key },
                    _ => Transfer::Get { key },
                })
                .collect();
            store.transfer(bucket, &transfers)
        })
        .map(drop)
    }

    fn expect_entries(&self, came: usize) -> Result<()> {
        let expected = self.sizes.objects.entries;
        if came == expected {
            return Ok(());
        }
        Err(Problem::new(format!("the listing has {came} entries, not {expected}")))
    }

    /// The files of one client: keys and sizes.
    fn keys(&self, client: usize) -> impl Iterator<Item = (String, u64)> {
        let (work, objects) = (self.work, self.sizes.objects);
        let (count, size) = match work {
            Work::Stor | Work::Retr | Work::List => (1, self.sizes.big),
            Work::Up | Work::Down => (objects.small_files, objects.small as u64),
            Work::ClientsUp | Work::ClientsDown => (objects.client_files, objects.client_file as u64),
        };
        (0..count).map(move |number| {
            let key = match work {
                Work::Stor | Work::Retr | Work::List => "big".to_owned(),
                Work::Up | Work::Down => small_name(number),
                Work::ClientsUp | Work::ClientsDown => format!("client-{client}-{number}"),
            };
            (key, size)
        })
    }

    fn last(&self) -> (String, u64) {
        self.keys(0).last().unwrap_or_default()
    }
}

/// Writes the files that curl uploads, and puts into the store what is downloaded from it.
pub fn fill(store: &Store, sizes: &Sizes, folder: PathBuf, block: &[u8]) -> Result<Sources> {
    let objects = &sizes.objects;
    let write = |name: &str, size: u64| {
        let path = folder.join(name);
        let written = (|| {
            let mut file = std::fs::File::create(&path)?;
            let mut left = size;
            while left > 0 {
                let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
                std::io::Write::write_all(&mut file, &block[..part])?;
                left -= part as u64;
            }
            std::io::Result::Ok(())
        })();
        written.doing(|| format!("writing {}", path.display())).map(|()| path)
    };
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
