//! What an upload holds of a quota while it is under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_backends::{CreateMode, Result, StoragePath};

use super::{Ledger, Usage};
use crate::config::Quota;

/// What an upload holds of the quota of its place. Whoever stores some bytes takes them from here first. What is held is given back
/// when the last of these is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Hold(Arc<Held>);

#[derive(Debug)]
struct Held {
    ledger: Arc<Ledger>,
    quota: Quota,
    need: Mutex<Need>,
}

#[derive(Debug)]
struct Need {
    mode: CreateMode,
    /// The size of the file that is there, if there is one: what an upload replaces makes room for it.
    old: Option<u64>,
    /// The bytes that came.
    received: u64,
    held: Usage,
    /// The upload is over; a thread that moves bytes may not know yet.
    has_ended: bool,
}

impl Need {
    /// What the upload adds to its place if it ends with so many bytes.
    fn of(&self, received: u64) -> Usage {
        let files = u64::from(self.old.is_none());
        let bytes = match self.mode {
            CreateMode::Append => received,
            CreateMode::New | CreateMode::Replace => received.saturating_sub(self.old.unwrap_or(0)),
            CreateMode::Resume(offset) => {
                offset.saturating_add(received).saturating_sub(self.old.unwrap_or(0))
            }
        };
        Usage { bytes, files }
    }
}

impl Hold {
    /// For an upload of which a client has announced so many bytes, or 0.
    ///
    /// # Errors
    /// [`wharf_backends::ErrorKind::QuotaExceeded`] if it is known by now that it passes the quota.
    pub(super) fn new(
        ledger: Arc<Ledger>,
        quota: Quota,
        (mode, old): (CreateMode, Option<u64>),
        announced: u64,
        path: &StoragePath,
    ) -> Result<Self> {
        let need = Need { mode, old, received: 0, held: Usage::default(), has_ended: false };
        // Clients that resume may announce the whole file, or what is left of it.
        let announced = match mode {
            CreateMode::Resume(offset) => announced.saturating_sub(offset),
            _ => announced,
        };
        // Even one byte would be too much for a place that is full, and is not worth a data connection.
        let first = Usage { bytes: need.of(1).bytes, files: 0 };
        let needed = need.of(announced);
        let hold = Self(Arc::new(Held { ledger, quota, need: Mutex::new(need) }));
        hold.fit(&mut hold.0.need(), needed.most(first), path)?;
        hold.fit(&mut hold.0.need(), needed, path)?;
        Ok(hold)
    }

    /// Takes room for bytes that are about to be stored.
    ///
    /// # Errors
    /// [`wharf_backends::ErrorKind::QuotaExceeded`].
    pub(crate) fn take(&self, bytes: usize, path: &StoragePath) -> Result<()> {
        let mut need = self.0.need();
        if need.has_ended {
            return Ok(());
        }
        need.received = need.received.saturating_add(bytes as u64);
        let needed = need.of(need.received).most(need.held);
        self.fit(&mut need, needed, path)
    }

    /// Whether it still fits where a file of this size, or none, is there now.
    ///
    /// # Errors
    /// [`wharf_backends::ErrorKind::QuotaExceeded`].
    pub(super) fn replaces(&self, old: Option<u64>, path: &StoragePath) -> Result<()> {
        let mut need = self.0.need();
        need.old = old;
        let needed = need.of(need.received);
        self.fit(&mut need, needed, path)
    }

    fn fit(&self, need: &mut Need, needed: Usage, path: &StoragePath) -> Result<()> {
        let Held { ledger, quota, .. } = &*self.0;
        ledger.hold(*quota, needed.minus(need.held), path)?;
        ledger.release(need.held.minus(needed));
        need.held = needed;
        Ok(())
    }

    /// Whether this is the place.
    pub(super) fn is_of(&self, ledger: &Arc<Ledger>) -> bool {
        Arc::ptr_eq(&self.0.ledger, ledger)
    }

    /// What is held becomes what is there: nothing is held any more, and whoever calls takes it off.
    pub(super) fn hand_over(&self) -> Usage {
        std::mem::take(&mut self.0.need().held)
    }
}

impl Hold {
    /// The upload is over: what is still held is given back, whoever has this.
    pub(super) fn end(&self) {
        let mut need = self.0.need();
        need.has_ended = true;
        self.0.ledger.release(std::mem::take(&mut need.held));
    }
}

impl Held {
    fn need(&self) -> MutexGuard<'_, Need> {
        self.need.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let held = self.need().held;
        self.ledger.release(held);
    }
}
