//! The time of a file, which is metadata.

use std::sync::Arc;
use std::time::SystemTime;

use super::copy_with;
use crate::object::bucket::Bucket;
use crate::object::store::{TimeSet, mtime};
use crate::{Error, ErrorKind, Result, StoragePath};

/// Sets the time of a file.
pub(crate) async fn set_modified(bucket: &Arc<Bucket>, path: &StoragePath, time: SystemTime) -> Result<()> {
    if path.is_root() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let Some(text) = mtime::format(bucket.traits().time_form, time) else {
        return Err(Error::with_source(ErrorKind::Unsupported, path, "a time before 1970"));
    };
    let key = bucket.keys.existing(path)?;
    // Clients that mirror a tree set the time of each file behind its upload: nobody has to ask what is there. If it is something
    // else meanwhile, the store refuses the copy.
    if let Some(object) = bucket.known.fresh_new(path, &key)
        && let Some(headers) = bucket.store.headers_with_time(&key, &text)
    {
        match copy_with(bucket, path, &object, &key, Some(headers), true).await {
            Ok(_) => {
                bucket.known.gone(path);
                return Ok(());
            }
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    match bucket.store.set_time(&key, &text).await {
        Ok(TimeSet::Done) => {}
        Ok(TimeSet::Folder) => return Err(Error::new(ErrorKind::IsADirectory, path)),
        // Only a copy can have other metadata: the object is copied onto itself inside the store.
        Ok(TimeSet::ByCopy(object, headers)) => {
            copy_with(bucket, path, &object, &object.key, Some(headers), true).await?;
        }
        Err(failure) if failure.is_not_found() => {
            return Err(match bucket.is_directory(path).await? {
                true => Error::new(ErrorKind::IsADirectory, path),
                false => failure.at(path),
            });
        }
        Err(failure) => return Err(failure.at(path)),
    }
    bucket.known.gone(path);
    Ok(())
}
