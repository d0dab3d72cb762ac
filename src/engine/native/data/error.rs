//! Why a transfer failed, and the reply that the client gets.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::super::reply::Reply;
use super::super::tls::Unproven;
use crate::ops::metrics::Ending;
use crate::visit::{TransferFailure, failure};

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum TransferError {
    #[error(transparent)]
    Storage(#[from] wharf_backends::Error),
    #[error("no data connection came about within {0:?}")]
    NoConnection(Duration),
    #[error("no data connection came about: {0}")]
    Connect(#[source] io::Error),
    #[error(
        "the data connection came from {data} and the control connection from {control}: both have to come from one address"
    )]
    Elsewhere { control: IpAddr, data: IpAddr },
    #[error("TLS handshake of the data connection: {0}")]
    Handshake(#[source] io::Error),
    #[error("the data connection may be somebody else's: {0}")]
    Unproven(#[source] Unproven),
    #[error("data connection: {0}")]
    DataConnection(#[source] io::Error),
    #[error("data connection, which came by way of replica {replica}: {cause}")]
    Relayed { replica: u16, cause: io::Error },
    #[error("the data connection ended without TLS's close_notify: the file may have been cut short")]
    NotClosed,
    #[error("nothing moved on the data connection for {0:?}")]
    Stalled(Duration),
    #[error("what came is not compressed as MODE Z has it")]
    NotCompressed,
    #[error("the client asked to abort it")]
    Aborted,
    #[error("the client closed the control connection before the transfer was complete")]
    ControlConnectionLost,
    #[error("the server is stopping")]
    Stopping,
    #[error("an operator has ended the session")]
    Kicked,
    #[error("the server failed: a defect of it, which its log tells more of")]
    Panicked,
}

impl TransferError {
    /// The same error of a data connection that came by way of another replica, which may be what was lost.
    pub(in super::super) fn by_way_of(self, replica: u16) -> Self {
        match self {
            Self::DataConnection(cause) => Self::Relayed { replica, cause },
            other => other,
        }
    }

    /// The same error with the path that the client knows.
    pub(in super::super) fn at(self, path: &wharf_backends::StoragePath) -> Self {
        match self {
            Self::Storage(error) => Self::Storage(error.at(path)),
            other => other,
        }
    }

    /// The reply to the client (RFC 959, section 5.4; RFC 4217, section 9).
    pub(in super::super) fn reply(&self) -> Reply {
        match self {
            Self::Storage(error) => Reply::failure(error),
            Self::NoConnection(_) => Reply::new(425, "The data connection did not come about in time."),
            Self::Connect(error) => {
                Reply::new(425, format!("Can't open the data connection: {}.", error.kind()))
            }
            Self::Elsewhere { control, data } => Reply::new(
                425,
                format!(
                    "The data connection came from {data}, the control connection from {control}: \
                     both have to come from one address."
                ),
            ),
            Self::Unproven(Unproven::NotResumed) => Reply::new(
                522,
                "The data connection has to resume the TLS session of the control connection.",
            ),
            Self::Unproven(Unproven::OtherCertificate) => {
                Reply::new(522, "The data connection has to show the certificate of the control connection.")
            }
            Self::Handshake(_) => Reply::new(425, "The TLS handshake of the data connection failed."),
            Self::DataConnection(_) => Reply::new(426, "The data connection broke; transfer aborted."),
            Self::Relayed { replica, .. } => Reply::new(
                426,
                format!(
                    "The data connection broke, which came by way of replica {replica}; transfer aborted."
                ),
            ),
            Self::NotClosed => {
                Reply::new(426, "The data connection ended without TLS's close_notify; transfer aborted.")
            }
            Self::Stalled(_) => Reply::new(426, "Nothing moved for too long; transfer aborted."),
            Self::NotCompressed => {
                Reply::new(426, "The data is not compressed as MODE Z has it; transfer aborted.")
            }
            Self::Aborted => Reply::new(426, "Transfer aborted."),
            Self::ControlConnectionLost => {
                Reply::new(426, "The control connection was lost; transfer aborted.")
            }
            Self::Stopping => Reply::new(426, "The server is stopping; transfer aborted."),
            Self::Kicked => {
                Reply::new(426, "The operator of this server has ended your session; transfer aborted.")
            }
            Self::Panicked => Reply::new(451, "The server failed; transfer aborted."),
        }
    }
}

impl TransferFailure for TransferError {
    fn ending(&self) -> Ending {
        Ending::Failed(match self {
            Self::Storage(error) => return failure::ending(error),
            Self::NoConnection(_) | Self::Connect(_) | Self::Elsewhere { .. } => "no_data_connection",
            Self::Handshake(_) | Self::Unproven(_) => "tls_handshake",
            Self::DataConnection(_) | Self::Relayed { .. } => "data_connection",
            Self::NotClosed => "no_close_notify",
            Self::Stalled(_) => "stalled",
            Self::NotCompressed => "not_compressed",
            Self::Aborted => "aborted",
            Self::ControlConnectionLost => "control_connection",
            Self::Stopping => "stopping",
            Self::Kicked => "session_ended",
            Self::Panicked => "defect",
        })
    }

    fn of_storage(&self) -> Option<&wharf_backends::Error> {
        if let Self::Storage(error) = self { Some(error) } else { None }
    }
}
