//! Where the record of who did what goes.

use std::path::PathBuf;

/// Somewhere that the record of who did what goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSink {
    /// Where.
    pub to: AuditTo,
    /// What a line is.
    pub format: AuditFormat,
    /// When a file is given another name; `None`: never.
    pub rotation: Option<Rotation>,
    /// Whether nothing may happen that can't be written there.
    pub required: bool,
    /// Whether files have their SHA-256.
    pub sha256: bool,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditTo {
    /// To standard output.
    Stdout,
    /// To a file, whose directory exists.
    File(PathBuf),
    /// To a system log.
    Syslog(SyslogAddress),
}

/// Where a system log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogAddress {
    /// At this socket.
    Unix(PathBuf),
    /// At this host and port, by UDP.
    Udp(String),
    /// At this host and port, by TCP.
    Tcp(String),
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFormat {
    /// A JSON object.
    Json,
    /// As wu-ftpd wrote them.
    Xferlog,
}

/// When a file is given another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// When it would be larger than this, in bytes.
    pub size: u64,
    /// How many are kept; at least 1.
    pub keep: usize,
}
