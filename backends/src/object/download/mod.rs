//! Reading an object: one request, and more only if the connection is lost, or if the store is slower than the client.

pub(crate) mod ahead;
pub(crate) mod pace;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{self, BoxStream, StreamExt};

use self::ahead::Ahead;
use crate::object::bucket::Bucket;
use crate::object::store::failure::Failure;
use crate::object::store::object::Object;
use crate::{Body, ByteRange, ByteStream, Content, Error, ErrorKind, Result, StoragePath};

type Chunks = BoxStream<'static, Result<Bytes>>;

/// What the store answered to a request for bytes.
struct Answer {
    object: Object,
    /// The bytes that come: the first, and the one behind the last.
    span: (u64, u64),
    chunks: Chunks,
}

/// Why there are no bytes.
enum Refusal {
    /// There is nothing under the key.
    Missing(Error),
    /// It is not the object that was asked for, or has no such bytes.
    Changed,
    /// No such bytes; stores and library have several ways to say so.
    Range(Error),
    Other(Error),
}

/// Opens the file at `path`.
pub(crate) async fn open(bucket: &Arc<Bucket>, path: &StoragePath, range: ByteRange) -> Result<Body> {
    if path.is_root() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let key = bucket.keys.existing(path)?;
    // Some stores read the end of a range as a signed number.
    let end = range.length.and_then(|length| range.offset.checked_add(length)).filter(|end| *end < 1 << 62);
    let wanted = match (range.offset, end) {
        // HTTP has no way to ask for nothing.
        (start, Some(end)) if start == end => return open_nothing(bucket, path, range, None).await,
        (0, None) => None,
        (start, end) => Some((start, end)),
    };
    let Answer { object, span, chunks } = match get(bucket, path, &key, wanted, None).await {
        Ok(answer) => answer,
        Err(Refusal::Missing(error)) => {
            // A missing file, or a directory.
            return Err(match bucket.is_directory(path).await? {
                true => Error::new(ErrorKind::IsADirectory, path),
                false => error,
            });
        }
        Err(Refusal::Range(error)) if wanted.is_some() => {
            return open_nothing(bucket, path, range, Some(error)).await;
        }
        Err(Refusal::Changed) => return Err(Error::new(ErrorKind::Conflict, path)),
        Err(Refusal::Range(error) | Refusal::Other(error)) => return Err(error),
    };
    let is_content_of_marker = key.ends_with('/');
    if is_content_of_marker && object.size == 0 {
        return Err(Error::new(ErrorKind::NotFound, path));
    }
    if !is_content_of_marker && object.is_folder
        || (object.size == 0 && bucket.holds_keys(path, &bucket.keys.directory(path)?).await?)
    {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    bucket.known.file(path, object.size, object.e_tag.as_deref());
    let metadata = object.metadata();
    // The store would have to be wrong; its reader must not get other bytes than it asked for.
    if span.0 != range.offset || span.1.checked_sub(span.0) != Some(range.length_in(object.size, path)?) {
        return Err(Error::with_source(ErrorKind::Other, path, "the store sent another range"));
    }
    let reader = Reader::new(bucket, path, object, span, chunks);
    Ok(Body { metadata, content: Content::Stream(Ahead::new(reader).into_stream()) })
}

/// Bytes of an object that was looked at before, from the first up to the one before the end, as it was then.
pub(crate) fn section(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    object: &Object,
    span: (u64, u64),
) -> ByteStream {
    // The first read asks for the bytes, as after a lost connection.
    Reader::new(bucket, path, object.clone(), span, stream::empty().boxed()).into_stream()
}

/// A body without bytes, for a range that has none; if it has some, the error that asking for them met.
async fn open_nothing(
    bucket: &Bucket,
    path: &StoragePath,
    range: ByteRange,
    error: Option<Error>,
) -> Result<Body> {
    let metadata = bucket.file(path).await?.metadata();
    match (range.length_in(metadata.size, path)?, error) {
        (1.., Some(error)) => Err(error),
        // It has grown since it was asked for the range.
        (1.., None) => Err(Error::new(ErrorKind::Conflict, path)),
        (0, _) => Ok(Body { metadata, content: Content::Stream(stream::empty().boxed()) }),
    }
}

/// Asks for an object, or for the bytes from the first up to the one before the end, if it is the one with this entity tag.
async fn get(
    bucket: &Bucket,
    path: &StoragePath,
    key: &str,
    range: Option<(u64, Option<u64>)>,
    if_match: Option<&str>,
) -> Result<Answer, Refusal> {
    let asked = range.map(|(first, end)| (first, end.map(|end| end.saturating_sub(1))));
    let (object, response) = bucket.get(key, asked, if_match).await.map_err(|failure| match failure {
        failure if failure.is_not_found() => Refusal::Missing(failure.at(path)),
        // What can't be is not there.
        failure if failure.is_impossible_name() => {
            Refusal::Missing(Error::with_source(ErrorKind::NotFound, path, failure.to_string()))
        }
        failure if failure.is_precondition() => Refusal::Changed,
        failure if failure.is_range_refused() => Refusal::Range(failure.at(path)),
        failure => Refusal::Other(failure.at(path)),
    })?;
    let told = response.headers().get("content-range").and_then(|value| value.to_str().ok());
    let length = response.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let span = match (told.and_then(span_of), response.status().as_u16()) {
        (Some(span), 206) => span,
        // Some stores answer a range with the status of a whole object.
        (Some(span), 200) if length == span.1.checked_sub(span.0) => span,
        (_, 200) => (0, object.size),
        _ => {
            let error =
                Error::with_source(ErrorKind::Other, path, "the store doesn't say which bytes it sends");
            return Err(Refusal::Other(error));
        }
    };
    let at = path.clone();
    let chunks =
        response.into_body().bytes_stream().map_err(move |error| Failure::Transport(error).at(&at)).boxed();
    Ok(Answer { object, span, chunks })
}

/// `bytes 0-99/1000` (RFC 9110, section 14.4): the first byte, and the one behind the last.
fn span_of(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes ")?.split_once('/')?.0.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse::<u64>().ok()?.checked_add(1)?))
}

/// A download that is under way.
pub(crate) struct Reader {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) path: StoragePath,
    /// As it was when it was opened: the rest must come from the same one.
    pub(crate) object: Object,
    pub(crate) position: u64,
    pub(crate) end: u64,
    body: Chunks,
    /// Since the last byte that came.
    failures: usize,
    /// When the first of these was.
    lost: Option<Instant>,
}

