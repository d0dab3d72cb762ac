//! How TLS begins on a control connection.

use std::io;

use super::{End, Session};
use crate::ops::logging::rate;
use crate::ops::metrics::Handshake;
use crate::shutdown::Shutdown;
use crate::visit::facts::Mistake;

impl Session {
    /// Waits for the first byte; `false` if the client closes the connection instead.
    pub(super) async fn sends_something(&mut self, shutdown: &Shutdown) -> Result<bool, End> {
        let first = tokio::time::timeout_at(self.deadline(), self.connection.control.sends_something());
        let first = tokio::select! {
            first = first => first,
            () = shutdown.stopping.cancelled() => return Err(End::Closed),
        };
        match first {
            Ok(sent) => Ok(sent?),
            // Whoever waits for the greeting finds no plain text here.
            Err(_) => Ok(true),
        }
    }

    /// The handshake.
    pub(super) async fn start_tls(&mut self, data_is_private: bool, shutdown: &Shutdown) -> Result<(), End> {
        let deadline = self.deadline();
        // Commands in plain text that came before were sent by nobody who knew the key.
        self.waiting.clear();
        self.waiting_bytes = 0;
        let connection = &mut self.connection;
        let Some(tls) = connection.security.tls().cloned() else { return Err(End::Closed) };
        let stream = connection.control.take_plain()?;
        let handshake = tokio::time::timeout_at(
            deadline,
            tls.accept_control(stream, connection.id, connection.named.host()),
        );
        let handshake = tokio::select! {
            handshake = handshake => handshake,
            () = shutdown.stopping.cancelled() => return Err(End::Closed),
        };
        connection.shared.metrics.handshake(Handshake::Control, matches!(handshake, Ok(Ok(_))));
        let failure = match handshake {
            Ok(Ok((stream, resumption, server_name))) => {
                connection.named.tls(server_name);
                connection.control.put_tls(stream);
                connection.security.control_is_encrypted(resumption, data_is_private);
                connection.journal("").encrypted(true);
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long"),
        };
        let (session, peer) = (connection.id, connection.peer);
        // Whoever speaks plain text waits for the greeting most often.
        if connection.implicit_tls && (is_plain_text(&failure) || failure.kind() == io::ErrorKind::TimedOut) {
            connection.journal("").mistaken(Mistake::NoTls);
            return Err(End::Lost(failure));
        }
        if !rate::FAILED_HANDSHAKES.admits(peer.ip()) {
            return Err(End::Lost(failure));
        }
        match names_no_host(&failure) {
            // The library refuses what it can't read as a name, and other servers ignore it.
            true => tracing::info!(
                session, %peer, cause = %failure,
                "TLS handshake failed: the client names the server (SNI) by what is no name of a host, such as one with a \
                 port or an address with zeros in front; let it connect by a name or a plain address"
            ),
            false => tracing::info!(session, %peer, cause = %failure, "TLS handshake failed"),
        }
        Err(End::Lost(failure))
    }
}

/// Whether what came is no record of TLS.
fn is_plain_text(failure: &io::Error) -> bool {
    use rustls::{Error, InvalidMessage};
    let error = failure.get_ref().and_then(|error| error.downcast_ref::<Error>());
    matches!(error, Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)))
}

fn names_no_host(failure: &io::Error) -> bool {
    use rustls::{Error, PeerMisbehaved};
    let error = failure.get_ref().and_then(|error| error.downcast_ref::<Error>());
    matches!(error, Some(Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName)))
}
