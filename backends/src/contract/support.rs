//! Functions that the cases share.

use bytes::Bytes;
use futures_util::StreamExt;

use crate::{ByteRange, CreateMode, Error, ErrorKind, Result, Storage, StoragePath};

/// Bytes that differ at every offset and with every seed, so that a mix-up shows.
pub fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(super) fn path(text: &str) -> StoragePath {
    match StoragePath::parse(text) {
        Ok(path) => path,
        Err(error) => panic!("{text:?}: {error}"),
    }
}

/// Uploads `content` in one piece.
///
/// # Errors
/// The first error of the upload.
pub async fn put(storage: &dyn Storage, at: &str, content: &[u8], mode: CreateMode) -> Result<()> {
    let mut upload = storage.create(&path(at), mode).await?;
    if let Err(error) = upload.write(Bytes::copy_from_slice(content)).await {
        upload.abort().await?;
        return Err(error);
    }
    upload.finish().await.map(drop)
}

/// Reads a part of a file.
///
/// # Errors
/// The first error of the body.
pub async fn read(storage: &dyn Storage, at: &str, range: ByteRange) -> Result<Vec<u8>> {
    let mut stream = storage.open(&path(at), range).await?.into_stream();
    let mut content = Vec::new();
    while let Some(chunk) = stream.next().await {
        content.extend_from_slice(&chunk?);
    }
    Ok(content)
}

/// The whole content of a file that must be there.
///
/// # Panics
/// If it can't be read.
pub async fn contents(storage: &dyn Storage, at: &str) -> Vec<u8> {
    match read(storage, at, ByteRange::ALL).await {
        Ok(content) => content,
        Err(error) => panic!("reading {at}: {error}"),
    }
}

/// The sorted names in a directory that must be there.
///
/// # Panics
/// If it can't be listed.
pub async fn names_in(storage: &dyn Storage, at: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut entries = ok(storage.list(&path(at)).await);
    while let Some(entry) = entries.next().await {
        names.push(ok(entry).name);
    }
    names.sort();
    names
}

pub(super) async fn stored(storage: &dyn Storage, at: &str, content: &[u8]) {
    ok(put(storage, at, content, CreateMode::Replace).await);
}

pub(super) async fn directory(storage: &dyn Storage, at: &str) {
    ok(storage.create_directory(&path(at)).await);
}

#[track_caller]
pub(super) fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("unexpected error: {error}"),
    }
}

#[track_caller]
pub(super) fn refused<T>(result: Result<T>, kind: ErrorKind) -> Error {
    match result {
        Ok(_) => panic!("expected {kind:?}, and it worked"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            error
        }
    }
}

pub(super) async fn missing(storage: &dyn Storage, at: &str) {
    refused(storage.stat(&path(at)).await, ErrorKind::NotFound);
    refused(storage.open(&path(at), ByteRange::ALL).await, ErrorKind::NotFound);
    let parent = path(at).parent().unwrap_or_else(StoragePath::root);
    let name = path(at).name().unwrap_or_default().to_owned();
    if storage.stat(&parent).await.is_ok_and(|parent| parent.is_directory()) {
        let names = names_in(storage, parent.as_str()).await;
        assert!(!names.contains(&name), "{at} is listed: {names:?}");
    }
}
