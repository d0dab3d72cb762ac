//! REIN (RFC 959, section 4.1.1). A control connection that is encrypted stays so.

use super::super::reply::Reply;
use super::super::state::{Connection, State};
use super::{Outcome, Result};
use crate::charset::Charset;

pub(super) async fn run(connection: &mut Connection, _: &mut State, _: &str) -> Result {
    connection.security.reset();
    connection.control.charset = Charset::Utf8;
    connection.chosen_charset = None;
    connection.extended_only = false;
    connection.idle_timeout = connection.shared.server.idle_timeout;
    Ok(Outcome::LoggedOut(Reply::new(220, connection.shared.greeting.clone())))
}
