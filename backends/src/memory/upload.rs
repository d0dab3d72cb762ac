//! An upload into memory.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::Shared;
use super::content::{Charge, Content};
use super::tree::Node;
use crate::{CHUNK_SIZE, Error, ErrorKind, Metadata, Result, StoragePath, Upload};

/// The first chunk of a file; each further one is twice as large, up to [`CHUNK_SIZE`], so that small files
/// stay small and nothing that exists is ever copied to grow.
const FIRST_CHUNK: usize = 4 * 1024;

pub(super) struct MemoryUpload {
    shared: Arc<Shared>,
    path: StoragePath,
    replace: bool,
    chunks: Vec<Bytes>,
    filling: BytesMut,
    /// Room in `filling` that is paid for.
    room: usize,
    next_chunk: usize,
    charge: Option<Charge>,
    /// What it goes on from.
    kept: Option<Arc<Content>>,
    failed: bool,
}

impl MemoryUpload {
    pub(super) fn new(shared: Arc<Shared>, path: StoragePath, replace: bool) -> Self {
        Self {
            shared,
            path,
            replace,
            chunks: Vec::new(),
            filling: BytesMut::new(),
            room: 0,
            next_chunk: FIRST_CHUNK,
            charge: None,
            kept: None,
            failed: false,
        }
    }

    /// Starts with the first bytes of an existing file.
    pub(super) async fn keep(&mut self, old: &Arc<Content>, length: u64) -> Result<()> {
        self.kept = Some(Arc::clone(old));
        let mut stream = Box::pin(Arc::clone(old).stream(0, length));
        while let Some(chunk) = stream.next().await {
            self.write(chunk?).await?;
        }
        Ok(())
    }

    fn charge(&mut self) -> Result<&mut Charge> {
        match &mut self.charge {
            Some(charge) => Ok(charge),
            none => Ok(none.insert(self.shared.budget.charge_name(&self.path)?)),
        }
    }

    /// Makes room for at least one byte.
    fn grow(&mut self) -> Result<()> {
        let size = self.next_chunk;
        let path = self.path.clone();
        self.charge()?.grow(size as u64, &path)?;
        if !self.filling.is_empty() {
            self.chunks.push(std::mem::take(&mut self.filling).freeze());
        }
        self.filling = BytesMut::with_capacity(size);
        self.room = size;
        self.next_chunk = (size * 2).min(CHUNK_SIZE);
        Ok(())
    }
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            if self.room == 0 {
                self.grow().inspect_err(|_| self.failed = true)?;
            }
            let part = bytes.split_to(bytes.len().min(self.room));
            self.filling.extend_from_slice(&part);
            self.room -= part.len();
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Metadata> {
        if self.failed {
            return Err(Error::with_source(ErrorKind::Other, &self.path, "the upload had failed before"));
        }
        self.charge()?;
        // What the last chunk has too much is given back: it is copied, being the only one that isn't full.
        if !self.filling.is_empty() {
            self.chunks.push(Bytes::copy_from_slice(&self.filling));
        }
        let Some(mut charge) = self.charge.take() else {
            return Err(Error::new(ErrorKind::Other, &self.path));
        };
        charge.shrink(self.room as u64);
        let content = Arc::new(Content::new(std::mem::take(&mut self.chunks), charge));
        let node = Node::File { content, modified: SystemTime::now() };
        let metadata = node.metadata();
        self.shared.tree().insert_file(&self.path, node, self.replace, self.kept.as_ref())?;
        Ok(metadata)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
