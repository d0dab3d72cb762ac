//! What happens, for whoever reads along at this moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use wharf_backends::StoragePath;

use super::views::{tidy, time};
use crate::visit::facts::{Act, Fact, Moved, Transfer, What};

/// How many facts wait for a slow reader before it loses the oldest.
const WAITING: usize = 256;

/// What happens, as lines of JSON. Nothing is done while nobody reads along.
#[derive(Debug)]
pub(crate) struct Feed {
    facts: broadcast::Sender<Arc<str>>,
    /// How many read along: the sender knows it, too, but behind a lock that all sessions would share.
    readers: Arc<AtomicUsize>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { facts: broadcast::Sender::new(WAITING), readers: Arc::default() }
    }
}

/// Somebody who reads along.
#[derive(Debug)]
pub(crate) struct Reading {
    facts: broadcast::Receiver<Arc<str>>,
    readers: Arc<AtomicUsize>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reading {
    /// The next fact that is there already, or how many were lost; `None`: there is none.
    pub(crate) fn try_next(&mut self) -> Option<Result<Arc<str>, u64>> {
        match self.facts.try_recv() {
            Ok(fact) => Some(Ok(fact)),
            Err(TryRecvError::Lagged(lost)) => Some(Err(lost)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    /// The next fact, or how many were lost because this reader is slow; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Arc<str>, u64>> {
        match self.facts.recv().await {
            Ok(fact) => Some(Ok(fact)),
            Err(RecvError::Lagged(lost)) => Some(Err(lost)),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Feed {
    /// Reads along from now on.
    pub(crate) fn read(&self) -> Reading {
        let facts = self.facts.subscribe();
        self.readers.fetch_add(1, Ordering::Relaxed);
        Reading { facts, readers: Arc::clone(&self.readers) }
    }

    fn has_readers(&self) -> bool {
        self.readers.load(Ordering::Relaxed) > 0
    }

    pub(super) fn hears(&self, fact: &Fact<'_>) {
        // Most facts are these, and `object` knows none of them.
        if matches!(fact.what, What::Command { .. } | What::Reply { .. } | What::Digested { .. }) {
            return;
        }
        if self.has_readers()
            && let Some(object) = object(fact)
        {
            let _ = self.facts.send(Value::Object(object).to_string().into());
        }
    }

    pub(super) fn hears_act(&self, at: SystemTime, act: &Act<'_>) {
        if self.has_readers() {
            let Act { by, action, detail, outcome } = *act;
            let line = json!({
                "at": time(at), "what": "operator_acted", "by": by, "action": action, "detail": detail,
                "failure": outcome.err(),
            });
            let _ = self.facts.send(line.to_string().into());
        }
    }
}

/// A fact as programs read it; `None` for those that are too many to be of use here.
fn object(fact: &Fact<'_>) -> Option<Map<String, Value>> {
    let Fact { time: at, who, what } = *fact;
    let (what, more) = match what {
        What::Command { .. } | What::Reply { .. } | What::Digested { .. } => return None,
        What::SessionRefused { cause } => ("session_refused", json!({ "cause": cause.as_str() })),
        What::Mistaken { mistake } => ("client_mistaken", json!({ "cause": mistake.words() })),
        What::ScanFound { path, finding, scanner, quarantined } => (
            "scan_found",
            json!({ "path": path.as_str(), "finding": finding, "scanner": scanner, "quarantined": quarantined }),
        ),
        What::ScanUnavailable { path, scanner, cause, passed } => (
            "scan_unavailable",
            json!({ "path": path.as_str(), "scanner": scanner, "cause": cause, "is_stored": passed }),
        ),
        What::SessionOpened { .. } => ("session_opened", json!({})),
        What::SessionClosed { moved, lasted } => ("session_closed", {
            let mut more = of_moved(moved);
            more["seconds"] = tidy(lasted.as_secs_f64()).into();
            more
        }),
        What::SessionDisplaced => ("session_displaced", json!({})),
        What::AccountExpired => ("account_expired", json!({})),
        What::Encrypted { is_encrypted } => ("encryption_changed", json!({ "is_encrypted": is_encrypted })),
        What::LoggedIn { host, proof, encrypted } => (
            "logged_in",
            json!({ "host": host.map(ToString::to_string), "proof": proof, "is_encrypted": encrypted }),
        ),
        What::LoggedOut { moved } => ("logged_out", of_moved(moved)),
        What::LoginFailed { cause } => ("login_failed", json!({ "cause": cause })),
        What::LoginRefused { cause } => ("login_refused", json!({ "cause": cause })),
        What::OtherCertificate { .. } => ("other_certificate", json!({})),
        What::LoginAbandoned => ("login_abandoned", json!({})),
        What::AddressLockedOut => ("address_locked_out", json!({})),
        What::NameLockedOut => ("name_locked_out", json!({})),
        What::TooManyTransfers => ("too_many_transfers", json!({})),
        What::TransferBegan { transfer } => ("transfer_began", of_transfer(transfer)),
        What::TransferEnded { transfer, end } => ("transfer_ended", {
            let mut more = of_transfer(transfer);
            more["bytes"] = transfer.bytes().into();
            more["seconds"] = tidy(end.seconds).into();
            more["failure"] = end.failure.map(ToString::to_string).into();
            more
        }),
        What::UploadKept { path, bytes } => ("upload_kept", json!({ "path": path.as_str(), "bytes": bytes })),
        What::UploadRemoved { path, bytes } => {
            ("upload_removed", json!({ "path": path.as_str(), "bytes": bytes }))
        }
        What::Changed { operation, path, to, value } => {
            let (path, to) = (path.as_str(), to.map(StoragePath::as_str));
            ("changed", json!({ "operation": operation, "path": path, "to": to, "value": value }))
        }
        What::CommandFailed { operation, error } => {
            let (path, cause) = (error.path().map(StoragePath::as_str), error.to_string());
            ("command_failed", json!({ "operation": operation, "path": path, "cause": cause }))
        }
    };
    let mut object = Map::new();
    object.insert("at".to_owned(), time(at).into());
    object.insert("what".to_owned(), what.into());
    object.insert("session".to_owned(), who.session.into());
    object.insert("user".to_owned(), (!who.user.is_empty()).then_some(who.user).into());
    object.insert("peer".to_owned(), who.peer.to_string().into());
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Some(object)
}

fn of_moved(Moved { received, sent }: Moved) -> Value {
    json!({ "received_bytes": received, "sent_bytes": sent })
}

fn of_transfer(transfer: &Transfer) -> Value {
    json!({
        "direction": transfer.direction.operation(),
        "path": transfer.path,
        "backend": (!transfer.backend.is_empty()).then_some(&transfer.backend),
        "offset_bytes": transfer.offset,
        "size_bytes": transfer.size,
    })
}
