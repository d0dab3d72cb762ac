//! Where copies of infected files are kept.
//!
//! The bytes of each upload go there while they arrive, as an upload of its own, which is given up when the verdict is good: no byte
//! has to wait in memory for it. What is kept gets a name that no other file has, with the time, the user and the finding, and
//! beside it a JSON file of the same name that says where it comes from.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use tokio::time::timeout;
use wharf_backends::{
    ByteRange, CreateMode, DigestAlgorithm, Error, ErrorKind, Intake, Result, Storage, StoragePath, Supply,
    Upload,
};

use crate::visit::{Guest, copy};

/// The longest part of a name that is a user, or a finding.
const LONGEST: usize = 48;
/// The longest wait for room in memory. The upload itself has taken room of the same memory, and keeps it while it waits for its copy:
/// if many do, none of them would ever go on.
const ROOM: Duration = Duration::from_secs(10);

/// A directory for infected files.
#[derive(Debug)]
pub(super) struct Quarantine {
    storage: Arc<dyn Storage>,
    directory: StoragePath,
    patience: Duration,
}

/// A copy under way. Dropping it leaves nothing behind.
pub(super) struct Spool {
    upload: Box<dyn Upload>,
    /// What its name begins with, without an end.
    name: String,
    began: DateTime<Utc>,
}

/// What is written down of an infected file.
pub(super) struct Record<'a> {
    pub(super) guest: &'a Guest,
    /// Where it should have been stored in the tree of the user.
    pub(super) path: &'a StoragePath,
    pub(super) finding: &'a str,
    pub(super) scanner: &'a str,
    pub(super) bytes: u64,
    /// The client had sent all of it.
    pub(super) is_whole: bool,
}

impl Quarantine {
    pub(super) fn new(storage: Arc<dyn Storage>, directory: StoragePath, patience: Duration) -> Self {
        Self { storage, directory, patience }
    }

    /// Begins a copy.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) async fn begin(&self, guest: &Guest) -> Result<Spool> {
        let began = DateTime::<Utc>::from(SystemTime::now());
        let mut random = [0; 8];
        rand::fill(&mut random).map_err(|_| {
            Error::with_source(ErrorKind::Other, &self.directory, "the system has no random bytes")
        })?;
        let (time, user) = (began.format("%Y%m%dT%H%M%S%3fZ"), word(&guest.name));
        let name = format!("{time}-{}-{user}", hex::encode(random));
        let path = self.directory.child(&format!("{name}.scanning"))?;
        let create = async {
            match self.storage.create(&path, CreateMode::New).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    copy::create_directories(&*self.storage, &self.directory).await?;
                    self.storage.create(&path, CreateMode::New).await
                }
                created => created,
            }
        };
        let upload = self.within(create).await?;
        Ok(Spool { upload, name, began })
    }

    /// Copies the next bytes.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) async fn write(&self, spool: &mut Spool, bytes: &Bytes) -> Result<()> {
        let mut bytes = bytes.clone();
        while !bytes.is_empty() {
            let intake = within(self.patience.min(ROOM), &self.directory, spool.upload.intake(Supply::Bytes));
            let room = match intake.await? {
                Intake::Reserved(room) => room.clamp(1, bytes.len()),
                Intake::Bytes | Intake::File(_) => bytes.len(),
            };
            self.within(spool.upload.write(bytes.split_to(room))).await?;
        }
        Ok(())
    }

    /// Keeps a copy; the path at which it is.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) async fn keep(&self, spool: Spool, record: &Record<'_>) -> Result<StoragePath> {
        let Spool { upload, name, began } = spool;
        self.within(upload.finish()).await?;
        let first = self.directory.child(&format!("{name}.scanning"))?;
        let name = format!("{name}-{}", word(record.finding));
        let (kept, beside) = (self.directory.child(&name)?, self.directory.child(&format!("{name}.json"))?);
        // The record comes last: where it stands, the file beside it is whole.
        self.within(self.storage.rename(&first, &kept, false)).await?;
        let digest = self.within(self.storage.digest(&kept, DigestAlgorithm::Sha256, ByteRange::ALL)).await;
        let guest = record.guest;
        let text = json!({
            "time": began.to_rfc3339_opts(SecondsFormat::Millis, true),
            "user": guest.name,
            "peer": guest.peer.to_string(),
            "session": guest.session,
            "path": record.path.as_str(),
            "finding": record.finding,
            "scanner": record.scanner,
            "bytes": record.bytes,
            "whole": record.is_whole,
            "sha256": digest.ok().map(hex::encode),
        });
        let write = async {
            let mut upload = self.storage.create(&beside, CreateMode::New).await?;
            upload.write(Bytes::from(format!("{text:#}\n"))).await?;
            upload.finish().await
        };
        self.within(write).await?;
        Ok(kept)
    }

    async fn within<T>(&self, done: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.patience, &self.directory, done).await
    }
}

async fn within<T>(
    patience: Duration,
    directory: &StoragePath,
    done: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(patience, done)
        .await
        .unwrap_or_else(|_| Err(Error::with_source(ErrorKind::Unavailable, directory, "it takes too long")))
}

impl Spool {
    /// The file is clean. Nobody waits until its copy is gone.
    pub(super) fn give_up(self) {
        tokio::spawn(async move {
            if let Err(error) = self.upload.abort().await {
                tracing::warn!(
                    cause = error.to_string(),
                    "can't clean up a copy of a clean upload in the quarantine"
                );
            }
        });
    }
}

/// A text as a part of a name: letters, digits and a few signs that mean nothing anywhere.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-');
    text.chars().take(LONGEST).map(|c| if is_plain(c) { c } else { '_' }).collect()
}
