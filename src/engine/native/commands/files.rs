//! Files and directories (RFC 959, section 4.1.3; RFC 3659). Times, checksums and SITE have files of their own.

use wharf_backends::{EntryKind, ErrorKind, StoragePath};

use super::super::facts::{self, Facts};
use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn, Mark, State, Type};
use super::stor::{INTERRUPTED, stands_still};
use super::{Outcome, Result, quoted, refuse, reply};
use crate::config::AsciiSize;
use crate::visit::Kept;

/// What a client is told that asks for the size of a file while another session replaces it.
const RUNNING: &str = "an upload of it is under way; ask again when that has ended.";

/// What a client is told that asks how much is there of an upload that can't be gone on with.
const UNUSABLE: &str = "the last upload was broken off and can't be gone on with; send the file whole.";

/// RNFR (RFC 959, section 4.1.3).
pub(super) async fn rnfr(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.visit.may_rename(&path).await?;
    // To look is a request to a store, which RNTO has to send once more.
    if !session.visit.is_remote(&path) {
        session.visit.stat(&path).await?;
    }
    session.rename_from = Some(path);
    reply(350, "Now RNTO.")
}

/// RNTO (RFC 959, section 4.1.3).
pub(super) async fn rnto(
    _: &mut Connection,
    session: &mut LoggedIn,
    from: Option<StoragePath>,
    argument: &str,
) -> Result {
    let Some(from) = from else {
        return refuse(503, "RNFR comes first.");
    };
    let to = session.path(argument).await?;
    session.visit.rename(&from, &to).await?;
    session.interrupted.forget(&from);
    session.interrupted.forget(&to);
    reply(250, format!("{from} is called {to} now."))
}

/// DELE (RFC 959, section 4.1.3).
pub(super) async fn dele(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    if session.visit.remove_kept(&path).await? {
        // An old file that stands there is still not what somebody who does not know of this goes on from.
        session.interrupted.thrown_away(&path);
        return reply(250, format!("What was kept of an upload to {path} is removed."));
    }
    let removed = session.visit.remove_file(&path).await;
    if removed.is_ok() || removed.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        session.interrupted.forget(&path);
    }
    removed?;
    reply(250, format!("{path} is removed."))
}

/// RMD (RFC 959, section 4.1.3).
pub(super) async fn rmd(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.visit.remove_directory(&path).await?;
    reply(250, format!("{path} is removed."))
}

/// MKD (RFC 959, section 4.1.3).
pub(super) async fn mkd(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    match session.visit.create_directory(&path).await {
        // The words by which clients tell that from what keeps them from going on; WinSCP wants these and no others.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return match session.visit.enter(&path).await {
                Ok(()) => refuse(550, "Directory already exists"),
                Err(_) => Err(error.into()),
            };
        }
        made => made?,
    }
    reply(257, format!("{} is made.", quoted(&path)))
}

/// PWD (RFC 959, section 4.1.3 and appendix II).
pub(super) async fn pwd(_: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    reply(257, format!("{} is the working directory.", quoted(&session.working_directory)))
}

/// SIZE (RFC 3659, section 4).
pub(super) async fn size(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    // The size is that of the transfer, and that of text is not known before it was converted.
    if session.representation == Type::Ascii && connection.server().ascii_size == AsciiSize::Refuse {
        return refuse(550, "SIZE not allowed in ASCII mode: the size of text is not known; use TYPE I.");
    }
    // Not 550, which curl takes for the word that there is no such file, also before a download.
    let refusal = |sentence| Err(Reply::about(554, &path, sentence).into());
    match session.visit.kept(&path).await? {
        Some(Kept::Size(bytes)) => return reply(213, bytes.to_string()),
        Some(Kept::Running) => return refusal(RUNNING),
        Some(Kept::Unusable) => return refusal(UNUSABLE),
        None => {}
    }
    match session.interrupted.mark(&path) {
        Some(Mark::Running) => return refusal(RUNNING),
        Some(Mark::BrokenOff) => return refusal(INTERRUPTED),
        Some(mark @ Mark::Kept(_)) if stands_still(session, &path, &mark).await? => {
            return refusal(INTERRUPTED);
        }
        _ => {}
    }
    let metadata = session.stat("SIZE", &path).await?;
    match metadata.kind {
        EntryKind::File => reply(213, metadata.size.to_string()),
        EntryKind::Directory | EntryKind::Other => Err(Reply::about(550, &path, "not a file.").into()),
    }
}

/// MLST (RFC 3659, section 7).
pub(super) async fn mlst(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    let metadata = session.stat("MLST", &path).await?;
    let permissions = session.visit.permissions(&path);
    let facts = facts::facts(&metadata, path.as_str(), permissions, session.facts);
    let line = format!("{facts}{path}");
    Ok(Outcome::Reply(Reply::lines(250, "Facts:", vec![line], "End.")))
}

pub(super) fn mlst_features(_: &Connection, state: &State) -> Vec<String> {
    let chosen = match state {
        State::LoggedIn(session) => session.facts,
        State::Greeting(_) => Facts::all(),
    };
    vec![chosen.feature()]
}

/// AVBL (draft-peterson-streamlined-ftp-command-extensions).
pub(super) async fn avbl(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.visit.enter(&path).await?;
    match session.visit.available(&path).await? {
        Some(bytes) => reply(213, bytes.to_string()),
        None => refuse(550, "How much room is left is not known here."),
    }
}
