//! SIZE (RFC 3659, section 4).

use wharf_backends::EntryKind;

use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn, Type};
use super::stor::INTERRUPTED;
use super::{Result, refuse, reply};
use crate::config::AsciiSize;

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    // The size is that of the transfer, and that of text is not known before it was converted.
    if session.representation == Type::Ascii && connection.shared.server.ascii_size == AsciiSize::Refuse {
        return refuse(550, "SIZE not allowed in ASCII mode: the size of text is not known; use TYPE I.");
    }
    if session.interrupted.contains(&path) {
        // Not 550, which curl takes for the word that there is no such file, also before a download.
        return Err(Reply::about(554, &path, INTERRUPTED).into());
    }
    let found = session.stat("SIZE", &path).await?;
    match found.kind {
        EntryKind::File => reply(213, found.size.to_string()),
        EntryKind::Directory | EntryKind::Other => Err(Reply::about(550, &path, "not a file.").into()),
    }
}
