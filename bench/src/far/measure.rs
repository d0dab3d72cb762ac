//! Measures a trip: through a server that was just started, or by curl.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::lftp::{Lftp, Way};
use super::trip::Trip;
use crate::client::Session;
use crate::limits::keys;
use crate::object::{
    FILES, Figures, Meter, Sessions, Store, Transfer, UPLOADS, expect_entries, listed, write_file,
};
use crate::place::small_name;
use crate::problem::{Doing, Problem, Result};
use crate::servers::Server;
use crate::sizes::Sizes;

/// The directories in which the keys lie that are listed, renamed, and mirrored.
const LIST: &str = "list";
const MANY: &str = "many";
const OLD: &str = "old";
const NEW: &str = "new";
const TREE: &str = "tree";

/// What lies on the disk.
pub struct Sources {
    big: PathBuf,
    small: PathBuf,
    /// A tree for a mirror, and where one is put.
    tree: PathBuf,
    mirrored: PathBuf,
}

/// How a measurement ended.
pub enum End {
    Done(Figures),
    /// The server said no, with these words.
    Refused(String),
    /// It was not done when its time was over.
    Late,
}

pub struct Task<'a> {
    pub trip: Trip,
    pub store: &'a Store,
    pub sizes: &'a Sizes,
    pub sources: &'a Sources,
    pub lftp: Option<&'a Lftp>,
    /// The content of uploads, repeated.
    pub block: &'a [u8],
}

pub fn bucket(trip: Trip) -> &'static str {
    if trip.changes() { UPLOADS } else { FILES }
}

impl Task<'_> {
    /// Puts in place what is changed. No server has seen the bucket yet.
    pub fn prepare(&self) -> Result<()> {
        let put = |directory: &str, count: usize| {
            let key = |number| format!("{directory}{}", small_name(number));
            let file = self.sources.small.as_path();
            let all: Vec<_> = (0..count).map(|number| Transfer::Put { file, key: key(number) }).collect();
            self.store.transfer(UPLOADS, &all)
        };
        match self.trip {
            Trip::Rename => put(&format!("{OLD}/"), self.sizes.far.renamed),
            Trip::Delete => put("", self.sizes.far.deleted),
            Trip::MirrorDown => {
                fs::remove_dir_all(&self.sources.mirrored).ok();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub fn measure(&self, server: Option<&Server>) -> Result<End> {
        let begin = Instant::now();
        let mut refused = None;
        let measured = match server {
            Some(server) => self.by_ftp(server, &mut refused),
            None => self.by_curl(),
        };
        match (measured, refused) {
            (_, Some(words)) => Ok(End::Refused(words)),
            (Err(_), None) if begin.elapsed() >= self.sizes.far.limit => Ok(End::Late),
            (measured, None) => {
                let figures = measured?;
                self.check()?;
                Ok(End::Done(figures))
            }
        }
    }

    /// All sessions are logged in before the clock starts.
    fn by_ftp(&self, server: &Server, refused: &mut Option<String>) -> Result<Figures> {
        let (trip, sizes) = (self.trip, self.sizes);
        let meter = self.meter(Some(server));
        if trip.is_mirror() {
            return self.figures(&meter, || self.mirror(server));
        }
        if trip == Trip::Rename {
            let mut session = server.login(Instant::now() + sizes.far.limit)?;
            return self.figures(&meter, || rename(&mut session, refused));
        }
        let files = trip.files(sizes);
        let clients = files.map_or(1, |files| files.clients);
        let sessions = Sessions::log_in(server, clients, Instant::now() + sizes.far.limit)?;
        match trip {
            Trip::List | Trip::ListMany => {
                let directory = if trip == Trip::List { LIST } else { MANY };
                self.figures(&meter, || {
                    sessions.all_at_once(|session, _| {
                        expect_entries(listed(session, directory)?, trip.entries(sizes))
                    })
                })
            }
            Trip::Delete => self.figures(&meter, || {
                sessions.all_at_once(|session, _| {
                    (0..sizes.far.deleted).try_for_each(|number| {
                        session.command(&format!("DELE {}", small_name(number)), &[250]).map(drop)
                    })
                })
            }),
            _ => {
                let files = files.ok_or_else(|| Problem::new("there are no files to move"))?;
                self.figures(&meter, || {
                    sessions.all_at_once(|session, client| files.in_session(session, client, self.block))
                })
            }
        }
    }

    fn by_curl(&self) -> Result<Figures> {
        let (trip, sizes, bucket) = (self.trip, self.sizes, bucket(self.trip));
        let curl = self.store.curl();
        self.figures(&self.meter(None), || match trip.files(sizes) {
            Some(files) => {
                let single = matches!(trip, Trip::Stor | Trip::Retr);
                let source = if single { &self.sources.big } else { &self.sources.small };
                files.by_curl(&curl, bucket, source)
            }
            None if trip == Trip::Delete => {
                let keys: Vec<_> = (0..sizes.far.deleted).map(small_name).collect();
                curl.remove(bucket, &keys)
            }
            None => {
                let directory = if trip == Trip::List { LIST } else { MANY };
                let entries = trip.entries(sizes);
                expect_entries(curl.pages(bucket, directory, entries)?, entries)
            }
        })
    }

    fn mirror(&self, server: &Server) -> Result<()> {
        let lftp = self.lftp.ok_or_else(|| Problem::new("there is no lftp"))?;
        let (way, disk) = match self.trip {
            Trip::MirrorUp => (Way::Up, &self.sources.tree),
            _ => (Way::Down, &self.sources.mirrored),
        };
        lftp.mirror(way, server, disk, TREE, self.sizes.far.limit)
    }

    fn meter<'a>(&'a self, server: Option<&'a Server>) -> Meter<'a> {
        Meter { store: self.store, bucket: bucket(self.trip), server }
    }

    fn figures(&self, meter: &Meter<'_>, work: impl FnOnce() -> Result<()>) -> Result<Figures> {
        let reading = meter.read(work)?;
        let speed = self.trip.speed(self.sizes, reading.time);
        Ok(reading.figures(speed, self.trip.pieces(self.sizes)))
    }

    /// Whether it was done: what is fast because it does half of it is not to win.
    fn check(&self) -> Result<()> {
        let (store, far) = (self.store, &self.sizes.far);
        let expect = |prefix: &str, expected: usize| {
            let came = store.list(UPLOADS, prefix)?;
            if came == expected {
                return Ok(());
            }
            Err(Problem::new(format!("{came} keys begin with {prefix} afterwards, not {expected}")))
        };
        match self.trip {
            Trip::Stor | Trip::Up | Trip::SessionsUp => match self.trip.files(self.sizes) {
                Some(files) => store.expect_size(UPLOADS, &files.last(), files.size),
                None => Ok(()),
            },
            Trip::Rename => {
                expect(&format!("{NEW}/file-"), far.renamed)?;
                expect(&format!("{OLD}/file-"), 0)
            }
            Trip::Delete => expect("file-", 0),
            Trip::MirrorUp => (0..far.folders).try_for_each(|folder| {
                expect(&format!("{TREE}/{}/file-", folder_name(folder)), far.folder_files)
            }),
            Trip::MirrorDown => {
                let came = files_below(&self.sources.mirrored)
                    .doing(|| format!("reading {}", self.sources.mirrored.display()))?;
                if came == far.tree() {
                    return Ok(());
                }
                Err(Problem::new(format!("{came} files were mirrored, not {}", far.tree())))
            }
            _ => Ok(()),
        }
    }
}

fn rename(session: &mut Session, refused: &mut Option<String>) -> Result<()> {
    for (line, expected) in [(format!("RNFR {OLD}"), 350), (format!("RNTO {NEW}"), 250)] {
        let reply = session.ask(&line)?;
        if reply.code != expected {
            // Not now is another matter than never.
            *refused = (reply.code >= 500).then(|| reply.last_line().to_owned());
            return Err(Problem::new(format!("{line} was answered with \"{}\"", reply.last_line())));
        }
    }
    Ok(())
}

fn folder_name(number: usize) -> String {
    format!("folder-{number:02}")
}

/// How many files there are in the directories of a directory.
fn files_below(folder: &Path) -> std::io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        files += fs::read_dir(entry?.path())?.count();
    }
    Ok(files)
}

