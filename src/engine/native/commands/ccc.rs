//! CCC (RFC 2228, section 3; RFC 4217, section 12.3).

use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn, State};
use super::{Outcome, Result, refuse};

pub(super) async fn run(connection: &mut Connection, _: &mut LoggedIn, _: &str) -> Result {
    if !connection.control.is_encrypted() {
        return refuse(533, "The connection is not encrypted.");
    }
    if !connection.security.may_clear_control() {
        return refuse(534, "The control connection has to stay encrypted.");
    }
    Ok(Outcome::EndTls(Reply::new(200, "End TLS.")))
}

pub(super) fn features(connection: &Connection, _: &State) -> Vec<String> {
    let offered = connection.security.tls().is_some() && connection.security.may_clear_control();
    if offered { vec!["CCC".to_owned()] } else { Vec::new() }
}
