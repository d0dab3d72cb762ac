//! Stores files of its own in a backend, does with them what clients do, and removes them.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio::time::timeout;
use wharf_backends::{ByteRange, CHUNK_SIZE, CreateMode, Error, ErrorKind, Result, Storage, StoragePath};

use super::super::findings::Report;
use super::backends::cure_of;

/// What is stored.
const CONTENT: &[u8] = b"wharf doctor was here, and removes this file again\n";

/// More than fits into two parts of the usual size.
const LARGE: usize = 17 << 20;

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
    if probe.tried(STORE, async { put(storage, &small, CreateMode::New, CONTENT.to_vec()).await }).await {
        probe.tried(READ, async { same(storage, &small).await }).await;
        probe.conditional(&small, &other).await;
        probe
            .tried(RENAME, async {
                storage.rename(&small, &other, true).await?;
                storage.rename(&other, &small, true).await
            })
            .await;
        if storage.capabilities().remote {
            probe
                .tried(PARTS, async { put(storage, &large, CreateMode::Replace, vec![b'x'; LARGE]).await })
                .await;
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
    async fn tried(&mut self, Tried { what, rights }: Tried, work: impl Future<Output = Result<()>>) -> bool {
        let name = self.name;
        match timeout(self.patience, work).await {
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

async fn put(
    storage: &Arc<dyn Storage>,
    path: &StoragePath,
    mode: CreateMode,
    content: Vec<u8>,
) -> Result<()> {
    let mut upload = storage.create(path, mode).await?;
    let mut content = Bytes::from(content);
    while !content.is_empty() {
        let chunk = content.split_to(content.len().min(CHUNK_SIZE));
        upload.write(chunk).await?;
    }
    upload.finish().await.map(drop)
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
