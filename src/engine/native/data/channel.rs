//! How the next data connection will come about: what PASV, EPSV, PORT and EPRT leave behind.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::super::security::Protection;
use super::passive::Lease;
use super::{DataConnection, TransferError, pacing};
use crate::ops::metrics::Handshake;

/// How long a data connection may take to come about, its handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A data connection to be.
pub(in super::super) struct Channel {
    way: Way,
    protection: Protection,
}

enum Way {
    Passive(Lease),
    /// The handshake has begun, or will with the connection: some clients wait for it before they say what to transfer.
    PassiveTls(AbortOnDropHandle<Result<DataConnection, TransferError>>),
    Active {
        from: SocketAddr,
        to: SocketAddr,
    },
}

impl Channel {
    /// The client connects to the port of the lease.
    pub(in super::super) fn passive(lease: Lease, protection: Protection) -> Self {
        let way = match protection.is_private() {
            false => Way::Passive(lease),
            true => {
                let protection = protection.clone();
                let coming = async move {
                    let stream = lease.connection().await.map_err(TransferError::Connect)?;
                    let handshake = protect(stream, protection);
                    tokio::time::timeout(CONNECT_TIMEOUT, handshake)
                        .await
                        .unwrap_or(Err(TransferError::NoConnection(CONNECT_TIMEOUT)))
                };
                Way::PassiveTls(AbortOnDropHandle::new(tokio::spawn(coming)))
            }
        };
        Self { way, protection }
    }

    /// The server connects, from the address that the client knows.
    pub(in super::super) fn active(from: SocketAddr, to: SocketAddr, protection: Protection) -> Self {
        Self { way: Way::Active { from, to }, protection }
    }

    /// Whether it is protected in this way.
    pub(in super::super) fn is_private(&self) -> bool {
        self.protection.is_private()
    }

    /// The connection, when it has come about.
    pub(in super::super) async fn open(self) -> Result<DataConnection, TransferError> {
        let Self { way, protection } = self;
        let open = async {
            match way {
                Way::Passive(lease) => {
                    let stream = lease.connection().await.map_err(TransferError::Connect)?;
                    protect(stream, protection).await
                }
                Way::PassiveTls(coming) => coming.await.unwrap_or(Err(TransferError::Panicked)),
                Way::Active { from, to } => {
                    let stream = connect(from, to).await.map_err(TransferError::Connect)?;
                    protect(stream, protection).await
                }
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, open)
            .await
            .unwrap_or(Err(TransferError::NoConnection(CONNECT_TIMEOUT)))
    }
}

async fn protect(stream: TcpStream, protection: Protection) -> Result<DataConnection, TransferError> {
    pacing::unpace_connection(&stream);
    match protection.tls() {
        None => Ok(DataConnection::plain(stream)),
        Some((tls, tokens)) => {
            let lenient = !tls.settings().require_close_notify;
            let accepted = tls.accept_data(stream, tokens).await;
            tls.metrics().handshake(Handshake::Data, accepted.is_ok());
            let stream = accepted.map_err(TransferError::Handshake)?;
            Ok(DataConnection::tls(stream, lenient))
        }
    }
}

async fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if pacing::is_this_machine(from, to) {
        pacing::unpace(&socket);
    }
    // Firewalls of clients let in what comes from the address they know.
    let mut from = from;
    from.set_port(0);
    socket.bind(from)?;
    socket.connect(to).await
}
