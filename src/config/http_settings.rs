//! Health, metrics and the admin interface over HTTP, as usable.

use std::net::SocketAddr;

use super::{Secret, TlsSettings};

/// Health and metrics over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where; empty: nowhere. None of these is an address of the FTP server or a port of passive mode.
    pub listen: Vec<SocketAddr>,
    /// Nobody has asked for these addresses, so the server runs without one that is taken.
    pub by_default: bool,
    /// The admin interface.
    pub admin: Option<Admin>,
}

/// The admin interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The token of whoever may change everything.
    pub token: Option<Secret>,
    /// The token of whoever may look.
    pub read_only_token: Option<Secret>,
    /// Addresses of its own; empty: those of [`Http`].
    pub listen: Vec<SocketAddr>,
    /// Whether the page for people is there.
    pub page: bool,
    /// Encryption there.
    pub tls: Option<Box<TlsSettings>>,
}
