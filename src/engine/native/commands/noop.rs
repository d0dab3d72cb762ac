//! NOOP (RFC 959, section 4.1.3).

use super::super::state::{Connection, State};
use super::{Outcome, Reply, Result};

/// The reply, also during a transfer.
pub(in super::super) fn reply_to_noop() -> Reply {
    Reply::new(200, "Here.")
}

pub(super) async fn run(_: &mut Connection, _: &mut State, _: &str) -> Result {
    Ok(Outcome::Reply(reply_to_noop()))
}
