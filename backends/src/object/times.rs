//! The time of a file, which is metadata that only a copy can change.

use std::sync::Arc;
use std::time::SystemTime;

use super::client::Client;
use super::copy::copy_on_s3;
use super::mtime;
use super::s3::with_mtime;
use crate::{Error, ErrorKind, Result, StoragePath};

/// Sets the time of a file: the object is copied onto itself inside the store, with other metadata.
pub(super) async fn set_modified(client: &Arc<Client>, path: &StoragePath, time: SystemTime) -> Result<()> {
    let Some(s3) = &client.s3 else { return Err(Error::new(ErrorKind::Unsupported, path)) };
    if path.is_root() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let Some(text) = mtime::format(client.keys.provider, time) else {
        return Err(Error::with_source(ErrorKind::Unsupported, path, "a time before 1970"));
    };
    let key = client.keys.existing(path)?;
    let (object, headers) = match s3.head(&key).await {
        Ok(found) => found,
        Err(failure) if failure.is_not_found() => {
            return Err(match client.is_directory(path).await? {
                true => Error::new(ErrorKind::IsADirectory, path),
                false => failure.at(path),
            });
        }
        Err(failure) => return Err(failure.at(path)),
    };
    if object.is_folder {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let headers = with_mtime(headers, &text).map_err(|failure| failure.at(path))?;
    copy_on_s3(client, s3, path, &object, &key, Some(headers)).await?;
    client.known.gone(path);
    Ok(())
}
