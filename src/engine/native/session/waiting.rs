//! Commands that wait for their turn.

use std::io;

use super::super::codec::Decoded;
use super::super::control::Control;

/// A command that came during a transfer.
pub(super) struct Waiting {
    pub(super) command: Decoded,
    pub(super) is_counted: bool,
}

/// The next command; while that `is_held`, only the end of the connection, so that nobody who is gone keeps its place.
pub(super) async fn next_command(control: &mut Control, is_held: bool) -> io::Result<Option<Decoded>> {
    if is_held {
        control.gone().await;
        return Ok(None);
    }
    control.next().await
}

/// How much room something takes that waits.
pub(super) fn size(waiting: &Decoded) -> usize {
    match waiting {
        Decoded::Line(line) => line.verb.len() + line.argument.len(),
        Decoded::TooLong | Decoded::Endless | Decoded::Tls => 0,
    }
}
