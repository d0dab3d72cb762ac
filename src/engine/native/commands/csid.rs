//! CSID (draft-peterson-streamlined-ftp-command-extensions).

use super::super::state::{Connection, State};
use super::{Result, reply};

pub(super) async fn run(connection: &mut Connection, _: &mut State, argument: &str) -> Result {
    tracing::debug!(session = connection.id, client = ?argument, "the client named itself");
    // The version is not everybody's business.
    reply(200, "Name=Wharf; CaseSensitive=1; DirSep=/;")
}
