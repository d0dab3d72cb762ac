//! Operations that the store will fail in the middle of, and what may be there afterwards.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use wharf_backends::contract::{pattern, put, read};
use wharf_backends::object::ObjectStorage;
use wharf_backends::{ByteRange, CreateMode, Error, ErrorKind, Result, Storage};

use crate::servers::{path, raw};

/// Where an operation is tried: a storage past the proxy, and what it stands on.
pub struct Place {
    pub server: &'static str,
    pub prefix: String,
    pub direct: ObjectStorage,
}

impl Place {
    /// What stands under a name, whole; `None` if nothing does.
    async fn found(&self, at: &str) -> Option<Vec<u8>> {
        match read(&self.direct, at, ByteRange::ALL).await {
            Ok(content) => Some(content),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("{at}: {error}"),
        }
    }

    async fn has(&self, at: &str, content: &[u8]) {
        put(&self.direct, at, content, CreateMode::Replace).await.unwrap();
    }

    async fn is_directory(&self, at: &str) -> bool {
        match self.direct.stat(&path(at)).await {
            Ok(found) => found.is_directory(),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => panic!("{at}: {error}"),
        }
    }
}

/// What is wrong, for the person who reads the failed test.
pub type Judgement = Result<(), String>;

#[async_trait]
pub trait Operation: Sync {
    /// It changes nothing, so that it can be tried again in the same place.
    fn only_reads(&self) -> bool {
        false
    }

    /// It waits for the answer to each of its requests.
    fn waits_for_all(&self) -> bool {
        true
    }

    async fn prepare(&self, place: &Place);

    /// Does it, and judges what it was given.
    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement>;

    /// Judges what is there, by how it ended.
    async fn judge(&self, place: &Place, failed: Option<&Error>) -> Judgement;
}

/// The store may have done what was asked when it was lost before it answered.
fn is_undecided(failed: Option<&Error>) -> bool {
    failed.is_some_and(|error| error.kind() == ErrorKind::Unavailable)
}

fn describe(content: Option<&Vec<u8>>) -> String {
    content.map_or("nothing".to_owned(), |content| format!("{} bytes", content.len()))
}

/// Writes a file; `expected` is what it is then.
pub struct Upload {
    pub mode: CreateMode,
    pub old: Option<Vec<u8>>,
    pub sent: Vec<u8>,
    pub expected: Vec<u8>,
    pub finishes: bool,
}

impl Upload {
    pub fn of(mode: CreateMode, old: Option<usize>, sent: usize) -> Self {
        let old = old.map(|size| pattern(size, 1));
        let sent = pattern(sent, 2);
        let kept = match (mode, &old) {
            (CreateMode::Append, Some(old)) => &old[..],
            (CreateMode::Resume(kept), Some(old)) => &old[..kept as usize],
            _ => b"",
        };
        let expected = [kept, &sent].concat();
        Self { mode, old, sent, expected, finishes: true }
    }
}

#[async_trait]
impl Operation for Upload {
    fn waits_for_all(&self) -> bool {
        // An abort takes back what is about to be sent.
        self.finishes
    }

    async fn prepare(&self, place: &Place) {
        if let Some(old) = &self.old {
            place.has("/f", old).await;
        }
    }

    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement> {
        let mut upload = storage.create(&path("/f"), self.mode).await?;
        for chunk in self.sent.chunks(256 << 10) {
            if let Err(error) = upload.write(Bytes::copy_from_slice(chunk)).await {
                upload.abort().await.ok();
                return Err(error);
            }
        }
        match self.finishes {
            true => upload.finish().await.map(drop)?,
            false => upload.abort().await?,
        }
        Ok(Ok(()))
    }

    async fn judge(&self, place: &Place, failed: Option<&Error>) -> Judgement {
        let found = place.found("/f").await;
        let is_old = found == self.old;
        let is_new = found.as_ref() == Some(&self.expected);
        let fine = match failed {
            _ if !self.finishes => is_old,
            None => is_new,
            Some(_) if is_undecided(failed) => is_old || is_new,
            Some(_) => is_old,
        };
        let kind = if is_old {
            "the old file"
        } else if is_new {
            "the new file"
        } else {
            "neither file"
        };
        fine.then_some(()).ok_or_else(|| format!("{kind} is there: {}", describe(found.as_ref())))
    }
}

/// Reads a file.
pub struct Download {
    pub content: Vec<u8>,
    pub range: ByteRange,
}

#[async_trait]
impl Operation for Download {
    fn only_reads(&self) -> bool {
        true
    }

    async fn prepare(&self, place: &Place) {
        place.has("/f", &self.content).await;
    }

    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement> {
        let got = read(storage, "/f", self.range).await?;
        let offset = self.range.offset as usize;
        let end = self.range.length.map_or(self.content.len(), |length| offset + length as usize);
        Ok(match got == self.content[offset..end] {
            true => Ok(()),
            false => Err(format!("{} other bytes were read", got.len())),
        })
    }

    async fn judge(&self, _: &Place, _: Option<&Error>) -> Judgement {
        Ok(())
    }
}

/// Gives a file another name.
pub struct Rename {
    pub replaced: Option<Vec<u8>>,
}

const RENAMED: &[u8] = b"the file that is renamed";

#[async_trait]
impl Operation for Rename {
    async fn prepare(&self, place: &Place) {
        place.has("/d/from", RENAMED).await;
        if let Some(replaced) = &self.replaced {
            place.has("/to", replaced).await;
        }
    }

    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement> {
        storage.rename(&path("/d/from"), &path("/to"), true).await.map(Ok)
    }

