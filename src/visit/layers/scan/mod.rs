//! Uploads are scanned before they become visible.
//!
//! The bytes go to the scanner while they arrive, and an upload is finished when the verdict is there. What the scanner sees is what
//! would be stored, as it would be stored: of an append or a resumed upload, what stands there already comes first, so that nothing
//! gets in piece by piece. No verdict is never a good one: whether such a file is refused says the configuration.
//!
//! One upload keeps no bytes here but those of a preview. A scanner that does not read keeps its client waiting, up to a limit.

mod clamd;
mod found;
mod icap;
mod icap_answer;
#[cfg(test)]
mod odd;
#[cfg(test)]
mod played;
mod quarantine;
mod scanner;
mod tap;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use wharf_backends::{Error, ErrorKind, Result, StoragePath};

use self::quarantine::Quarantine;
use self::scanner::{Scanner, Trouble, Verdict};
use self::tap::Scanning;
use super::{Layer, Opening, Operation, Tap};
use crate::config::{self, Unscanned};
use crate::ops::metrics::ScanMeter;
use crate::visit::Guest;

/// The layer.
#[derive(Debug)]
pub(super) struct Scan(Arc<Settings>);

/// What all scans have in common.
#[derive(Debug)]
struct Settings {
    scanner: Scanner,
    /// Where it is, for people.
    place: String,
    timeout: Duration,
    unavailable: Unscanned,
    most: u64,
    over: Unscanned,
    turns: Arc<Semaphore>,
    paths: Vec<StoragePath>,
    quarantine: Option<Quarantine>,
    meter: ScanMeter,
}

impl Scan {
    /// The layer that a configuration asks for.
    pub(super) fn open(opening: Opening<'_>) -> Option<Arc<dyn Layer>> {
        let scan = opening.config.scan.as_ref()?;
        let quarantine = scan.quarantine.as_ref().and_then(|config::Quarantine { backend, path }| {
            // The check of a configuration rules out that there is none.
            let storage = opening.storages.get(backend)?;
            Some(Quarantine::new(Arc::clone(storage), path.clone().confined_to(path), scan.timeout))
        });
        Some(Arc::new(Self::new(scan, quarantine, opening.metrics.scans())))
    }

    fn new(scan: &config::Scan, quarantine: Option<Quarantine>, meter: &ScanMeter) -> Self {
        Self(Arc::new(Settings {
            scanner: Scanner::new(&scan.scanner),
            place: scan.scanner.to_string(),
            timeout: scan.timeout,
            unavailable: scan.unavailable,
            most: scan.most,
            over: scan.over,
            turns: Arc::new(Semaphore::new(scan.connections)),
            paths: scan.paths.clone(),
            quarantine,
            meter: meter.clone(),
        }))
    }

    fn is_scanned(&self, path: &StoragePath) -> bool {
        self.0.paths.iter().any(|scanned| path.starts_with(scanned))
    }

    /// Whether something at this path, or below it, is scanned when it is stored.
    fn is_around(&self, path: &StoragePath) -> bool {
        self.is_scanned(path) || self.0.paths.iter().any(|scanned| scanned.starts_with(path))
    }
}

#[async_trait]
impl Layer for Scan {
    async fn before(&self, _: &Guest, operation: Operation<'_>) -> Result<()> {
        match operation {
            Operation::Rename { from, to } if self.is_around(to) && !self.is_scanned(from) => {
                let reason =
                    "files are scanned there when they are stored, and this one was not: store it there";
                Err(Error::with_source(ErrorKind::PermissionDenied, to, reason).advising(reason))
            }
            _ => Ok(()),
        }
    }

    fn wants_whole(&self, _: &Guest, operation: Operation<'_>) -> bool {
        matches!(operation, Operation::Store(path, _) if self.is_scanned(path))
    }

    fn tap(&self, guest: &Guest, operation: Operation<'_>) -> Option<Box<dyn Tap>> {
        match operation {
            Operation::Store(path, mode) if self.is_scanned(path) => {
                Some(Box::new(Scanning::new(Arc::clone(&self.0), guest.clone(), path.clone(), mode)))
            }
            _ => None,
        }
    }
}

/// The test file of EICAR, backwards: this program is nothing that a scanner should find.
const EICAR_BACKWARDS: &[u8; 68] = br"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X";

/// Has a scanner look at the test file of EICAR, and tells what it finds in it.
///
/// # Errors
/// A sentence: there is no verdict, or the scanner finds nothing.
pub(crate) async fn try_scanner(scan: &config::Scan) -> std::result::Result<String, String> {
    let content: Vec<u8> = EICAR_BACKWARDS.iter().rev().copied().collect();
    let path = StoragePath::parse("/eicar.com").map_err(|error| error.to_string())?;
    let asked = async {
        let mut inquiry = Scanner::new(&scan.scanner).begin(&path).await?;
        match inquiry.bytes(&content.into()).await? {
            Some(verdict) => Ok(verdict),
            None => inquiry.verdict().await,
        }
    };
    match tokio::time::timeout(scan.timeout, asked).await {
        Ok(Ok(Verdict::Infected(finding))) => Ok(finding),
        Ok(Ok(Verdict::Clean)) => {
            Err("it finds nothing in the test file of EICAR, so it finds nothing in anything".to_owned())
        }
        Ok(Err(Trouble::TooLarge(cause) | Trouble::Replaced(cause) | Trouble::Silent(cause))) => Err(cause),
        Err(_) => Err(format!("no answer within {:?}", scan.timeout)),
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
