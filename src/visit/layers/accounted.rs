//! Nothing happens that could not be told to somebody who has to hear of it: an audit that is required.

use async_trait::async_trait;
use wharf_backends::{Error, ErrorKind, Result};

use super::{Layer, Operation};
use crate::visit::Guest;
use crate::visit::facts::Untold;

/// Refuses what would have to be told while it can't be.
#[derive(Debug)]
pub(super) struct Accounted;

#[async_trait]
impl Layer for Accounted {
    async fn before(&self, guest: &Guest, operation: Operation<'_>) -> Result<()> {
        let path = match operation {
            Operation::Look(_) | Operation::List(_) | Operation::Digest(..) => return Ok(()),
            Operation::Read(path, _)
            | Operation::Store(path, _)
            | Operation::RemoveFile(path)
            | Operation::MakeDirectory(path)
            | Operation::RemoveDirectory(path)
            | Operation::Rename { from: path, .. }
            | Operation::SetTime(path, _)
            | Operation::SetMode(path, _) => path,
        };
        if guest.facts.can_be_told().await {
            return Ok(());
        }
        Err(Error::with_source(ErrorKind::Unavailable, path, Untold))
    }
}
