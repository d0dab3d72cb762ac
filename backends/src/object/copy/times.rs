//! The time of a file, which is metadata.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;

use super::copy_on_s3;
use crate::object::bucket::{Client, Own};
use crate::object::s3::{S3, with_mtime};
use crate::object::store::mtime;
use crate::object::store::object::Object;
use crate::{Error, ErrorKind, Result, StoragePath};

/// Sets the time of a file.
pub(crate) async fn set_modified(client: &Arc<Client>, path: &StoragePath, time: SystemTime) -> Result<()> {
    if path.is_root() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    let Some(text) = mtime::format(client.keys.provider, time) else {
        return Err(Error::with_source(ErrorKind::Unsupported, path, "a time before 1970"));
    };
    let key = client.keys.existing(path)?;
    let set = match &client.own {
        Own::S3(s3) => match s3.head(&key).await {
            Ok((object, _)) if object.is_folder => return Err(Error::new(ErrorKind::IsADirectory, path)),
            Ok((object, headers)) => return copy_with_time(client, s3, path, &object, headers, &text).await,
            Err(failure) => Err(failure),
        },
        // Its markers have other keys.
        Own::Google(google) => google.set_mtime(&key, &text).await.map(|()| true),
        Own::Azure(azure) => azure.set_mtime(&key, &text).await,
    };
    match set {
        Ok(false) => Err(Error::new(ErrorKind::IsADirectory, path)),
        Ok(true) => {
            client.known.gone(path);
            Ok(())
        }
        Err(failure) if failure.is_not_found() => Err(match client.is_directory(path).await? {
            true => Error::new(ErrorKind::IsADirectory, path),
            false => failure.at(path),
        }),
        Err(failure) => Err(failure.at(path)),
    }
}

/// Only a copy can have other metadata: the object is copied onto itself inside the store.
async fn copy_with_time(
    client: &Arc<Client>,
    s3: &S3,
    path: &StoragePath,
    object: &Object,
    headers: HeaderMap,
    time: &str,
) -> Result<()> {
    let headers = with_mtime(headers, time).map_err(|failure| failure.at(path))?;
    copy_on_s3(client, s3, path, object, &object.key, Some(headers)).await?;
    client.known.gone(path);
    Ok(())
}
