//! Writing an object: gathered in memory, sent in parts while more comes, visible when it is finished.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, future};
use object_store::path::Path;
use object_store::{
    MultipartUpload, ObjectMeta, PutMode, PutMultipartOptions, PutOptions, PutPayload, UpdateVersion,
};
use tokio::task::{JoinHandle, JoinSet};

use super::body;
use super::client::{Client, patience, silent};
use super::error::{is_not_found, map};
use super::lookup::Found;
use super::parts::{Gathered, PartSizes};
use crate::{ByteStream, CreateMode, Error, ErrorKind, Metadata, Result, StoragePath, Upload};

/// What must stand under the key when the upload is finished.
enum Condition {
    Anything,
    Nothing,
    /// The object that the upload goes on from.
    This(Box<ObjectMeta>),
}

/// The multipart upload on the store.
enum Multipart {
    /// So far everything fits into one request.
    None,
    /// Asked for by a task of its own: who drops the upload meanwhile must still learn what to abort.
    Asked(JoinHandle<Result<Box<dyn MultipartUpload>>>),
    Open(Box<dyn MultipartUpload>),
}

pub(super) struct ObjectUpload {
    client: Arc<Client>,
    path: StoragePath,
    key: Path,
    condition: Condition,
    gathered: Gathered,
    sizes: PartSizes,
    /// All bytes so far.
    length: u64,
    multipart: Multipart,
    sending: JoinSet<Result<u64>>,
    /// Bytes of the parts in `sending`.
    in_flight: u64,
    /// Every byte so far is in `gathered`, being sent or sent. A write that failed or was dropped half-way
    /// may have lost some, and then nothing may be finished.
    intact: bool,
}

