//! An upload that is passed on as it arrives.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use unftp_core::auth::DefaultUser;
use unftp_core::storage::StorageBackend;

use super::{from_unftp, metadata, native};
use crate::{Error, ErrorKind, Metadata, Result, StoragePath, Upload};

/// The number of chunks on their way to the backend.
const QUEUE: usize = 2;

pub(super) struct BridgeUpload {
    /// `None` after the end was signalled.
    chunks: Option<mpsc::Sender<io::Result<Bytes>>>,
    /// `None` after its result was taken.
    storing: Option<JoinHandle<Result<Metadata>>>,
    path: StoragePath,
}

impl BridgeUpload {
    pub(super) fn start<B>(backend: Arc<B>, path: StoragePath, offset: u64) -> Self
    where
        B: StorageBackend<DefaultUser> + 'static,
    {
        let (chunks, receiver) = mpsc::channel(QUEUE);
        let at = path.clone();
        let storing = tokio::spawn(async move {
            let input = ChunkReader { receiver, current: Bytes::new() };
            let stored = backend.put(&DefaultUser, input, native(&at), offset).await;
            stored.map_err(|error| from_unftp(&at, error))?;
            let found = backend.metadata(&DefaultUser, native(&at)).await;
            found.map(|found| metadata(&found)).map_err(|error| from_unftp(&at, error))
        });
        Self { chunks: Some(chunks), storing: Some(storing), path }
    }

    async fn end(&mut self) -> Result<Metadata> {
        let Some(storing) = &mut self.storing else { return Err(self.failed_before()) };
        let ended = storing.await;
        self.storing = None;
        match ended {
            Ok(stored) => stored,
            Err(panic) => Err(Error::with_source(ErrorKind::Other, &self.path, panic)),
        }
    }

    fn failed_before(&self) -> Error {
        Error::with_source(ErrorKind::Other, &self.path, "the upload had failed before")
    }

    async fn give_up(&mut self) {
        if let Some(chunks) = self.chunks.take() {
            let _ = chunks.send(Err(io::Error::other("the upload was aborted"))).await;
        }
    }
}

#[async_trait]
impl Upload for BridgeUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let Some(chunks) = &self.chunks else {
            return Err(self.failed_before());
        };
        if bytes.is_empty() || chunks.send(Ok(bytes)).await.is_ok() {
            return Ok(());
        }
        // The backend gave up reading, and reports the reason.
        self.chunks = None;
        self.end().await?;
        Err(Error::with_source(ErrorKind::Other, &self.path, "the backend stopped reading"))
    }

    async fn finish(mut self: Box<Self>) -> Result<Metadata> {
        if self.chunks.take().is_none() {
            return Err(self.failed_before());
        }
        self.end().await
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.give_up().await;
        let _ = self.end().await;
        Ok(())
    }
}

impl Drop for BridgeUpload {
    fn drop(&mut self) {
        // Only ending the task before it sees the end of its input can't look like a complete upload.
        if let Some(storing) = &self.storing {
            storing.abort();
        }
    }
}

/// Reads from chunks.
struct ChunkReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl AsyncRead for ChunkReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.current.is_empty() {
            match ready!(self.receiver.poll_recv(context)) {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.current.len().min(buffer.remaining());
        buffer.put_slice(&self.current[..count]);
        self.current.advance(count);
        Poll::Ready(Ok(()))
    }
}
