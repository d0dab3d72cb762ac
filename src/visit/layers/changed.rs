//! The log line of each change, by which operators find out who removed what.

use wharf_backends::Error;

use super::{Layer, Operation};
use crate::visit::Guest;

/// Writes a line for whatever changed what is stored, but for the bytes of files: transfers have lines of their own.
#[derive(Debug)]
pub(super) struct Changed;

impl Layer for Changed {
    fn after(&self, guest: &Guest, operation: Operation<'_>, result: Result<(), &Error>) {
        if result.is_err() {
            return;
        }
        // The words are those of FTP, whichever variant of a command the client used.
        let (word, path, to) = match operation {
            Operation::RemoveFile(path) => ("DELE", path, None),
            Operation::MakeDirectory(path) => ("MKD", path, None),
            Operation::RemoveDirectory(path) => ("RMD", path, None),
            Operation::Rename { from, to } => ("RNTO", from, Some(to)),
            Operation::SetTime(path) => ("MFMT", path, None),
            Operation::SetMode(path) => ("SITE CHMOD", path, None),
            Operation::Look(_)
            | Operation::List(_)
            | Operation::Read(..)
            | Operation::Digest(..)
            | Operation::Store(..) => return,
        };
        guest.journal().changed(word, path, to);
    }
}
