//! Removing uploads that nobody will finish.

use std::time::SystemTime;

use super::client::Client;
use super::course::Course;
use super::multipart::is_under_way;
use super::parts::{MARK, MARK_NUMBER};
use super::s3::{OpenUpload, S3};
use crate::{Result, StoragePath};

/// Aborts the multipart uploads that a server of this kind began in this place, and that are older than they may get.
/// Those of others are left alone: each of ours carries a part that is a mark.
pub(super) async fn sweep(client: &Client) -> Result<u64> {
    let Some(s3) = client.s3() else { return Ok(0) };
    let root = StoragePath::root();
    let (mut removed, mut after, mut failed) = (0, None, None);
    let mut course = Course::default();
    loop {
        let (uploads, next) =
            s3.open_uploads(client.keys.root(), after).await.map_err(|failure| failure.at(&root))?;
        for upload in uploads {
            match remove(client, s3, &upload).await {
                Ok(true) => removed += 1,
                Ok(false) => {}
                // The others may still be ours to remove.
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        match next {
            Some((key, id)) => {
                course.pass(&format!("{key}\0{id}"), &key).map_err(|failure| failure.at(&root))?;
                after = Some((key, id));
            }
            None => return failed.map_or(Ok(removed), Err),
        }
    }
}

/// Aborts an upload if it is ours and abandoned; says whether it was.
async fn remove(client: &Client, s3: &S3, upload: &OpenUpload) -> Result<bool> {
    if !(is_old(client, upload) && is_ours(s3, upload).await?) {
        return Ok(false);
    }
    let aborted = s3.abort_upload(&upload.key, &upload.id).await;
    aborted.map_err(|failure| failure.at(&StoragePath::root()))?;
    tracing::info!(bucket = client.name, key = upload.key, "removed an upload that was never finished");
    Ok(true)
}

fn is_old(client: &Client, upload: &OpenUpload) -> bool {
    // Stores have whole seconds, and clocks of their own: what seems to come from the future is new.
    let age = upload.initiated.and_then(|begun| SystemTime::now().duration_since(begun).ok());
    upload.key.starts_with(client.keys.root())
        && !is_under_way(&upload.id)
        && age.is_some_and(|age| age >= client.tuning.abandoned_after)
}

async fn is_ours(s3: &S3, upload: &OpenUpload) -> Result<bool> {
    match s3.part_size(&upload.key, &upload.id, MARK_NUMBER).await {
        Ok(size) => Ok(size == Some(MARK.len() as u64)),
        // It ended meanwhile.
        Err(failure) if failure.is_not_found() => Ok(false),
        Err(failure) => Err(failure.at(&StoragePath::root())),
    }
}
