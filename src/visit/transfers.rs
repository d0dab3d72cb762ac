//! What is counted and told of a transfer, the same in both engines.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use wharf_backends::Error;

use super::Guest;
use super::facts::{Moved, Transfer, TransferEnd, What, Wire};
use crate::ops::metrics::{Ending, Metrics, TransferMeter};

/// What moves where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A file to the client.
    Download,
    /// A file from the client.
    Upload,
    /// From the client, behind the end of a file.
    Append,
    /// The entries of a directory to the client.
    Listing,
}

impl Direction {
    /// Whether bytes come from the client.
    pub(crate) fn is_upload(self) -> bool {
        matches!(self, Self::Upload | Self::Append)
    }

    /// Whether it is no file that moves.
    pub(crate) fn is_listing(self) -> bool {
        self == Self::Listing
    }

    /// The word for it in logs and metrics.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Append => "append",
            Self::Listing => "list",
        }
    }
}

/// Why a transfer failed, as an engine knows it.
pub(crate) trait TransferFailure: fmt::Display {
    /// What is counted.
    fn ending(&self) -> Ending;

    /// The error of the storage, if it was that.
    fn of_storage(&self) -> Option<&Error>;
}

/// A transfer under way. It counts as failed, without a line in the log, if this is dropped before it [ended](Self::end).
#[derive(Debug)]
pub(crate) struct TransferRecord {
    guest: Arc<Guest>,
    transfer: Arc<Transfer>,
    meter: TransferMeter,
}

impl TransferRecord {
    pub(super) fn begin(
        guest: Arc<Guest>,
        metrics: &Metrics,
        direction: Direction,
        (backend, path): (String, &str),
        (offset, size): (u64, Option<u64>),
    ) -> Self {
        let meter = metrics.transfer_started(direction.operation());
        let (path, began, moved) = (path.to_owned(), Instant::now(), Arc::clone(meter.moved()));
        let transfer = Arc::new(Transfer { direction, path, backend, offset, size, began, moved });
        guest.facts.tell(guest.who(), What::TransferBegan { transfer: &transfer });
        Self { guest, transfer, meter }
    }

    /// Where its bytes are counted.
    pub(crate) fn moved(&self) -> &Arc<AtomicU64> {
        self.meter.moved()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.transfer.bytes()
    }

    pub(crate) fn direction(&self) -> Direction {
        self.transfer.direction
    }

    /// Counts what it moved of files.
    pub(crate) fn add_to(&self, moved: &mut Moved) {
        match self.direction() {
            Direction::Listing => {}
            Direction::Download => moved.sent += self.bytes(),
            Direction::Upload | Direction::Append => moved.received += self.bytes(),
        }
    }

    /// What is known of it so far, in words.
    pub(crate) fn status(&self) -> String {
        format!("{} of {}: {} bytes so far", self.direction().operation(), self.transfer.path, self.bytes())
    }

    /// It is over: counts it, and tells it with how its bytes went.
    pub(crate) fn end<E: TransferFailure>(&self, wire: Wire, result: &Result<(), E>) {
        let seconds = self.meter.elapsed().as_secs_f64();
        self.meter.end(match result {
            Ok(()) => Ending::Complete,
            Err(error) => error.ending(),
        });
        let failure = result.as_ref().err().map(|error| error as &dyn TransferFailure);
        let (guest, transfer) = (&*self.guest, &*self.transfer);
        let end = TransferEnd { seconds, data_peer: wire.peer, wire, failure };
        guest.facts.tell(guest.who(), What::TransferEnded { transfer, end });
    }
}
