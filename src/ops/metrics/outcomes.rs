//! Words for what becomes of connections and logins.

/// Why a session was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The server has as many sessions as it may have.
    Limit,
    /// The address has as many sessions as it may have.
    AddressLimit,
    /// The address is locked after failed logins.
    LockedOut,
    /// The address connects too often.
    AddressRate,
    /// The server is stopping.
    Stopping,
}

/// Which connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// Control connections.
    Control,
    /// Data connections.
    Data,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The user is logged in.
    Success,
    /// There is no such user, or the password is wrong. Only the log distinguishes the two: people who read metrics must not
    /// find out which names exist.
    Failed,
    /// The address is locked after failed logins. Of a locked name, logins are counted as failed.
    LockedOut,
    /// Too many passwords waited for their check.
    Busy,
    /// Whoever has to be asked gave no answer.
    Unavailable,
    /// The client left before its turn, its time was over, or its session gave way to another one.
    Abandoned,
    /// The client has to use TLS first.
    TlsRequired,
    /// The user has as many sessions as allowed.
    SessionLimit,
    /// The server failed, or is stopping.
    Error,
}

impl Login {
    pub(super) const ALL: [Self; 9] = [
        Self::Success,
        Self::Failed,
        Self::LockedOut,
        Self::Busy,
        Self::Unavailable,
        Self::Abandoned,
        Self::TlsRequired,
        Self::SessionLimit,
        Self::Error,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::LockedOut => "locked_out",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Abandoned => "abandoned",
            Self::TlsRequired => "tls_required",
            Self::SessionLimit => "session_limit",
            Self::Error => "error",
        }
    }
}

impl Refusal {
    pub(super) const ALL: [Self; 5] =
        [Self::Limit, Self::AddressLimit, Self::LockedOut, Self::AddressRate, Self::Stopping];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::AddressLimit => "address_limit",
            Self::LockedOut => "locked_out",
            Self::AddressRate => "address_rate",
            Self::Stopping => "stopping",
        }
    }
}

impl Handshake {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Data => "data",
        }
    }
}
