//! How the next data connection will be established: the state that PASV, EPSV, PORT and EPRT leave behind.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::super::security::Protection;
use super::claims::{self, CONNECT_TIMEOUT, Claim, Toward};
use super::elsewhere;
use super::passive::{Arrived, Lease, Strays};
use super::send::{Flow, Opened};
use super::{DataConnection, TransferError, pacing};

/// A future data connection.
pub(in super::super) struct Channel {
    way: Way,
    is_private: bool,
    /// The direction of the transfer. Until a transfer sets it, the client is not known to read.
    toward: Toward,
    session: u64,
    strays: Option<Strays>,
}

enum Way {
    Passive(Lease),
    /// Handshakes begin as soon as connections arrive: some clients wait for the end of the handshake before they send
    /// the command.
    PassiveTls {
        begin: watch::Sender<Option<Toward>>,
        coming: AbortOnDropHandle<Result<Claim, TransferError>>,
    },
    Active {
        from: SocketAddr,
        to: SocketAddr,
        protection: Protection,
    },
}

impl Channel {
    /// The client connects to the port of the lease.
    pub(in super::super) fn passive(lease: Lease, protection: Protection, session: u64) -> Self {
        let is_private = protection.is_private();
        let strays = Some(lease.strays());
        let way = match protection.into_tls() {
            None => Way::Passive(lease),
            Some(tls) => {
                let (begin, begun) = watch::channel(None);
                let strays = lease.strays();
                let stray = elsewhere::over_tls(strays, tls.clone(), begun.clone());
                let own = claims::over_tls(lease, tls, begun, session);
                let coming = tokio::spawn(elsewhere::unless(stray, own));
                Way::PassiveTls { begin, coming: AbortOnDropHandle::new(coming) }
            }
        };
        Self { way, is_private, toward: Toward::Server, session, strays }
    }

    /// The server connects, from the address that the client knows.
    pub(in super::super) fn active(
        from: SocketAddr,
        to: SocketAddr,
        protection: Protection,
        session: u64,
    ) -> Self {
        let is_private = protection.is_private();
        let way = Way::Active { from, to, protection };
        Self { way, is_private, toward: Toward::Server, session, strays: None }
    }

    /// Whether it will be protected by TLS.
    pub(in super::super) fn is_private(&self) -> bool {
        self.is_private
    }

    /// Sets the direction, before the client reads that the transfer may begin: the handshake depends on it.
    #[must_use]
    pub(in super::super) fn toward(mut self, toward: Toward) -> Self {
        self.toward = toward;
        if let Way::PassiveTls { begin, .. } = &self.way {
            begin.send_replace(Some(toward));
        }
        self
    }

    /// The connection, once it is established.
    pub(in super::super) async fn open(self, flow: &Flow) -> Result<DataConnection, TransferError> {
        let Self { way, session, toward, strays, .. } = self;
        let active = matches!(way, Way::Active { .. });
        let open = async {
            match way {
                Way::Passive(lease) => {
                    let stray = elsewhere::in_plain_text(lease.strays());
                    let own = claims::in_plain_text(lease, toward, session);
                    let arrived = elsewhere::unless(stray, own).await?;
                    flow.opened(arrived.peer);
                    Ok((DataConnection::plain(arrived.stream), arrived.via))
                }
                Way::PassiveTls { begin: _begun, coming } => {
                    let claim = coming.await.unwrap_or(Err(TransferError::Panicked))?;
                    flow.opened(claim.peer);
                    Ok((claim.connection, claim.via))
                }
                Way::Active { from, to, protection } => {
                    let stream = connect(from, to).await.map_err(TransferError::Connect)?;
                    flow.opened(to);
                    match protection.into_tls() {
                        None => Ok((DataConnection::plain(stream), None)),
                        Some((tls, resumption)) => {
                            let arrived = Arrived { stream, peer: to, via: None };
                            let opened = claims::opened(arrived, toward, &tls, &resumption).await?;
                            Ok((opened, None))
                        }
                    }
                }
            }
        };
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, open).await;
        let (opened, via) = opened.unwrap_or_else(|_| {
            let elsewhere = strays.as_ref().and_then(elsewhere::told);
            Err(elsewhere.unwrap_or(TransferError::NoConnection(CONNECT_TIMEOUT)))
        })?;
        let _ = flow.opened.set(Opened { active, via, tls: opened.tls_version() });
        Ok(opened)
    }
}

async fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if pacing::is_this_machine(from, to) {
        pacing::unpace(&socket);
    }
    // Firewalls of clients admit connections from the address that they know.
    let mut from = from;
    from.set_port(0);
    socket.bind(from)?;
    socket.connect(to).await
}
