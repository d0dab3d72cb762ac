//! Uploads that were broken off. They end with the process, as everything here does.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use super::content::Charge;
use super::upload::{Base, MemoryUpload};
use super::{MemoryStorage, Shared};
use crate::partial::{Keeping, Partial, told};
use crate::{Body, ByteRange, CreateMode, Error, ErrorKind, Partials, Result, StoragePath, Upload};

/// What is kept, by its owner and its path.
pub(super) type Kept = HashMap<(String, StoragePath), Left>;

/// What has arrived of an upload.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) keeping: Keeping,
    pub(super) chunks: Vec<Bytes>,
    pub(super) charge: Charge,
    at: SystemTime,
}

impl Left {
    fn arrived(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    fn partial(&self, path: &StoragePath) -> Option<Partial> {
        Partial::of(self.keeping.clone(), path.clone(), self.arrived(), self.at, SystemTime::now())
    }
}

impl Shared {
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what has arrived, and tells how much its owner hears of. A newer upload that was left is not replaced.
    pub(super) fn keep(
        &self,
        path: &StoragePath,
        keeping: Keeping,
        chunks: Vec<Bytes>,
        charge: Charge,
    ) -> Option<u64> {
        let left = Left { keeping, chunks, charge, at: SystemTime::now() };
        let told = told(left.arrived())?;
        self.kept().insert((left.keeping.owner.clone(), path.clone()), left);
        Some(told)
    }

    /// Removes what nobody has come back for in its time.
    pub(super) fn sweep_kept(&self) -> u64 {
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|(_, path), left| left.partial(path).is_some());
        (before - kept.len()) as u64
    }
}

/// The first bytes of chunks.
fn cut(chunks: Vec<Bytes>, length: u64) -> Vec<Bytes> {
    let mut left = usize::try_from(length).unwrap_or(usize::MAX);
    let cut = chunks.into_iter().map(|chunk| {
        let some = chunk.slice(..chunk.len().min(left));
        left -= some.len();
        some
    });
    cut.filter(|chunk| !chunk.is_empty()).collect()
}

impl MemoryStorage {
    fn upload(&self, path: &StoragePath, keeping: &Keeping, mode: CreateMode) -> Result<MemoryUpload> {
        let tree = self.shared.tree();
        let existing = tree.may_store(path)?;
        mode.allows(existing.map(|old| old.len()), path)?;
        let base = if mode == CreateMode::New { Base::Nothing } else { Base::Anything };
        drop(tree);
        Ok(MemoryUpload::new(Arc::clone(&self.shared), path.clone(), base).kept_as(keeping.clone()))
    }
}

#[async_trait]
impl Partials for MemoryStorage {
    /// What is gone on with is with its upload.
    fn can_read(&self) -> bool {
        false
    }

    async fn begin(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        let upload = self.upload(path, keeping, mode)?;
        self.shared.kept().remove(&(keeping.owner.clone(), path.clone()));
        Ok(Box::new(upload))
    }

    async fn find(&self, path: &StoragePath, owner: &str) -> Result<Option<Partial>> {
        let kept = self.shared.kept();
        Ok(kept.get(&(owner.to_owned(), path.clone())).and_then(|left| left.partial(path)))
    }

    async fn find_in(&self, directory: &StoragePath, owner: &str) -> Result<Vec<Partial>> {
        let kept = self.shared.kept();
        let here =
            kept.iter().filter(|((of, path), _)| of == owner && path.parent().as_ref() == Some(directory));
        Ok(here.filter_map(|((_, path), left)| left.partial(path)).collect())
    }

    async fn resume(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        offset: u64,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        let upload = self.upload(path, keeping, mode)?;
        let mut kept = self.shared.kept();
        let key = (keeping.owner.clone(), path.clone());
        match kept.get(&key).filter(|left| left.partial(path).is_some()) {
            None => return Err(Error::new(ErrorKind::NotFound, path)),
            Some(left) if offset > left.arrived() => return Err(Error::new(ErrorKind::InvalidRange, path)),
            Some(_) => {}
        }
        let Some(left) = kept.remove(&key) else { return Err(Error::new(ErrorKind::NotFound, path)) };
        Ok(Box::new(upload.behind(cut(left.chunks, offset), left.charge)))
    }

    async fn remove(&self, path: &StoragePath, owner: &str) -> Result<bool> {
        Ok(self.shared.kept().remove(&(owner.to_owned(), path.clone())).is_some())
    }

    async fn all(&self) -> Result<Vec<Partial>> {
        Ok(self.shared.kept().iter().filter_map(|((_, path), left)| left.partial(path)).collect())
    }

    async fn read(&self, path: &StoragePath, _owner: &str, _range: ByteRange) -> Result<Body> {
        Err(Error::new(ErrorKind::Unsupported, path))
    }
}
