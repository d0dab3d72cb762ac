//! Every file below a directory, a request for a thousand of them.

use std::sync::Arc;

use crate::object::bucket::Bucket;
use crate::{EachFile, Error, ErrorKind, Result, StoragePath};

/// Tells of all files whose keys begin with those of a directory. Keys that no path can name, and markers, are no files.
///
/// # Errors
/// [`ErrorKind::NotFound`] if nothing is below; others of the store.
pub(crate) async fn files(bucket: &Arc<Bucket>, directory: &StoragePath, each: EachFile<'_>) -> Result<()> {
    let prefix = bucket.keys.directory(directory)?;
    let (mut next, mut any) = (None, false);
    loop {
        let page = match bucket.page(&prefix, next.take(), true, None).await {
            Ok(page) => page,
            // A directory with an impossible name doesn't exist.
            Err(failure) if failure.is_impossible_name() => break,
            Err(failure) => return Err(failure.at(directory)),
        };
        for object in &page.objects {
            any = true;
            let relative = object.key.strip_prefix(&prefix).unwrap_or_default();
            if object.is_folder || relative.is_empty() {
                continue;
            }
            let path = directory.join(&format!("./{relative}")).ok();
            let is_its_own = |path: &StoragePath| bucket.keys.file(path).is_ok_and(|key| key == object.key);
            if let Some(path) = path.filter(is_its_own) {
                each(&path, object.size);
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    match any || directory.is_root() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::NotFound, directory)),
    }
}
