//! Removing what nobody has come back for in its time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::state;
use crate::object::bucket::Bucket;
use crate::{Result, StoragePath};

/// How long the last bytes of an upload may be without a document that names them: they are written first.
const ALONE: Duration = Duration::from_secs(60 * 60);

/// The result of a sweep.
#[derive(Default)]
pub(crate) struct Swept {
    pub(crate) removed: u64,
    /// The ids of the uploads that are kept.
    pub(crate) kept: HashSet<String>,
}

/// Removes what is over, and says what is kept.
pub(crate) async fn sweep(bucket: &Arc<Bucket>) -> Result<Swept> {
    let root = StoragePath::root();
    let prefix = state::everything(bucket);
    let (mut swept, mut next) = (Swept::default(), None);
    let (mut tails, mut named) = (Vec::new(), HashSet::new());
    loop {
        let page = bucket.page(&prefix, next.take(), true, None).await;
        let page = page.map_err(|failure| failure.at(&root))?;
        for object in page.objects {
            let key = object.key;
            if state::split_tail(&key).is_some() {
                if object.stored.is_some_and(|at| at.elapsed().is_ok_and(|age| age >= ALONE)) {
                    tails.push(key);
                }
                continue;
            }
            let Some(found) = state::load(bucket, &root, &key).await? else { continue };
            if found.is_over() {
                let path = StoragePath::parse(&found.state.path).ok();
                let key_of_file = path.and_then(|path| bucket.keys.file(&path).ok());
                state::remove(bucket, &root, &key, key_of_file.as_deref(), &found).await?;
                swept.removed += 1;
                continue;
            }
            named.extend(found.state.tail.map(|tail| state::tail_key(&key, &tail.name)));
            swept.kept.extend(found.state.upload);
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    for key in tails.into_iter().filter(|key| !named.contains(key)) {
        // It may have been kept again since its document was read.
        let Some((document, name)) = state::split_tail(&key) else { continue };
        let now = state::load(bucket, &root, document).await?;
        if now.is_none_or(|now| now.state.tail.is_none_or(|tail| tail.name != name)) {
            bucket.delete(&root, &key, None).await?;
        }
    }
    Ok(swept)
}
