//! ALLO (RFC 959, section 4.1.3).

use super::super::state::{Connection, LoggedIn};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, _: &mut LoggedIn, argument: &str) -> Result {
    // `ALLO <bytes> R <record size>` is the other form.
    let size = argument.trim().split(' ').next().unwrap_or_default();
    match size.parse::<u64>() {
        Ok(_) => reply(202, "Room is made while a file arrives."),
        Err(_) => refuse(501, "Syntax: ALLO <bytes>"),
    }
}
