//! PASS (RFC 959, section 4.1.1).

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::super::reply::Reply;
use super::super::state::{Connection, Greeting, LoggedIn, OwnInterrupted};
use super::{Outcome, Result, refuse};
use crate::accounts::{Channel, Credential, LockedBy, Origin, Refused};
use crate::ops::metrics::Login;
use crate::visit::facts::Mistake;

/// How MODE Z compresses unless the client chooses: as zlib does by default.
const DEFLATE_LEVEL: u32 = 6;

/// After so many failed logins the client has to connect again.
const MAX_FAILURES: u32 = 3;

pub(super) async fn run(connection: &mut Connection, greeting: &mut Greeting, password: &str) -> Result {
    connection.follow_world();
    log_in(connection, greeting, password, Reply::new(230, "Logged in.")).await
}

/// USER of a client whose certificate is all that this user has to show (RFC 2228, section 5.5; RFC 4217, section 10.1).
pub(super) async fn by_certificate(connection: &mut Connection, greeting: &mut Greeting) -> Result {
    let reply = Reply::new(232, "Logged in by the certificate.");
    let mut outcome = log_in(connection, greeting, "", reply).await?;
    if let Outcome::LoggedIn(session, _) = &mut outcome {
        session.may_send_password = true;
    }
    Ok(outcome)
}

/// Whether the certificate of the connection is all that the user of this name has to show.
pub(super) fn certificate_suffices(connection: &Connection, name: &str) -> bool {
    let Some(certificate) = certificate(connection) else { return false };
    let channel = Channel { encrypted: true, certificate: Some(&certificate) };
    let origin = Origin {
        session: connection.id,
        peer: connection.peer,
        channel,
        host: connection.named.host(),
        permit: &connection.permit,
        ending: &connection.ending,
    };
    connection.world.accounts.suffices(name, origin)
}

/// The certificate that the client has shown. In plain text anybody on the way could log in with it.
fn certificate(connection: &Connection) -> Option<CertificateDer<'static>> {
    let now = connection.shared.tls();
    connection.security.certificate(now.as_ref()).filter(|_| connection.control.is_encrypted())
}

/// Logs in the user whom USER named, and says this.
async fn log_in(
    connection: &mut Connection,
    greeting: &mut Greeting,
    password: &str,
    success: Reply,
) -> Result {
    // The name is used up, whatever becomes of it.
    let Some(name) = greeting.name.take() else {
        return refuse(503, "USER comes first.");
    };
    if !connection.security.may_log_in(connection.control.is_encrypted()) {
        connection.shared.metrics.login(Login::TlsRequired);
        connection.journal(&name).mistaken(Mistake::LoginWithoutTls);
        return refuse(534, "TLS is required: send AUTH TLS first.");
    }
    let world = Arc::clone(&connection.world);
    let (permit, ending) = (Arc::clone(&connection.permit), connection.ending.clone());
    let certificate = certificate(connection);
    let channel = Channel { encrypted: connection.control.is_encrypted(), certificate: certificate.as_ref() };
    let origin = Origin {
        session: connection.id,
        peer: connection.peer,
        host: connection.named.host(),
        channel,
        permit: &permit,
        ending: &ending,
    };
    let entered =
        world.accounts.enter(&name, Credential { password }, origin, connection.control.gone()).await;
    let visit = match entered {
        Ok(visit) => visit,
        Err(refused) => return refusal(connection, refused),
    };
    let guest = visit.guest();
    connection.security.logged_in(&guest.name, !guest.is_anonymous);
    connection.idle_timeout = visit.idle().unwrap_or(connection.server().idle_timeout);
    connection.control.charset = connection.chosen_charset.unwrap_or(visit.preferences().charset);
    // Whoever comes by that name is somebody else.
    let address = guest.is_anonymous.then(|| guest.peer.ip());
    let interrupted =
        OwnInterrupted::new(Arc::clone(&connection.shared.interrupted), guest.name.clone(), address);
    let level = world.config.server.limits.deflate_level.min(DEFLATE_LEVEL);
    Ok(Outcome::LoggedIn(Box::new(LoggedIn::new(visit, interrupted, level)), success))
}

/// What the client is told.
fn refusal(connection: &mut Connection, refused: Refused) -> Result {
    let goodbye = |text| Ok(Outcome::Quit(Reply::new(421, text)));
    match refused {
        Refused::Gone => goodbye("Goodbye."),
        Refused::Busy => goodbye("Too many logins wait for their turn; try again later."),
        Refused::LockedOut(LockedBy::Failures) => {
            goodbye("Too many logins from this address have failed; try again later.")
        }
        Refused::LockedOut(LockedBy::Operator | LockedBy::Configuration) => {
            goodbye("This address is locked out; try again later.")
        }
        Refused::Draining => goodbye("The server takes no new logins for now; try again later."),
        Refused::Displaced => goodbye("Too many sessions; try again later."),
        Refused::TooManySessions => {
            refuse(530, "This user has as many sessions as it may have; try again later.")
        }
        // As whoever is refused when it connects.
        Refused::TooManyFromThisAddress => {
            goodbye("Try again later: this address has as many sessions as it may have.")
        }
        // Not one of the failures after which a client has to connect again: its password may be right.
        Refused::Unavailable => refuse(430, "Logins are not possible for the moment; try again later."),
        Refused::Failed(_) => {
            connection.failures += 1;
            if connection.failures >= MAX_FAILURES {
                return goodbye("Login failed too often; goodbye.");
            }
            refuse(530, "Login failed.")
        }
    }
}
