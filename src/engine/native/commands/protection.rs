//! Protection (RFC 2228, RFC 4217).

use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn, State};
use super::{Outcome, Result, refuse, reply};
use crate::visit::facts::Mistake;

/// AUTH (RFC 2228, section 3; RFC 4217, section 4).
pub(super) async fn auth(connection: &mut Connection, state: &mut State, argument: &str) -> Result {
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

pub(super) fn auth_features(connection: &Connection, _: &State) -> Vec<String> {
    if connection.security.tls().is_some() { vec!["AUTH TLS".to_owned()] } else { Vec::new() }
}

/// PBSZ (RFC 2228, section 3; RFC 4217, section 8).
pub(super) async fn pbsz(connection: &mut Connection, _: &mut State, argument: &str) -> Result {
    if !connection.security.is_established() {
        return refuse(503, "AUTH comes first.");
    }
    if argument.trim().parse::<u32>().is_err() {
        return refuse(501, "Syntax: PBSZ 0");
    }
    reply(200, "PBSZ=0")
}

pub(super) fn pbsz_features(connection: &Connection, _: &State) -> Vec<String> {
    if connection.security.tls().is_some() { vec!["PBSZ".to_owned()] } else { Vec::new() }
}

/// PROT (RFC 2228, section 3; RFC 4217, section 9).
pub(super) async fn prot(connection: &mut Connection, state: &mut State, argument: &str) -> Result {
    // The only size that TLS has is 0, so a client that leaves PBSZ out means that.
    if !connection.security.is_established() {
        connection.security.asked_before_tls(argument.trim().eq_ignore_ascii_case("P"));
        return refuse(503, "AUTH comes first.");
    }
    match argument.trim().to_ascii_uppercase().as_str() {
        "C" => {
            if let Err(refusal) = connection.security.protect_data(false) {
                connection.journal(state.user()).mistaken(Mistake::DataWithoutTls);
                return Err(refusal.into());
            }
            reply(200, "Data connections are in plain text.")
        }
        "P" => {
            connection.security.protect_data(true)?;
            reply(200, "Data connections are encrypted.")
        }
        "S" | "E" => refuse(536, "Only C and P go with TLS."),
        _ => refuse(504, "Only C and P are known."),
    }
}

pub(super) fn prot_features(connection: &Connection, _: &State) -> Vec<String> {
    if connection.security.tls().is_some() { vec!["PROT".to_owned()] } else { Vec::new() }
}

/// CCC (RFC 2228, section 3; RFC 4217, section 12.3).
pub(super) async fn ccc(connection: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    if !connection.control.is_encrypted() {
        return refuse(533, "The connection is not encrypted.");
    }
    if !connection.security.may_clear_control() {
        connection.journal(session.visit.name()).mistaken(Mistake::DataWithoutTls);
        return refuse(534, "The control connection has to stay encrypted.");
    }
    Ok(Outcome::EndTls(Reply::new(200, "End TLS.")))
}

pub(super) fn ccc_features(connection: &Connection, _: &State) -> Vec<String> {
    let offered = connection.security.tls().is_some() && connection.security.may_clear_control();
    if offered { vec!["CCC".to_owned()] } else { Vec::new() }
}
