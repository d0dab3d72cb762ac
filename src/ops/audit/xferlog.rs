//! Lines of an `xferlog`, as wu-ftpd wrote them and the man page xferlog(5) has them, for the programs that read these:
//!
//! ```text
//! current-time transfer-time remote-host file-size filename transfer-type special-action-flag direction access-mode username
//! service-name authentication-method authenticated-user-id completion-status
//! ```
//!
//! Fields are separated by one blank, so a name has none: blanks and control characters become `_`.

use crate::accounts::is_anonymous;
use crate::listing_time::ListingTime;
use crate::unseen::turns_text;
use crate::visit::Direction;
use crate::visit::facts::{Fact, What};

/// The line of a fact, if it is one that stands in such a file: a transfer, or a file that was removed.
pub(super) fn line(fact: &Fact<'_>, zone: &ListingTime) -> Option<String> {
    let (seconds, size, path, text, compressed, direction, complete) = match fact.what {
        What::TransferEnded { transfer, end } => {
            let direction = match transfer.direction {
                Direction::Download => 'o',
                Direction::Upload | Direction::Append => 'i',
                Direction::Listing => return None,
            };
            let wire = end.wire;
            let (text, compressed) = (wire.ascii == Some(true), wire.compressed == Some(true));
            let path = &*transfer.path;
            (end.seconds, transfer.bytes(), path, text, compressed, direction, end.failure.is_none())
        }
        What::Changed { operation: "DELE", path, .. } => (0.0, 0, path.as_str(), false, false, 'd', true),
        _ => return None,
    };
    let time = zone.clock_at(fact.time).format("%a %b %e %H:%M:%S %Y");
    // The file has whole seconds. So short a transfer as most are took none.
    let seconds = seconds.round();
    let peer = fact.who.peer.ip().to_canonical();
    let kind = if text { 'a' } else { 'b' };
    let action = if compressed { 'C' } else { '_' };
    let access = if is_anonymous(fact.who.user) { 'a' } else { 'r' };
    let status = if complete { 'c' } else { 'i' };
    let (path, user) = (one_word(path), one_word(fact.who.user));
    Some(format!(
        "{time} {seconds:.0} {peer} {size} {path} {kind} {action} {direction} {access} {user} ftp 0 * {status}"
    ))
}

/// Whether a line says that a transfer was not completed.
pub(super) fn is_incomplete(line: &str) -> bool {
    line.ends_with(" i")
}

/// The same without what would end the field, or the line.
fn one_word(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() || c.is_control() || turns_text(c) { '_' } else { c }).collect()
}
