//! SYST (RFC 959, section 4.1.3): LIST looks as on Unix.

use super::super::state::{Connection, State};
use super::{Result, reply};

pub(super) async fn run(_: &mut Connection, _: &mut State, _: &str) -> Result {
    reply(215, "UNIX Type: L8")
}
