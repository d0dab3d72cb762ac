//! Removing uploads that nobody will finish.

use std::time::{Duration, SystemTime};

use super::S3;
use super::multipart::{OpenUpload, StoredPart};
use crate::object::settings::Tuning;
use crate::object::store::Sweep;
use crate::object::store::course::Course;
use crate::object::store::failure::Failure;
use crate::object::store::marks::is_marked;
use crate::{Error, Result, StoragePath};

/// The mark that uploads of earlier versions have: a part of its own that was never a part of the object.
const OLD_MARK_NUMBER: u64 = 10_000;
const OLD_MARK_SIZE: u64 = 73;

/// How far the clock by which a store begins uploads may be from that by which it stores objects.
const CLOCKS: Duration = Duration::from_secs(60);

/// How many pages of a whole bucket are looked at, of a thousand uploads each.
const MOST_PAGES: usize = 100;

/// Aborts the multipart uploads that servers like this one have begun here, if they are too old. Uploads of other programs are
/// left alone: the sizes of their parts mark ours.
pub(super) async fn sweep(s3: &S3, place: &Sweep<'_>) -> Result<u64> {
    let root = place.root;
    let mut swept = Swept::default();
    below(place, s3, root, usize::MAX, &mut swept).await?;
    // Some stores list only the uploads of exactly this key, and not of keys that begin with it.
    if swept.seen == 0 && !root.is_empty() && !s3.is_amazon {
        let whole = below(place, s3, "", MOST_PAGES, &mut swept).await;
        // With the right to list only this prefix, the first answer was enough.
        if let Err(error) = whole {
            tracing::debug!(bucket = place.name, %error, "unfinished uploads are looked for in the place of the backend alone");
        }
    }
    swept.failed.map_or(Ok(swept.removed), Err)
}

/// The results of a sweep.
#[derive(Default)]
struct Swept {
    seen: usize,
    removed: u64,
    failed: Option<Error>,
}

/// Sweeps what is listed below a prefix.
async fn below(place: &Sweep<'_>, s3: &S3, prefix: &str, most: usize, swept: &mut Swept) -> Result<()> {
    let root = StoragePath::root();
    let (mut after, mut course) = (None, Course::default());
    for _ in 0..most {
        let (uploads, next) = s3.open_uploads(prefix, after).await.map_err(|failure| failure.at(&root))?;
        for upload in uploads {
            swept.seen += 1;
            match remove(place, s3, &upload).await {
                Ok(removed) => swept.removed += u64::from(removed),
                // The others may still be ours to remove.
                Err(error) => {
                    swept.failed.get_or_insert(error);
                }
            }
        }
        let Some((key, id)) = next else { break };
        course.pass(&format!("{key}\0{id}"), &key).map_err(|failure| failure.at(&root))?;
        after = Some((key, id));
    }
    Ok(())
}

/// Aborts an upload if it is ours and abandoned; says whether it was.
async fn remove(place: &Sweep<'_>, s3: &S3, upload: &OpenUpload) -> Result<bool> {
    if !(is_old(place, upload) && is_ours(s3, upload).await?) {
        return Ok(false);
    }
    if may_be_complete(s3, upload).await.map_err(|failure| failure.at(&StoragePath::root()))? {
        tracing::info!(
            bucket = place.name,
            key = upload.key,
            upload = upload.id,
            "an unfinished upload may be what the object is made of, and is left alone; if the store bills it, abort it by hand"
        );
        return Ok(false);
    }
    let aborted = s3.abort_upload(&upload.key, &upload.id).await;
    aborted.map_err(|failure| failure.at(&StoragePath::root()))?;
    tracing::info!(bucket = place.name, key = upload.key, "removed an upload that was never finished");
    Ok(true)
}

fn is_old(place: &Sweep<'_>, upload: &OpenUpload) -> bool {
    // Stores have whole seconds, and clocks of their own: what seems to come from the future is new.
    let age = upload.initiated.and_then(|begun| SystemTime::now().duration_since(begun).ok());
    upload.key.starts_with(place.root)
        && !(place.is_under_way)(&upload.id)
        && !place.kept.contains(&upload.id)
        && age.is_some_and(|age| age >= place.abandoned_after)
}

/// Whether the object under the key may be what a completion has made of the upload whose answer was lost. Some stores still
/// list it then, and an abort could take the object's own bytes. Parts that were left out of the object make it smaller than all.
async fn may_be_complete(s3: &S3, upload: &OpenUpload) -> Result<bool, Failure> {
    // There, what was completed is not listed.
    if s3.is_amazon {
        return Ok(false);
    }
    let object = match s3.describe(&upload.key).await {
        Ok((object, _)) => object,
        Err(failure) if failure.is_not_found() => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let is_older = match (object.stored, upload.initiated) {
        (Some(stored), Some(begun)) => stored + CLOCKS < begun,
        _ => false,
    };
    if is_older {
        return Ok(false);
    }
    Ok(match size_of_parts(s3, upload).await? {
        Parts::Gone => false,
        Parts::Unknown => true,
        Parts::Of(size) => object.size <= size,
    })
}

/// How much the parts of an upload are.
enum Parts {
    Of(u64),
    /// The store doesn't list all of them.
    Unknown,
    /// There is no such upload any more.
    Gone,
}

async fn size_of_parts(s3: &S3, upload: &OpenUpload) -> Result<Parts, Failure> {
    let (mut from, mut size) = (None, 0);
    for _ in 0..=Tuning::MAX_PARTS {
        let (parts, is_truncated) = match s3.parts(&upload.key, &upload.id, from).await {
            Ok(page) => page,
            Err(failure) if failure.is_not_found() => return Ok(Parts::Gone),
            Err(failure) => return Err(failure),
        };
        size += parts.iter().filter(|part| !is_old_mark(part)).map(|part| part.size).sum::<u64>();
        if !is_truncated {
            return Ok(Parts::Of(size));
        }
        let next = parts.last().map(|part| part.number + 1);
        if next <= from {
            break;
        }
        from = next;
    }
    Ok(Parts::Unknown)
}

/// Whether an upload has a part that marks it as ours. An upload without parts holds nothing, and nothing shows whose it is.
async fn is_ours(s3: &S3, upload: &OpenUpload) -> Result<bool> {
    let looked_up = async {
        let (parts, is_truncated) = s3.parts(&upload.key, &upload.id, None).await?;
        if parts.iter().any(is_mark) || !is_truncated {
            return Ok(parts.iter().any(is_mark));
        }
        let (parts, _) = s3.parts(&upload.key, &upload.id, Some(OLD_MARK_NUMBER)).await?;
        Ok(parts.iter().any(is_mark))
    };
    match looked_up.await {
        Ok(is_ours) => Ok(is_ours),
        // The upload ended meanwhile.
        Err::<_, Failure>(failure) if failure.is_not_found() => Ok(false),
        Err(failure) => Err(failure.at(&StoragePath::root())),
    }
}

fn is_mark(part: &StoredPart) -> bool {
    is_marked(part.size) || is_old_mark(part)
}

fn is_old_mark(part: &StoredPart) -> bool {
    part.number == OLD_MARK_NUMBER && part.size == OLD_MARK_SIZE
}
