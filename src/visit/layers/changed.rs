//! The log line of each change, by which operators find out who removed what.

use chrono::{DateTime, SecondsFormat, Utc};
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
        let (word, path, to, value) = match operation {
            Operation::RemoveFile(path) => ("DELE", path, None, None),
            Operation::MakeDirectory(path) => ("MKD", path, None, None),
            Operation::RemoveDirectory(path) => ("RMD", path, None, None),
            Operation::Rename { from, to } => ("RNTO", from, Some(to), None),
            Operation::SetTime(path, time) => {
                let time = DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::AutoSi, true);
                ("MFMT", path, None, Some(time))
            }
            Operation::SetMode(path, mode) => ("SITE CHMOD", path, None, Some(format!("{mode:04o}"))),
            Operation::Look(_)
            | Operation::List(_)
            | Operation::Read(..)
            | Operation::Digest(..)
            | Operation::Store(..) => return,
        };
        guest.journal().changed(word, path, to, value.as_deref());
    }
}
