//! EPSV (RFC 2428, section 3).

use super::super::state::{Connection, LoggedIn};
use super::{Result, pasv, refuse, reply};

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let family = if connection.reached.ip().to_canonical().is_ipv4() { "1" } else { "2" };
    match argument.trim() {
        all if all.eq_ignore_ascii_case("ALL") => {
            connection.extended_only = true;
            reply(200, "Only EPSV from now on.")
        }
        "" => open(connection, session).await,
        asked if asked == family => open(connection, session).await,
        "1" | "2" => refuse(522, format!("That network protocol can't be used here; use ({family}).")),
        other if other.parse::<u32>().is_ok() => {
            refuse(522, format!("That network protocol is not supported; use ({family})."))
        }
        _ => refuse(501, "Syntax: EPSV [1|2|ALL]"),
    }
}

async fn open(connection: &mut Connection, session: &mut LoggedIn) -> Result {
    let port = pasv::listen(connection, session, None).await?;
    reply(229, format!("Entering Extended Passive Mode (|||{port}|)"))
}
