//! An upload into memory.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::Shared;
use super::content::{Charge, Content};
use crate::partial::Keeping;
use crate::{CHUNK_SIZE, Error, ErrorKind, Metadata, Result, StoragePath, Upload};

/// The size of the first chunk of a file. Each further one is twice as large, up to [`CHUNK_SIZE`], so that small files
/// stay small and no existing bytes are ever copied to grow.
const FIRST_CHUNK: usize = 4 * 1024;

/// The file that an upload extends.
pub(super) enum Base {
    /// The name must be free.
    Nothing,
    Anything,
    /// The first bytes of the file that existed at the beginning, and must still exist.
    Beginning {
        of: Arc<Content>,
        edition: u64,
        length: u64,
    },
    /// The file that exists at the end.
    End,
}

/// The result of an upload.
pub(super) struct Written {
    pub(super) chunks: Vec<Bytes>,
    pub(super) charge: Charge,
    /// The charge for its name, if it becomes a new file.
    pub(super) name: Charge,
}

impl Written {
    /// The new content of the file at `path`, which has the content `old` now.
    fn with(self, old: Option<&mut Arc<Content>>, base: &Base, path: &StoragePath) -> Result<Arc<Content>> {
        let Self { chunks, charge, name } = self;
        Ok(match (base, old) {
            (Base::Nothing, Some(_)) => return Err(Error::new(ErrorKind::AlreadyExists, path)),
            (Base::Beginning { of, edition, length }, Some(old)) if old.edition() == *edition => {
                Arc::new(of.with_tail(*length, chunks, charge))
            }
            (Base::Beginning { .. }, _) => return Err(Error::new(ErrorKind::Conflict, path)),
            (Base::End, Some(old)) => match Arc::get_mut(old) {
                Some(content) => {
                    content.append(chunks, charge);
                    Arc::clone(old)
                }
                // Readers keep the old content.
                None => Arc::new(old.with_tail(old.len(), chunks, charge)),
            },
            (Base::Nothing | Base::Anything | Base::End, _) => Arc::new(Content::new(chunks, charge, name)),
        })
    }
}

pub(super) struct MemoryUpload {
    shared: Arc<Shared>,
    path: StoragePath,
    base: Base,
    chunks: Vec<Bytes>,
    filling: BytesMut,
    /// Room in `filling` that is already charged.
    room: usize,
    next_chunk: usize,
    charge: Option<Charge>,
    failed: bool,
    /// Whose it is, if it is kept when it is left.
    keeping: Option<Keeping>,
}

impl MemoryUpload {
    pub(super) fn new(shared: Arc<Shared>, path: StoragePath, base: Base) -> Self {
        Self {
            shared,
            path,
            base,
            chunks: Vec::new(),
            filling: BytesMut::new(),
            room: 0,
            next_chunk: FIRST_CHUNK,
            charge: None,
            failed: false,
            keeping: None,
        }
    }

    /// The same, which is kept when it is left.
    pub(super) fn kept_as(self, keeping: Keeping) -> Self {
        Self { keeping: Some(keeping), ..self }
    }

    /// The same behind what was kept.
    pub(super) fn behind(self, chunks: Vec<Bytes>, charge: Charge) -> Self {
        Self { chunks, charge: Some(charge), ..self }
    }

    /// Closes the last chunk, and gives back the excess room of it: it is copied, being the only one that isn't full.
    fn close(&mut self) {
        if !self.filling.is_empty() {
            self.chunks.push(Bytes::copy_from_slice(&self.filling));
            self.filling = BytesMut::new();
        }
        if let Some(charge) = &mut self.charge {
            charge.shrink(self.room as u64);
        }
        self.room = 0;
    }

    fn charge(&mut self) -> Result<&mut Charge> {
        match &mut self.charge {
            Some(charge) => Ok(charge),
            none => Ok(none.insert(self.shared.budget.charge(0, &self.path)?)),
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
        let name = self.shared.budget.charge_name(&self.path)?;
        self.charge()?;
        self.close();
        let Some(charge) = self.charge.take() else {
            return Err(Error::new(ErrorKind::Other, &self.path));
        };
        let written = Written { chunks: std::mem::take(&mut self.chunks), charge, name };
        self.shared.tree().store(&self.path, |old| written.with(old, &self.base, &self.path))
    }

    async fn leave(mut self: Box<Self>) -> Result<Option<u64>> {
        self.close();
        let (Some(keeping), Some(charge)) = (self.keeping.take(), self.charge.take()) else {
            return Ok(None);
        };
        Ok(self.shared.keep(&self.path, keeping, std::mem::take(&mut self.chunks), charge))
    }
}
