//! Renaming a file: copies it, and removes the source when that is done.

pub(crate) mod compared;
pub(crate) mod directory;

use std::sync::Arc;

use self::directory::rename_directory;
use crate::object::bucket::Bucket;
use crate::object::bucket::lookup::Found;
use crate::object::copy::copy;
use crate::object::store::Copies;
use crate::object::store::object::Object;
use crate::{Error, ErrorKind, Result, StoragePath};

/// Gives a file or directory another name.
pub(crate) async fn rename(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    to: &StoragePath,
    replace: bool,
) -> Result<()> {
    for path in [from, to] {
        if path.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, path));
        }
    }
    if from == to {
        return bucket.stat(from).await.map(drop);
    }
    // A name that can't be is refused whether or not the source is there.
    let target = bucket.keys.file(to)?;
    let key = bucket.keys.existing(from)?;
    // Only what was seen: some stores overlook the condition of a copy, and then copy a marker, or what was removed.
    if let Copies::UpTo(most) = bucket.traits().copies
        && let Some(seen) = bucket
            .known
            .fresh_file(from, &key)
            .filter(|seen| seen.e_tag.is_some() && (1..=most).contains(&seen.size))
        && rename_seen(bucket, from, seen, to, &target, replace).await?
    {
        return Ok(());
    }
    match bucket.lookup(from).await? {
        Found::Nothing => Err(Error::new(ErrorKind::NotFound, from)),
        Found::Directory => rename_directory(bucket, from, to).await,
        Found::File(object) => {
            check_target(bucket, to, replace).await?;
            rename_file(bucket, from, &object, to, &target, replace).await
        }
    }
}

/// Renames a file that was seen moments ago without a further request for it, unless its type may have to change or the store
/// has no digest of it: the file is copied, and a request after the copy shows whether it is still the same. Returns whether that
/// worked; if not, at most a copy was made, which the next one replaces.
async fn rename_seen(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    seen: Object,
    to: &StoragePath,
    target: &str,
    replace: bool,
) -> Result<bool> {
    check_target(bucket, to, replace).await?;
    let mut headers = None;
    let mut seen = seen;
    let store = &bucket.store;
    if bucket.traits().hides_digests || store.changes_type(&seen.key, target) {
        match store.head_and_retyped(&seen.key, target).await {
            Ok((object, retyped)) if !object.is_folder => (seen, headers) = (object, retyped),
            _ => return Ok(false),
        }
    }
    let copied = match store.copy(&seen, target, headers, true).await {
        Ok(copied) => copied,
        // The file was replaced or removed, or the store can't copy: nothing was made.
        Err(failure)
            if failure.is_precondition() || failure.is_not_found() || failure.is_unknown_request() =>
        {
            return Ok(false);
        }
        Err(failure) => return Err(failure.at(from)),
    };
    bucket.known.stored(to, 0, None);
    match bucket.head(from, &seen.key).await? {
        Some(now)
            if (copied.is_some() && now.e_tag == copied)
                || (seen.e_tag.is_some() && now.e_tag == seen.e_tag) =>
        {
            if now.size == 0 && bucket.holds_keys(from, &format!("{}/", seen.key)).await? {
                // Some tool's marker.
                return Ok(false);
            }
            finish_rename(bucket, from, &now, to).await.map(|()| true)
        }
        _ => Ok(false),
    }
}

/// Whether a file may get this name.
async fn check_target(bucket: &Bucket, to: &StoragePath, replace: bool) -> Result<()> {
    match bucket.check_place(to).await {
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            return Err(Error::new(ErrorKind::AlreadyExists, to));
        }
        checked => checked?,
    }
    if replace {
        return match bucket.check_name(to).await {
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                Err(Error::new(ErrorKind::AlreadyExists, to))
            }
            checked => checked,
        };
    }
    let (found, parents) = futures_util::join!(bucket.probe(to), bucket.check_unseen_parents(to));
    parents?;
    match found? {
        Found::Nothing => Ok(()),
        Found::File(_) | Found::Directory => Err(Error::new(ErrorKind::AlreadyExists, to)),
    }
}

async fn rename_file(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    object: &Object,
    to: &StoragePath,
    target: &str,
    replace: bool,
) -> Result<()> {
    // Not every store has a copy that is refused if the target is there; the look before has to do then.
    copy(bucket, to, object, target, replace).await?;
    bucket.known.stored(to, object.size, None);
    // A file that was stored under the old name during the copy must not be removed. If the store knows conditions for removals,
    // that is enough.
    if bucket.traits().conditional_delete {
        return finish_rename(bucket, from, object, to).await;
    }
    match bucket.head(from, &object.key).await? {
        Some(now) if now.e_tag == object.e_tag => finish_rename(bucket, from, object, to).await,
        Some(_) => Err(replaced(from)),
        None => Ok(()),
    }
}

fn replaced(from: &StoragePath) -> Error {
    let text = "it was replaced while it was renamed; both names are there now";
    Error::with_source(ErrorKind::Conflict, from, text).advising("both names are there now")
}

/// Removes the source of a copy, as it was a moment ago.
async fn finish_rename(
    bucket: &Arc<Bucket>,
    from: &StoragePath,
    object: &Object,
    to: &StoragePath,
) -> Result<()> {
    bucket.known.gone(from);
    match remove(bucket, from, object).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(replaced(from)),
        Err(error) => {
            let text = format!("it was copied to {to}, but could not be removed here: {error}");
            let word = "it has the new name now, but could not be removed under the old one: both are there";
            Err(Error::with_source(error.kind(), from, text).advising(word))
        }
        Ok(()) => {
            bucket.known.removed(from);
            Ok(())
        }
    }
}

/// Removes an object if it is still the one that was copied.
pub(crate) async fn remove(bucket: &Bucket, path: &StoragePath, object: &Object) -> Result<()> {
    match bucket.delete(path, &object.key, Some(object)).await {
        // Sent twice because the first answer was lost, the condition fails on what is not there any more.
        Err(error) if error.kind() == ErrorKind::Conflict => match bucket.head(path, &object.key).await? {
            None => Ok(()),
            Some(_) => Err(error),
        },
        removed => removed,
    }
}