impl Reader {
    fn new(
        bucket: &Arc<Bucket>,
        path: &StoragePath,
        object: Object,
        (position, end): (u64, u64),
        body: Chunks,
    ) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            path: path.clone(),
            object,
            position,
            end,
            body,
            failures: 0,
            lost: None,
        }
    }

    /// The same up to another end.
    fn up_to(self, end: u64) -> Self {
        Self { end, ..self }
    }

    /// Another one for some bytes of the same object.
    pub(crate) fn part(&self, position: u64, end: u64) -> Self {
        Self::new(&self.bucket, &self.path, self.object.clone(), (position, end), stream::empty().boxed())
    }

    fn into_stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, async |mut reader| {
            Ok(reader.next().await?.map(|bytes| (bytes, reader)))
        }))
    }

    /// The next bytes; `None` when all have come.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.position < self.end {
            let lost = match self.body.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(mut bytes)) => {
                    let rest = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
                    bytes.truncate(rest);
                    self.position += bytes.len() as u64;
                    (self.failures, self.lost) = (0, None);
                    return Ok(Some(bytes));
                }
                Some(Err(error)) => Some(error),
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
        if self.object.e_tag.is_none() || self.failures > self.bucket.tuning.retries {
            return Err(lost);
        }
        self.failures += 1;
        let lost = *self.lost.get_or_insert_with(Instant::now);
        let range = Some((self.position, Some(self.end)));
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        match get(&bucket, &path, &self.object.key, range, self.object.e_tag.as_deref()).await {
            // A store that knows no such condition tells what it has.
            Ok(answer) if answer.object.e_tag != self.object.e_tag => Err(changed(&path)),
            Ok(answer) if answer.span == (self.position, self.end) => {
                self.body = answer.chunks;
                Ok(())
            }
            Ok(_) => Err(Error::with_source(ErrorKind::Other, &path, "the store sent another range")),
            Err(Refusal::Missing(_) | Refusal::Changed | Refusal::Range(_)) => Err(changed(&path)),
            // It is asked for again, as long as it may be.
            Err(Refusal::Other(error))
                if error.kind() == ErrorKind::Unavailable
                    && self.failures <= self.bucket.tuning.retries
                    && lost.elapsed() < self.bucket.tuning.retry_timeout =>
            {
                self.body = stream::once(async { Err(error) }).boxed();
                Ok(())
            }
            Err(Refusal::Other(error)) => Err(error),
        }
    }
}

fn changed(path: &StoragePath) -> Error {
    Error::with_source(ErrorKind::Conflict, path, "the file was replaced or removed")
}
