//! Removing uploads that nobody will finish.

use std::time::SystemTime;

use super::client::Client;
use super::multipart::is_under_way;
use super::parts::{MARK, MARK_INDEX};
use super::s3::OpenUpload;
use crate::{Result, StoragePath};

/// Aborts the multipart uploads that a server of this kind began in this place, and that are older than they may get.
/// Those of others are left alone: each of ours carries a part that is a mark.
pub(super) async fn sweep(client: &Client) -> Result<u64> {
    let Some(s3) = client.s3() else { return Ok(0) };
    let root = StoragePath::root();
    let (mut removed, mut after) = (0, None);
    loop {
        let (uploads, next) =
            s3.open_uploads(client.keys.root(), after).await.map_err(|failure| failure.at(&root))?;
        for upload in uploads {
            if is_old(client, &upload) && is_ours(client, &upload).await? {
                s3.abort_upload(&upload.key, &upload.id).await.map_err(|failure| failure.at(&root))?;
                tracing::info!(
                    bucket = client.name,
                    key = upload.key,
                    "removed an upload that was never finished"
                );
                removed += 1;
            }
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(removed),
        }
    }
}

fn is_old(client: &Client, upload: &OpenUpload) -> bool {
    // Stores have whole seconds, and clocks of their own: what seems to come from the future is new.
    let age = upload.initiated.and_then(|begun| SystemTime::now().duration_since(begun).ok());
    upload.key.starts_with(client.keys.root())
        && !is_under_way(&upload.id)
        && age.is_some_and(|age| age >= client.tuning.abandoned_after)
}

async fn is_ours(client: &Client, upload: &OpenUpload) -> Result<bool> {
    let Some(s3) = client.s3() else { return Ok(false) };
    match s3.part_size(&upload.key, &upload.id, MARK_INDEX + 1).await {
        Ok(size) => Ok(size == Some(MARK.len() as u64)),
        // It ended meanwhile.
        Err(failure) if failure.is_not_found() => Ok(false),
        Err(failure) => Err(failure.at(&StoragePath::root())),
    }
}
