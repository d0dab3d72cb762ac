//! Data connections: how they are established and protected, and the bytes that move over them.

pub(super) mod channel;
mod claims;
mod compressing;
pub(super) mod connection;
pub(super) mod convert;
mod elsewhere;
pub(super) mod error;
mod from_file;
pub(super) mod hose;
pub(super) mod into_file;
pub(super) mod listing;
pub(super) mod order;
mod pacing;
pub(super) mod passive;
pub(super) mod receive;
pub(super) mod send;
mod tls_source;
pub(super) mod wire;

pub(super) use channel::Channel;
pub(super) use claims::Toward;
pub(super) use connection::{DataConnection, Linger};
pub(super) use error::TransferError;
pub(super) use passive::{PassivePorts, RelayedConnections};
pub(super) use wire::Wire;
