//! CLNT: no standard, but many clients say who they are.

use super::super::state::{Connection, State};
use super::{Result, reply};

pub(super) async fn run(connection: &mut Connection, _: &mut State, argument: &str) -> Result {
    tracing::debug!(session = connection.id, client = ?argument, "the client named itself");
    reply(200, "Noted.")
}
