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