/// Starts an upload.
pub(super) async fn create(
    client: &Arc<Client>,
    path: &StoragePath,
    mode: CreateMode,
) -> Result<ObjectUpload> {
    let (found, ()) = future::try_join(client.lookup_at_once(path), client.check_parents(path)).await?;
    if matches!(found, Found::Directory) {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let (condition, kept) = match (mode, found) {
        (CreateMode::New, Found::File(_)) => return Err(Error::new(ErrorKind::AlreadyExists, path)),
        (CreateMode::New, _) => (Condition::Nothing, 0),
        (CreateMode::Replace | CreateMode::Resume(0), _) => (Condition::Anything, 0),
        (CreateMode::Resume(kept), Found::File(object)) => {
            if kept > object.meta.size {
                return Err(Error::new(ErrorKind::InvalidRange, path));
            }
            (Condition::This(Box::new(object.meta)), kept)
        }
        (CreateMode::Resume(_), _) => return Err(Error::new(ErrorKind::NotFound, path)),
        (CreateMode::Append, Found::File(object)) => {
            let kept = object.meta.size;
            (Condition::This(Box::new(object.meta)), kept)
        }
        (CreateMode::Append, _) => (Condition::Nothing, 0),
    };
    let before = match &condition {
        Condition::This(object) => Some(body::beginning(client, path, object, kept)),
        Condition::Anything | Condition::Nothing => None,
    };
    let mut upload = ObjectUpload::new(client, path, client.keys.file(path)?, condition);
    if let Some(before) = before {
        upload.send_all(before).await?;
    }
    Ok(upload)
}

/// Copies an object through this machine, for what the store can't copy itself.
pub(super) async fn copy_through(
    client: &Arc<Client>,
    path: &StoragePath,
    from: &ObjectMeta,
    to: &Path,
) -> Result<()> {
    let mut upload = ObjectUpload::new(client, path, to.clone(), Condition::Anything);
    upload.send_all(body::beginning(client, path, from, from.size)).await?;
    Box::new(upload).finish().await.map(drop)
}

impl ObjectUpload {
    fn new(client: &Arc<Client>, path: &StoragePath, key: Path, condition: Condition) -> Self {
        Self {
            client: Arc::clone(client),
            path: path.clone(),
            key,
            condition,
            gathered: Gathered::default(),
            sizes: PartSizes::new(client.tuning.part_size),
            length: 0,
            multipart: Multipart::None,
            sending: JoinSet::new(),
            in_flight: 0,
            intact: true,
        }
    }

    async fn send_all(&mut self, mut bytes: ByteStream) -> Result<()> {
        while let Some(chunk) = bytes.next().await {
            self.write(chunk?).await?;
        }
        Ok(())
    }

    /// Starts to send a part, as soon as enough of those before it are done.
    async fn send(&mut self, part: PutPayload) -> Result<()> {
        let (tuning, size) = (&self.client.tuning, part.content_length() as u64);
        let patience = patience(tuning, size);
        let (places, room) = (tuning.upload_concurrency, tuning.part_size * tuning.upload_concurrency as u64);
        // Parts that have grown go one by one rather than take several times the memory.
        while !self.sending.is_empty() && (self.sending.len() >= places || self.in_flight + size > room) {
            self.await_part().await?;
        }
        let path = self.path.clone();
        let sent = self.open_multipart().await?.put_part(part);
        self.in_flight += size;
        self.sending.spawn(async move {
            match tokio::time::timeout(patience, sent).await {
                Ok(Ok(())) => Ok(size),
                Ok(Err(error)) => Err(map(&path, &error)),
                Err(_) => Err(silent(&path)),
            }
        });
        Ok(())
    }

    async fn await_part(&mut self) -> Result<()> {
        if let Some(done) = self.sending.join_next().await {
            self.in_flight -= self.arrived(done)?;
        }
        Ok(())
    }

    fn arrived(&self, done: Result<Result<u64>, tokio::task::JoinError>) -> Result<u64> {
        done.unwrap_or_else(|error| Err(Error::with_source(ErrorKind::Other, &self.path, error))).map_err(
            |error| match error.kind() {
                // Somebody aborted the upload on the store; to the client it is no missing file.
                ErrorKind::NotFound => Error::with_source(
                    ErrorKind::Unavailable,
                    &self.path,
                    "the upload is gone from the store",
                ),
                _ => error,
            },
        )
    }

    async fn open_multipart(&mut self) -> Result<&mut Box<dyn MultipartUpload>> {
        if matches!(self.multipart, Multipart::None) {
            let (client, path, key) = (Arc::clone(&self.client), self.path.clone(), self.key.clone());
            self.multipart = Multipart::Asked(tokio::spawn(async move {
                // The parts go over the connections that the upload is opened on.
                let open = client.uploads.put_multipart_opts(&key, PutMultipartOptions::default());
                match tokio::time::timeout(patience(&client.tuning, 0), open).await {
                    Ok(Ok(open)) => Ok(open),
                    Ok(Err(error)) => Err(map(&path, &error)),
                    Err(_) => Err(silent(&path)),
                }
            }));
        }
        if let Multipart::Asked(task) = &mut self.multipart {
            let answer = task.await;
            self.multipart = Multipart::None;
            let open = answer.map_err(|error| Error::with_source(ErrorKind::Other, &self.path, error))??;
            self.multipart = Multipart::Open(open);
        }
        match &mut self.multipart {
            Multipart::Open(open) => Ok(open),
            Multipart::None | Multipart::Asked(_) => {
                Err(Error::with_source(ErrorKind::Other, &self.path, "the upload is not open"))
            }
        }
    }

    /// One request for everything.
    async fn put_whole(&mut self) -> Result<()> {
        let payload = self.gathered.take(u64::MAX);
        let mode = match &self.condition {
            Condition::Anything => PutMode::Overwrite,
            Condition::Nothing => PutMode::Create,
            Condition::This(object) if object.e_tag.is_none() && object.version.is_none() => {
                PutMode::Overwrite
            }
            Condition::This(object) => PutMode::Update(UpdateVersion {
                e_tag: object.e_tag.clone(),
                version: object.version.clone(),
            }),
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        let put = self.client.uploads.put_opts(&self.key, payload, options);
        match tokio::time::timeout(patience(&self.client.tuning, self.length), put).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.refused(&error)),
            Err(_) => Err(silent(&self.path)),
        }
    }

    async fn complete(&mut self) -> Result<()> {
        if self.gathered.len() > 0 {
            let last = self.gathered.take(u64::MAX);
            self.send(last).await?;
        }
        while !self.sending.is_empty() {
            self.await_part().await?;
        }
        self.check_condition().await?;
        let patience = patience(&self.client.tuning, self.length);
        match tokio::time::timeout(patience, self.open_multipart().await?.complete()).await {
            Ok(Ok(_)) => {
                self.multipart = Multipart::None;
                Ok(())
            }
            // It was completed by a request whose answer was lost, or aborted by somebody else.
            Ok(Err(error)) if is_not_found(&error) => Err(Error::with_source(
                ErrorKind::Unavailable,
                &self.path,
                "the store does not say what became of the upload",
            )),
            Ok(Err(error)) => Err(self.refused(&error)),
            Err(_) => Err(silent(&self.path)),
        }
    }

    /// The library can't make the completion itself conditional; this leaves the smallest gap.
    async fn check_condition(&mut self) -> Result<()> {
        if matches!(self.condition, Condition::Anything) {
            return Ok(());
        }
        let now = self.client.head(&self.path, &self.key).await?;
        match (&self.condition, now) {
            (Condition::Nothing, Some(_)) => Err(Error::new(ErrorKind::AlreadyExists, &self.path)),
            (Condition::This(before), Some(now)) if now.meta.e_tag == before.e_tag => Ok(()),
            (Condition::This(_), _) => Err(Error::new(ErrorKind::Conflict, &self.path)),
            (Condition::Anything | Condition::Nothing, _) => Ok(()),
        }
    }

    fn refused(&self, error: &object_store::Error) -> Error {
        let mapped = map(&self.path, error);
        match (&self.condition, mapped.kind()) {
            // The store's 409 says that two requests met; nothing forbade a file here.
            (Condition::Anything | Condition::This(_), ErrorKind::AlreadyExists) => {
                Error::with_source(ErrorKind::Conflict, &self.path, mapped)
            }
            _ => mapped,
        }
    }

    /// Takes what the store may still hold of the upload.
    fn take_remains(&mut self) -> Option<Remains> {
        let sending = std::mem::take(&mut self.sending);
        match std::mem::replace(&mut self.multipart, Multipart::None) {
            Multipart::None => None,
            multipart => Some(Remains {
                client: Arc::clone(&self.client),
                path: self.path.clone(),
                multipart,
                sending,
            }),
        }
    }

    async fn clean_up(&mut self) -> Result<()> {
        match self.take_remains() {
            Some(remains) => remains.remove().await,
            None => Ok(()),
        }
    }
}

