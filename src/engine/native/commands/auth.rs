//! AUTH (RFC 2228, section 3; RFC 4217, section 4).

use super::super::reply::Reply;
use super::super::state::{Connection, State};
use super::{Outcome, Result, refuse};

pub(super) async fn run(connection: &mut Connection, state: &mut State, argument: &str) -> Result {
    if connection.security.tls().is_none() {
        return refuse(502, "This server has no TLS.");
    }
    if connection.control.is_encrypted() {
        return refuse(503, "The connection is encrypted already.");
    }
    match state {
        // A name that came in plain text is not taken over (RFC 2228, section 3), nor is a login.
        State::Greeting(greeting) => greeting.name = None,
        State::LoggedIn(_) => return refuse(503, "TLS begins before the login; REIN goes back."),
    }
    let begin = |data_is_private| {
        let reply = Reply::new(234, "Begin TLS.");
        Ok(Outcome::StartTls { reply, data_is_private })
    };
    match argument.trim().to_ascii_uppercase().as_str() {
        "TLS" | "TLS-C" => begin(false),
        // Older names, from the drafts that became RFC 4217. There they stand for data connections that are encrypted
        // without PROT, and clients that are as old send none.
        "SSL" | "TLS-P" => begin(true),
        _ => refuse(504, "Only AUTH TLS is known."),
    }
}

pub(super) fn features(connection: &Connection, _: &State) -> Vec<String> {
    if connection.security.tls().is_some() { vec!["AUTH TLS".to_owned()] } else { Vec::new() }
}
