//! What is done when the scanner has found something.

use std::sync::Arc;

use wharf_backends::{Error, StoragePath};

use super::Settings;
use super::quarantine::{Record, Spool};
use crate::ops::logging::rate;
use crate::visit::Guest;

/// Something that the scanner has found in an upload. It depends on the client no more.
pub(super) struct Found {
    pub(super) settings: Arc<Settings>,
    pub(super) guest: Guest,
    pub(super) path: StoragePath,
    pub(super) finding: String,
    pub(super) bytes: u64,
    /// The client had sent all of it.
    pub(super) is_whole: bool,
}

impl Found {
    /// Keeps the copy, if one was asked for, and tells of it all.
    pub(super) async fn told(self, spool: Option<Spool>) {
        let kept = self.keep(spool).await;
        let Self { settings, guest, path, finding, .. } = &self;
        guest.journal().scan_found(path, finding, &settings.place, kept.as_deref());
    }

    /// Where the copy is.
    async fn keep(&self, spool: Option<Spool>) -> Option<String> {
        let Self { settings, guest, path, finding, bytes, is_whole } = self;
        let quarantine = settings.quarantine.as_ref()?;
        let Some(spool) = spool else {
            // Why there is none was told when it ended.
            settings.meter.quarantined(false);
            return None;
        };
        let record =
            Record { guest, path, finding, scanner: &settings.place, bytes: *bytes, is_whole: *is_whole };
        let kept = quarantine.keep(spool, &record).await;
        settings.meter.quarantined(kept.is_ok());
        match kept {
            Ok(kept) => Some(kept.as_str().to_owned()),
            Err(error) => {
                quarantine_failed(guest, path, &error);
                None
            }
        }
    }
}

/// There is no copy of an upload.
pub(super) fn quarantine_failed(guest: &Guest, path: &StoragePath, error: &Error) {
    let Guest { session, name: user, peer, .. } = guest;
    if rate::UNSCANNED.admits(peer.ip()) {
        let (path, cause) = (path.as_str(), error.to_string());
        tracing::warn!(session, user, %peer, path, cause, "the quarantine takes no copy of an upload");
    }
}
