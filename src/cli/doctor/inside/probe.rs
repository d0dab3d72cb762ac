//! Stores files of its own in a backend, does with them what clients do, and removes them.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use wharf_backends::{
    ByteRange, CHUNK_SIZE, CreateMode, Error, ErrorKind, Result, Storage, StoragePath, Upload,
};

use super::super::findings::Report;
use super::backends::cure_of;

/// What is stored.
const CONTENT: &[u8] = b"wharf doctor was here, and removes this file again\n";

/// More than fits into two parts of the usual size; and what may be under way at the end, each of which may take as long as
/// an answer: these parts, and that they become one file.
const LARGE: usize = 17 << 20;
const UNDER_WAY: u32 = 4;

/// The most that is read back.
const MOST: usize = 1 << 20;

/// What was tried, and the rights that it takes in buckets and on disks.
struct Tried {
    what: &'static str,
    rights: &'static str,
}

const STORE: Tried =
    Tried { what: "stored", rights: "s3:PutObject, storage.objects.create; w and x on the directory" };
const READ: Tried = Tried { what: "read", rights: "s3:GetObject, storage.objects.get; r on files" };
const RENAME: Tried = Tried {
    what: "renamed",
    rights: "s3:GetObject, s3:PutObject, s3:DeleteObject; w and x on the directory",
};
const REMOVE: Tried =
    Tried { what: "removed", rights: "s3:DeleteObject, storage.objects.delete; w and x on the directory" };
const PARTS: Tried = Tried {
    what: "stored in parts",
    rights: "s3:PutObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts, storage.multipartUploads.create",
};

pub(super) async fn examine(
    name: &str,
    storage: &Arc<dyn Storage>,
    directory: &str,
    patience: Duration,
    report: &mut Report,
) {
    let unique = RandomState::new().hash_one(std::process::id());
    let path = |suffix: &str| {
        let directory = StoragePath::parse(&format!("/{directory}"))?;
        directory.child(&format!("wharf-doctor-{unique:016x}{suffix}"))
    };
    let (Ok(small), Ok(other), Ok(large)) = (path(""), path("-renamed"), path("-large")) else {
        return report.problem(
            "backend",
            format!("{name}: {directory:?} can't be a directory"),
            "name another in --write",
        );
    };
    let mut probe = Probe { name, storage, patience, report };
    if probe.store(STORE, &small, CreateMode::New, CONTENT.to_vec(), 1).await {
        probe.tried(READ, async { same(storage, &small).await }).await;
        probe.conditional(&small, &other).await;
        probe
            .tried(RENAME, async {
                storage.rename(&small, &other, true).await?;
                storage.rename(&other, &small, true).await
            })
            .await;
        if storage.capabilities().remote {
            probe.store(PARTS, &large, CreateMode::Replace, vec![b'x'; LARGE], UNDER_WAY).await;
        }
        probe.tried(REMOVE, async { storage.remove_file(&small).await }).await;
    }
    // Whatever failed above may have left one behind.
    for path in [&small, &other, &large] {
        match timeout(patience, storage.remove_file(path)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {}
            _ => report.warning("backend", format!("{name}: {path} may still be there"), "remove it by hand"),
        }
    }
}

struct Probe<'a> {
    name: &'a str,
    storage: &'a Arc<dyn Storage>,
    patience: Duration,
    report: &'a mut Report,
}