/// What the store holds of an upload that will never be finished.
struct Remains {
    client: Arc<Client>,
    path: StoragePath,
    multipart: Multipart,
    sending: JoinSet<Result<u64>>,
}

impl Remains {
    async fn remove(mut self) -> Result<()> {
        // A part that arrives behind the abort would stay.
        self.sending.shutdown().await;
        let open = match self.multipart {
            Multipart::None => return Ok(()),
            Multipart::Open(open) => Ok(open),
            Multipart::Asked(task) => match task.await {
                Ok(answer) => answer,
                Err(error) => return Err(Error::with_source(ErrorKind::Other, &self.path, error)),
            },
        };
        // If it could not be opened there is nothing to remove.
        let Ok(mut open) = open else { return Ok(()) };
        match tokio::time::timeout(patience(&self.client.tuning, 0), open.abort()).await {
            Ok(Err(error)) if !is_not_found(&error) => Err(map(&self.path, &error)),
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(silent(&self.path)),
        }
    }
}

#[async_trait]
impl Upload for ObjectUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let intact = std::mem::replace(&mut self.intact, false);
        // Failures of parts show here rather than after the whole file has been sent.
        while let Some(done) = self.sending.try_join_next() {
            self.in_flight -= self.arrived(done)?;
        }
        self.length += bytes.len() as u64;
        self.gathered.push(bytes);
        while self.gathered.len() >= self.sizes.next() {
            let part = self.gathered.take(self.sizes.next());
            self.sizes.advance();
            self.send(part).await?;
        }
        self.intact = intact;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Metadata> {
        let done = match self.multipart {
            _ if !self.intact => {
                Err(Error::with_source(ErrorKind::Other, &self.path, "an earlier part of it was not written"))
            }
            Multipart::None => self.put_whole().await,
            Multipart::Asked(_) | Multipart::Open(_) => self.complete().await,
        };
        if let Err(error) = done {
            if let Err(second) = self.clean_up().await {
                tracing::warn!(path = %self.path, error = %second, "an unfinished upload is left on the store");
            }
            return Err(error);
        }
        Ok(Metadata::file(self.length, None))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.clean_up().await
    }
}

impl Drop for ObjectUpload {
    fn drop(&mut self) {
        let Some(remains) = self.take_remains() else { return };
        // Without a runtime nothing can be asked of the store.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let path = remains.path.clone();
            if let Err(error) = remains.remove().await {
                tracing::warn!(%path, %error, "an unfinished upload is left on the store");
            }
        });
    }
}
