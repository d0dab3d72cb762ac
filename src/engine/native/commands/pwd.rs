//! PWD (RFC 959, section 4.1.3 and appendix II).

use super::super::state::{Connection, LoggedIn};
use super::{Result, quoted, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    reply(257, format!("{} is the working directory.", quoted(&session.working_directory)))
}
