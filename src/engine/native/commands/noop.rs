//! NOOP (RFC 959, section 4.1.3).

use super::super::session::{Connection, State};
use super::{Outcome, Reply, Result};

/// The answer, also during a transfer.
pub(in super::super) fn answer() -> Reply {
    Reply::new(200, "Here.")
}

pub(in super::super) async fn run(_: &mut Connection, _: &mut State, _: &str) -> Result {
    Ok(Outcome::Reply(answer()))
}
