//! PROT (RFC 2228, section 3; RFC 4217, section 9).

use super::super::state::{Connection, State};
use super::{Result, refuse, reply};

pub(super) async fn run(connection: &mut Connection, _: &mut State, argument: &str) -> Result {
    // The only size that TLS has is 0, so a client that leaves PBSZ out means that.
    if !connection.security.is_established() {
        connection.security.asked_before_tls(argument.trim().eq_ignore_ascii_case("P"));
        return refuse(503, "AUTH comes first.");
    }
    match argument.trim().to_ascii_uppercase().as_str() {
        "C" => {
            connection.security.protect_data(false)?;
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

pub(super) fn features(connection: &Connection, _: &State) -> Vec<String> {
    if connection.security.tls().is_some() { vec!["PROT".to_owned()] } else { Vec::new() }
}
