//! PBSZ (RFC 2228, section 3; RFC 4217, section 8).

use super::super::state::{Connection, State};
use super::{Result, refuse, reply};

pub(super) async fn run(connection: &mut Connection, _: &mut State, argument: &str) -> Result {
    if !connection.security.is_established() {
        return refuse(503, "AUTH comes first.");
    }
    if argument.trim().parse::<u32>().is_err() {
        return refuse(501, "Syntax: PBSZ 0");
    }
    reply(200, "PBSZ=0")
}

pub(super) fn features(connection: &Connection, _: &State) -> Vec<String> {
    if connection.security.tls().is_some() { vec!["PBSZ".to_owned()] } else { Vec::new() }
}
