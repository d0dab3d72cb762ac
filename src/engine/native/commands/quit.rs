//! QUIT (RFC 959, section 4.1.1). During a transfer it waits for the end of that.

use super::super::reply::Reply;
use super::super::state::{Connection, State};
use super::{Outcome, Result};

pub(super) async fn run(_: &mut Connection, _: &mut State, _: &str) -> Result {
    Ok(Outcome::Quit(Reply::new(221, "Goodbye.")))
}
