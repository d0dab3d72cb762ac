//! EPRT (RFC 2428, section 2).

use std::net::{IpAddr, SocketAddr};

use super::super::state::{Connection, LoggedIn};
use super::{Failure, Reply, Result, port};

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let address = parse(argument)?;
    port::prepare(connection, session, address)
}

fn parse(argument: &str) -> Result<SocketAddr> {
    let syntax = || Failure::from(Reply::new(501, "Syntax: EPRT |<1 or 2>|<address>|<port>|"));
    let argument = argument.trim_matches(' ');
    let delimiter = argument.chars().next().filter(|c| c.is_ascii_graphic()).ok_or_else(syntax)?;
    let fields: Vec<&str> = argument.split(delimiter).collect();
    let ["", family, address, port, ""] = fields[..] else { return Err(syntax()) };
    if !matches!(family, "1" | "2") && family.parse::<u16>().is_ok() {
        return Err(Reply::new(522, "That network protocol is not supported; use (1,2).").into());
    }
    let port: u16 = port.parse().map_err(|_| syntax())?;
    // The interface that some name behind an address is one of the client's machine (RFC 4007, section 11.2).
    let address = address.split_once('%').map_or(address, |(address, _)| address);
    let address: IpAddr = address.parse().map_err(|_| syntax())?;
    match (family, address) {
        ("1", IpAddr::V4(_)) | ("2", IpAddr::V6(_)) => Ok(SocketAddr::new(address, port)),
        _ => Err(syntax()),
    }
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = parse(text);
}

#[cfg(test)]
#[path = "eprt_tests.rs"]
mod tests;