/// Writes what is uploaded, and puts into the store what is downloaded and listed.
pub fn fill(store: &Store, trips: &[Trip], sizes: &Sizes, folder: &Path, block: &[u8]) -> Result<Sources> {
    let (far, small) = (&sizes.far, sizes.objects.small as u64);
    let sources = Sources {
        big: write_file(&folder.join("big"), sizes.big, block)?,
        small: write_file(&folder.join("small"), small, block)?,
        tree: folder.join(TREE),
        mirrored: folder.join("mirrored"),
    };
    let mut all = Vec::new();
    let mut put = |file, key| all.push(Transfer::Put { file, key });
    for number in 0..far.folders {
        let name = folder_name(number);
        let inside = sources.tree.join(&name);
        fs::create_dir_all(&inside).doing(|| format!("creating {}", inside.display()))?;
        for file in (0..far.folder_files).map(small_name) {
            write_file(&inside.join(&file), small, block)?;
            put(sources.small.as_path(), format!("{TREE}/{name}/{file}"));
        }
    }
    for trip in [Trip::Retr, Trip::Down, Trip::SessionsDown] {
        let file = if trip == Trip::Retr { &sources.big } else { &sources.small };
        for files in trip.files(sizes).iter().filter(|_| trips.contains(&trip)) {
            (0..files.clients).flat_map(|client| files.keys(client)).for_each(|key| put(file.as_path(), key));
        }
    }
    store.make_bucket(FILES)?;
    // Each curl has its time limit.
    all.chunks(500).try_for_each(|some| store.transfer(FILES, some))?;
    for (trip, directory) in [(Trip::List, LIST), (Trip::ListMany, MANY)] {
        if trips.contains(&trip) {
            keys::put(store, FILES, directory, trip.entries(sizes), sizes.far.limit)?;
        }
    }
    Ok(sources)
}
