//! The SHA-256 of files that pass, for an audit that wants it (`audit[].sha256`).

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use wharf_backends::{CreateMode, Result};

use super::{Layer, Operation, Tap};
use crate::visit::Guest;
use crate::visit::facts::What;

/// Has the bytes of whole files looked at.
#[derive(Debug)]
pub(super) struct Digested;

impl Layer for Digested {
    fn tap(&self, guest: &Guest, operation: Operation<'_>) -> Option<Box<dyn Tap>> {
        let is_upload = match operation {
            Operation::Read(_, range) if range.offset == 0 => false,
            Operation::Store(_, CreateMode::New | CreateMode::Replace) => true,
            _ => return None,
        };
        let context = Some(Context::new(&SHA256));
        Some(Box::new(Digesting { guest: guest.clone(), is_upload, context }))
    }
}

struct Digesting {
    guest: Guest,
    is_upload: bool,
    /// `None` when it is told.
    context: Option<Context>,
}

impl Digesting {
    fn tell(&mut self) {
        let Some(context) = self.context.take() else { return };
        let digest = context.finish();
        self.guest.facts.tell(self.guest.who(), What::Digested { sha256: digest.as_ref() });
    }
}

#[async_trait]
impl Tap for Digesting {
    async fn bytes(&mut self, bytes: &Bytes) -> Result<()> {
        if let Some(context) = &mut self.context {
            context.update(bytes);
        }
        Ok(())
    }

    async fn complete(&mut self) -> Result<()> {
        self.tell();
        Ok(())
    }
}

impl Drop for Digesting {
    /// A download has no other end. One that was broken off is known by how its transfer ends.
    fn drop(&mut self) {
        if !self.is_upload {
            self.tell();
        }
    }
}
