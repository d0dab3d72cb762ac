//! The time of a file, which is metadata.

use std::sync::Arc;
use std::time::SystemTime;

use super::copy_with;
use crate::object::bucket::Client;
use crate::object::store::{TimeSet, mtime};
use crate::{Error, ErrorKind, Result, StoragePath};

/// Sets the time of a file.
pub(crate) async fn set_modified(client: &Arc<Client>, path: &StoragePath, time: SystemTime) -> Result<()> {
    if path.is_root() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let Some(text) = mtime::format(client.traits().time_form, time) else {
        return Err(Error::with_source(ErrorKind::Unsupported, path, "a time before 1970"));
    };
    let key = client.keys.existing(path)?;
    match client.store.set_time(&key, &text).await {
        Ok(TimeSet::Done) => {}
        Ok(TimeSet::Folder) => return Err(Error::new(ErrorKind::IsADirectory, path)),
        // Only a copy can have other metadata: the object is copied onto itself inside the store.
        Ok(TimeSet::ByCopy(object, headers)) => {
            copy_with(client, path, &object, &object.key, Some(headers), true).await?;
        }
        Err(failure) if failure.is_not_found() => {
            return Err(match client.is_directory(path).await? {
                true => Error::new(ErrorKind::IsADirectory, path),
                false => failure.at(path),
            });
        }
        Err(failure) => return Err(failure.at(path)),
    }
    client.known.gone(path);
    Ok(())
}
