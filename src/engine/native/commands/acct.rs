//! ACCT (RFC 959, section 4.1.1).

use super::super::state::{Connection, State};
use super::{Result, reply};

pub(super) async fn run(_: &mut Connection, _: &mut State, _: &str) -> Result {
    reply(202, "No account is needed.")
}