    async fn judge(&self, place: &Place, failed: Option<&Error>) -> Judgement {
        let (from, to) = (place.found("/d/from").await, place.found("/to").await);
        let is_there = |content: &Option<Vec<u8>>| content.as_deref() == Some(RENAMED);
        let fine = match failed {
            None => from.is_none() && is_there(&to),
            Some(_) => {
                let whole = (from.is_none() || is_there(&from)) && (to == self.replaced || is_there(&to));
                whole && (is_there(&from) || is_there(&to))
            }
        };
        let told =
            || format!("at the source {}, at the target {}", describe(from.as_ref()), describe(to.as_ref()));
        fine.then_some(()).ok_or_else(told)
    }
}

/// Gives a directory of thirty files another name.
pub struct RenameDirectory;

impl RenameDirectory {
    fn files() -> impl Iterator<Item = (String, String)> {
        (0..30).map(|n| (if n < 20 { format!("{n}") } else { format!("sub/{n}") }, format!("content of {n}")))
    }

    /// What is below a directory, by its name there: length and entity tag.
    async fn below(place: &Place, directory: &str) -> BTreeMap<String, (u64, Option<String>)> {
        let start = format!("{}/{directory}/", place.prefix);
        let prefix = Path::parse(start.trim_end_matches('/')).unwrap();
        let store = raw(place.server);
        let found = store.list(Some(&prefix)).map(Result::unwrap).filter_map(|object| {
            let name = object.location.as_ref().strip_prefix(&start).map(str::to_owned);
            std::future::ready(name.map(|name| (name, (object.size, object.e_tag))))
        });
        let all: BTreeMap<_, _> = found.collect().await;
        // The rest are markers.
        all.into_iter().filter(|(_, (size, _))| *size > 0).collect()
    }
}

#[async_trait]
impl Operation for RenameDirectory {
    async fn prepare(&self, place: &Place) {
        // The second one is where the judge sees what a copy looks like.
        for directory in ["from", "model"] {
            let store = raw(place.server);
            let puts = Self::files().map(|(name, content)| {
                let key = Path::parse(format!("{}/{directory}/{name}", place.prefix)).unwrap();
                let store = store.clone();
                async move { store.put(&key, PutPayload::from(content)).await.map(drop).unwrap() }
            });
            futures_util::stream::iter(puts).buffer_unordered(8).collect::<()>().await;
        }
    }

    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement> {
        storage.rename(&path("/from"), &path("/to"), false).await.map(Ok)
    }

    async fn judge(&self, place: &Place, failed: Option<&Error>) -> Judgement {
        let model = Self::below(place, "model").await;
        let (from, to) = (Self::below(place, "from").await, Self::below(place, "to").await);
        if let Some((name, _)) = from.iter().chain(&to).find(|(name, found)| model.get(*name) != Some(*found))
        {
            return Err(format!("{name} is no longer what it was"));
        }
        if let Some(name) = model.keys().find(|name| !from.contains_key(*name) && !to.contains_key(*name)) {
            return Err(format!("{name} is lost"));
        }
        match failed {
            None if to.len() != model.len() || !from.is_empty() => {
                Err(format!("{} at the source, {} at the target", from.len(), to.len()))
            }
            _ => Ok(()),
        }
    }
}

/// Makes or removes a directory.
pub struct Directory {
    pub made: bool,
}

#[async_trait]
impl Operation for Directory {
    async fn prepare(&self, place: &Place) {
        if !self.made {
            place.direct.create_directory(&path("/d")).await.unwrap();
        }
    }

    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement> {
        match self.made {
            true => storage.create_directory(&path("/d")).await.map(Ok),
            false => storage.remove_directory(&path("/d")).await.map(Ok),
        }
    }

    async fn judge(&self, place: &Place, failed: Option<&Error>) -> Judgement {
        let is_there = place.is_directory("/d").await;
        let fine = match failed {
            None => is_there == self.made,
            Some(_) => is_undecided(failed) || is_there != self.made,
        };
        fine.then_some(()).ok_or_else(|| format!("the directory is there: {is_there}"))
    }
}

/// Lists a directory of two pages.
pub struct List;

const ENTRIES: usize = 1100;

#[async_trait]
impl Operation for List {
    fn only_reads(&self) -> bool {
        true
    }

    async fn prepare(&self, place: &Place) {
        let store = raw(place.server);
        let puts = (0..ENTRIES).map(|n| {
            let key = Path::parse(format!("{}/d/{n:04}", place.prefix)).unwrap();
            let store = store.clone();
            async move { store.put(&key, PutPayload::from_static(b"x")).await.map(drop).unwrap() }
        });
        futures_util::stream::iter(puts).buffer_unordered(32).collect::<()>().await;
    }

    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement> {
        let mut entries = storage.list(&path("/d")).await?;
        let mut names = Vec::new();
        while let Some(entry) = entries.next().await {
            names.push(entry?.name);
        }
        names.sort();
        let complete = names.iter().cloned().eq((0..ENTRIES).map(|n| format!("{n:04}")));
        Ok(complete.then_some(()).ok_or_else(|| format!("{} entries were listed", names.len())))
    }

    async fn judge(&self, _: &Place, _: Option<&Error>) -> Judgement {
        Ok(())
    }
}

/// Removes a file.
pub struct Remove;

#[async_trait]
impl Operation for Remove {
    async fn prepare(&self, place: &Place) {
        place.has("/f", b"content").await;
    }

    async fn run(&self, storage: &ObjectStorage) -> Result<Judgement> {
        storage.remove_file(&path("/f")).await.map(Ok)
    }

    async fn judge(&self, place: &Place, failed: Option<&Error>) -> Judgement {
        let is_there = place.found("/f").await.is_some();
        let fine = match failed {
            None => !is_there,
            Some(_) => is_undecided(failed) || is_there,
        };
        fine.then_some(()).ok_or_else(|| format!("the file is there: {is_there}"))
    }
}
