//! Reading an object: one request, and more only if the connection is lost.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectMeta};

use super::client::{Client, Object, is_folder};
use super::error::{is_not_found, is_range_refused, map};
use crate::{Body, ByteRange, ByteStream, Content, Error, ErrorKind, Result, StoragePath};

/// Opens the file at `path`.
pub(super) async fn open(client: &Arc<Client>, path: &StoragePath, range: ByteRange) -> Result<Body> {
    if path.is_root() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let key = client.keys.existing(path)?;
    // Some stores read the end of a range as a signed number.
    let end = range.length.and_then(|length| range.offset.checked_add(length)).filter(|end| *end < 1 << 62);
    let wanted = match (range.offset, end) {
        // HTTP has no way to ask for nothing.
        (start, Some(end)) if start == end => return open_nothing(client, path, range, None).await,
        (start, Some(end)) => Some(GetRange::Bounded(start..end)),
        (0, None) => None,
        (start, None) => Some(GetRange::Offset(start)),
    };
    let ranged = wanted.is_some();
    let options = GetOptions { range: wanted, ..GetOptions::default() };
    let answer = match client.objects.get_opts(&key, options).await {
        Ok(answer) => answer,
        Err(error) if is_not_found(&error) => {
            // A missing file, or a directory.
            client.file(path).await?;
            return Err(map(path, &error));
        }
        // A range that starts at the end or behind it. Stores and library have several ways to say so.
        Err(error) => {
            let error = map(path, &error);
            return match error.kind() {
                ErrorKind::InvalidRange | ErrorKind::Other if ranged => {
                    open_nothing(client, path, range, Some(error)).await
                }
                _ => Err(error),
            };
        }
    };
    let object = Object { is_folder: is_folder(&answer.attributes), meta: answer.meta.clone() };
    if object.is_folder
        || (object.meta.size == 0 && client.holds_keys(path, &client.keys.directory(path)?).await?)
    {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let metadata = object.metadata();
    let span = answer.range.clone();
    // The store would have to be wrong; its reader must not get other bytes than it asked for.
    if span.start != range.offset || span.end - span.start != range.length_in(object.meta.size, path)? {
        return Err(Error::with_source(ErrorKind::Other, path, "the store sent another range"));
    }
    let reader = Reader {
        client: Arc::clone(client),
        path: path.clone(),
        object: object.meta,
        position: span.start,
        end: span.end,
        body: stream_of(answer.payload),
        failures: 0,
    };
    Ok(Body { metadata, content: Content::Stream(reader.into_stream()) })
}

/// Bytes `0..end` of an object that was looked at before, as it was then.
pub(super) fn beginning(
    client: &Arc<Client>,
    path: &StoragePath,
    object: &ObjectMeta,
    end: u64,
) -> ByteStream {
    let reader = Reader {
        client: Arc::clone(client),
        path: path.clone(),
        object: object.clone(),
        position: 0,
        end,
        // The first read asks for the bytes, as after a lost connection.
        body: stream::empty().boxed(),
        failures: 0,
    };
    reader.into_stream()
}

/// A body without bytes, for a range that has none; if it has some, the error that asking for them met.
async fn open_nothing(
    client: &Client,
    path: &StoragePath,
    range: ByteRange,
    error: Option<Error>,
) -> Result<Body> {
    let metadata = client.file(path).await?.metadata();
    match (range.length_in(metadata.size, path)?, error) {
        (1.., Some(error)) => Err(error),
        // It has grown since it was asked for the range.
        (1.., None) => Err(Error::new(ErrorKind::Conflict, path)),
        (0, _) => Ok(Body { metadata, content: Content::Stream(stream::empty().boxed()) }),
    }
}

type Chunks = BoxStream<'static, object_store::Result<Bytes>>;

fn stream_of(payload: GetResultPayload) -> Chunks {
    match payload {
        GetResultPayload::Stream(stream) => stream,
        // Only a local store has files; none is built here.
        #[allow(unreachable_patterns)]
        _ => stream::empty().boxed(),
    }
}

/// A download that is under way.
struct Reader {
    client: Arc<Client>,
    path: StoragePath,
    /// As it was when it was opened: the rest must come from the same one.
    object: ObjectMeta,
    position: u64,
    end: u64,
    body: Chunks,
    /// Since the last byte that came.
    failures: usize,
}

impl Reader {
    fn into_stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, async |mut reader| {
            Ok(reader.next().await?.map(|bytes| (bytes, reader)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.position < self.end {
            let lost = match self.body.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(mut bytes)) => {
                    let rest = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
                    bytes.truncate(rest);
                    self.position += bytes.len() as u64;
                    self.failures = 0;
                    return Ok(Some(bytes));
                }
                Some(Err(error)) => Some(map(&self.path, &error)),
                None => None,
            };
            self.resume(lost).await?;
        }
        Ok(None)
    }

    /// Asks for the rest, of the same object only.
    async fn resume(&mut self, lost: Option<Error>) -> Result<()> {
        let lost = lost.unwrap_or_else(|| {
            Error::with_source(ErrorKind::Unavailable, &self.path, "the connection ended early")
        });
        // Without an entity tag nothing says whether it is still the same.
        if self.object.e_tag.is_none() || self.failures > self.client.tuning.retries {
            return Err(lost);
        }
        self.failures += 1;
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.position..self.end)),
            if_match: self.object.e_tag.clone(),
            ..GetOptions::default()
        };
        match self.client.objects.get_opts(&self.object.location, options).await {
            Ok(answer) if answer.range == (self.position..self.end) => {
                self.body = stream_of(answer.payload);
                Ok(())
            }
            Ok(_) => Err(Error::with_source(ErrorKind::Other, &self.path, "the store sent another range")),
            Err(error) if is_not_found(&error) || is_range_refused(&error) => {
                Err(Error::with_source(ErrorKind::Conflict, &self.path, "the file was replaced or removed"))
            }
            Err(error) => Err(map(&self.path, &error)),
        }
    }
}