impl Probe<'_> {
    async fn tried(&mut self, tried: Tried, work: impl Future<Output = Result<()>>) -> bool {
        let outcome = timeout(self.patience, work).await;
        self.told(tried, outcome)
    }

    async fn store(
        &mut self,
        tried: Tried,
        path: &StoragePath,
        mode: CreateMode,
        content: Vec<u8>,
        under_way: u32,
    ) -> bool {
        let put = put(self.storage.create(path, mode), content, self.patience, under_way).await;
        if !put.is_clean {
            self.report.warning(
                "backend",
                format!("{}: parts of {path} may still be there", self.name),
                "the server removes them when it looks for leftovers, or a rule of the bucket does",
            );
        }
        self.told(tried, put.outcome)
    }

    fn told(&mut self, Tried { what, rights }: Tried, outcome: Outcome) -> bool {
        let name = self.name;
        match outcome {
            Ok(Ok(())) => {
                self.report.ok("backend", format!("{name}: files can be {what}"));
                true
            }
            Ok(Err(error)) => {
                let cure = cure_of(error.kind(), rights);
                self.report.problem("backend", format!("{name}: files can't be {what}: {error}"), cure);
                false
            }
            Err(_) => {
                let says = format!(
                    "{name}: it was not known within {:?} whether files can be {what}",
                    self.patience
                );
                self.report.problem(
                    "backend",
                    says,
                    "look at the store, or the disk; or give it more time: --timeout",
                );
                false
            }
        }
    }

    /// Two uploads of a new file at the same time: a store that decides on conditions lets the second one fail.
    async fn conditional(&mut self, taken: &StoragePath, free: &StoragePath) {
        let storage = self.storage;
        let work = async {
            let mut first = storage.create(free, CreateMode::New).await?;
            let mut second = storage.create(free, CreateMode::New).await?;
            first.write(Bytes::from_static(CONTENT)).await?;
            second.write(Bytes::from_static(CONTENT)).await?;
            first.finish().await?;
            let second = second.finish().await;
            storage.remove_file(free).await?;
            Ok::<_, Error>(second)
        };
        let name = self.name;
        match timeout(self.patience, work).await {
            Ok(Ok(Err(error))) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::Conflict) => {
                self.report.ok("backend", format!("{name}: a file that somebody else makes at the same time is not overwritten"));
            }
            Ok(Ok(Ok(_))) => self.report.advise(
                "backend",
                format!("{name}: of two clients that make one file at the same time, the second overwrites the first unseen"),
                "the store takes no conditional writes: give each client names, or a directory, of its own",
            ),
            Ok(Ok(Err(error)) | Err(error)) => {
                self.report.note("backend", format!("{name}: not known whether it takes conditional writes: {error} ({taken})"));
            }
            Err(_) => self.report.note("backend", format!("{name}: not known in time whether it takes conditional writes")),
        }
    }
}

/// What came of something within the time.
type Outcome = std::result::Result<Result<()>, Elapsed>;

/// What came of storing a file.
struct Put {
    outcome: Outcome,
    /// Nothing stayed that is no file.
    is_clean: bool,
}

/// Stores a file. Each step may take as long as `patience`; the end as often as that, as so many are under way then.
async fn put(
    create: impl Future<Output = Result<Box<dyn Upload>>>,
    content: Vec<u8>,
    patience: Duration,
    under_way: u32,
) -> Put {
    let clean = |outcome| Put { outcome, is_clean: true };
    let mut upload = match timeout(patience, create).await {
        Ok(Ok(upload)) => upload,
        Ok(Err(error)) => return clean(Ok(Err(error))),
        Err(late) => return clean(Err(late)),
    };
    let written = write(&mut *upload, content, patience).await;
    if matches!(written, Ok(Ok(()))) {
        let outcome = timeout(patience * under_way, upload.finish()).await;
        return Put { is_clean: outcome.is_ok(), outcome: outcome.map(|finished| finished.map(drop)) };
    }
    // This process ends soon: what is not removed by then stays.
    let aborted = timeout(patience, upload.abort()).await;
    Put { outcome: written, is_clean: matches!(aborted, Ok(Ok(()))) }
}

async fn write(upload: &mut dyn Upload, content: Vec<u8>, patience: Duration) -> Outcome {
    let mut content = Bytes::from(content);
    while !content.is_empty() {
        let chunk = content.split_to(content.len().min(CHUNK_SIZE));
        match timeout(patience, upload.write(chunk)).await {
            Ok(Ok(())) => {}
            failed => return failed,
        }
    }
    Ok(Ok(()))
}

async fn same(storage: &Arc<dyn Storage>, path: &StoragePath) -> Result<()> {
    let mut stream = storage.open(path, ByteRange::ALL).await?.into_stream();
    let mut content = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        content.extend_from_slice(&chunk);
        if content.len() > MOST {
            break;
        }
    }
    match content == CONTENT {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Conflict, path)),
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
