//! Sessions and transfers as programs read them.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use serde::Serialize;

use super::{Moving, Session};

/// What sessions are chosen by.
pub(crate) struct Chosen<'a> {
    pub(crate) number: u64,
    pub(crate) user: Option<&'a str>,
    pub(crate) peer: IpAddr,
    pub(crate) is_moving: bool,
}

/// A session.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SessionView {
    pub(crate) session: u64,
    /// Of several replicas, which one it is of.
    pub(crate) replica: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) peer: String,
    pub(crate) host: Option<String>,
    pub(crate) connected_at: String,
    pub(crate) connected_seconds: f64,
    pub(crate) idle_seconds: f64,
    pub(crate) is_encrypted: bool,
    pub(crate) last_command: Option<&'static str>,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) transfer: Option<TransferView>,
}

/// A transfer under way.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TransferView {
    pub(crate) direction: &'static str,
    pub(crate) path: String,
    pub(crate) backend: Option<String>,
    pub(crate) offset_bytes: u64,
    pub(crate) bytes: u64,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) bytes_per_second: f64,
    pub(crate) seconds: f64,
}

/// A command or a reply.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Dialogued {
    pub(crate) at: String,
    pub(crate) from: &'static str,
    pub(crate) line: String,
}

/// A moment as programs read it (RFC 3339).
pub(crate) fn time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

/// With as many digits as mean something.
pub(super) fn tidy(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

impl SessionView {
    pub(super) fn of(number: u64, session: &Session, moving: Option<&Moving>, now: u64) -> Self {
        let idle = now.saturating_sub(session.active);
        Self {
            session: number,
            replica: None,
            user: session.user.as_deref().map(str::to_owned),
            peer: SocketAddr::new(session.ip, session.port).to_string(),
            host: session.more.as_ref().and_then(|more| more.host.clone()),
            connected_at: time(session.since),
            connected_seconds: tidy(session.since.elapsed().unwrap_or_default().as_secs_f64()),
            idle_seconds: if moving.is_some() { 0.0 } else { tidy(idle as f64 / 1000.0) },
            is_encrypted: session.is_encrypted,
            last_command: session.last_command,
            received_bytes: session.received,
            sent_bytes: session.sent,
            transfer: moving.map(TransferView::of),
        }
    }
}

impl TransferView {
    pub(super) fn of(moving: &Moving) -> Self {
        let transfer = &*moving.transfer;
        let (bytes, seconds) = (transfer.bytes(), transfer.began.elapsed().as_secs_f64());
        let rate = moving.rate.unwrap_or_else(|| bytes as f64 / seconds.max(0.001));
        Self {
            direction: transfer.direction.operation(),
            path: transfer.path.clone(),
            backend: (!transfer.backend.is_empty()).then(|| transfer.backend.clone()),
            offset_bytes: transfer.offset,
            bytes,
            size_bytes: transfer.size,
            bytes_per_second: rate.round(),
            seconds: tidy(seconds),
        }
    }
}
