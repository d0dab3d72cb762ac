//! Removing what nobody has come back for in its time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::AT_ONCE;
use super::state::{self, Found, State};
use crate::object::bucket::Bucket;
use crate::object::store::object::Before;
use crate::object::upload::multipart::is_under_way;
use crate::object::upload::sizes_of_parts;
use crate::{ErrorKind, Result, StoragePath};

/// How long the last bytes of an upload may be without a document that names them: they are written first.
const ALONE: Duration = Duration::from_secs(60 * 60);

/// How long the store gets to take in what it was sent by a server that is gone.
const SETTLING: Duration = Duration::from_secs(1);

/// A sweep writes about so many uploads whose server is gone. Without that, everybody takes them for what was left after some minutes.
const MOST_ABANDONED: usize = 1000;

/// The result of a sweep.
#[derive(Default)]
pub(crate) struct Swept {
    pub(crate) removed: u64,
    /// The ids of the uploads that are kept.
    pub(crate) kept: HashSet<String>,
    /// Some documents could not be read, or not be listed: there may be others that are kept.
    pub(crate) is_incomplete: bool,
}

/// Removes what is over, and says what is kept.
pub(crate) async fn sweep(bucket: &Arc<Bucket>) -> Result<Swept> {
    let root = StoragePath::root();
    let prefix = state::everything(bucket);
    let (mut swept, mut next) = (Swept::default(), None);
    let (mut tails, mut named, mut abandoned) = (Vec::new(), HashSet::new(), Vec::new());
    loop {
        let page = bucket.page(&prefix, next.take(), true, None).await;
        let page = page.map_err(|failure| failure.at(&root))?;
        let mut documents = Vec::new();
        for object in page.objects {
            if state::split_tail(&object.key).is_none() {
                documents.push(object.key);
            } else if object.stored.is_some_and(|at| at.elapsed().is_ok_and(|age| age >= ALONE)) {
                tails.push(object.key);
            }
        }
        let load = |key: String| async {
            let loaded = state::load(bucket, &StoragePath::root(), &key).await;
            (key, loaded)
        };
        let mut loaded = stream::iter(documents).map(load).buffer_unordered(AT_ONCE);
        while let Some((key, found)) = loaded.next().await {
            match found {
                Ok(Some(found)) if found.is_over() && !is_here(&found) => {
                    match remove(bucket, &key, &found).await {
                        Ok(()) => swept.removed += 1,
                        Err(error) => {
                            swept.is_incomplete = true;
                            tracing::warn!(key, %error, "can't remove an upload whose time is over");
                        }
                    }
                }
                Ok(Some(found)) => {
                    named.extend(found.state.tail.as_ref().map(|tail| state::tail_key(&key, &tail.name)));
                    swept.kept.extend(found.state.upload.clone());
                    if abandoned.len() < MOST_ABANDONED && found.is_abandoned() {
                        abandoned.push((key, found));
                    }
                }
                Ok(None) => {}
                // One that can't be read keeps nobody from the others.
                Err(error) => {
                    swept.is_incomplete = true;
                    tracing::warn!(key, %error, "can't read the document of an upload that is kept");
                }
            }
        }
        drop(loaded);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    if !abandoned.is_empty() {
        tokio::time::sleep(SETTLING).await;
    }
    let leave = |(key, found): (String, Found)| async move {
        if let Err(error) = leave(bucket, &key, &found).await {
            tracing::debug!(key, %error, "can't write about an upload whose server is gone");
        }
    };
    stream::iter(abandoned).for_each_concurrent(AT_ONCE, leave).await;
    for key in tails.into_iter().filter(|key| !named.contains(key)) {
        // It may have been kept again since its document was read.
        let Some((document, name)) = state::split_tail(&key) else { continue };
        let removed = match state::load(bucket, &root, document).await {
            Ok(now) => match now.and_then(|now| now.state.tail).is_some_and(|tail| tail.name == name) {
                true => Ok(()),
                false => bucket.delete(&root, &key, None).await,
            },
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::warn!(key, %error, "can't remove the last bytes of an upload");
        }
    }
    Ok(swept)
}

/// Whether this server has it under way: its client may have been silent for long.
fn is_here(found: &Found) -> bool {
    !found.state.is_completing && found.state.upload.as_deref().is_some_and(is_under_way)
}

/// Says of an upload whose server is gone that nobody sends it: others may not be where that can be seen.
async fn leave(bucket: &Arc<Bucket>, key: &str, found: &Found) -> Result<()> {
    let path = StoragePath::parse(&found.state.path)?;
    let key_of_file = bucket.keys.file(&path)?;
    let sizes = sizes_of_parts(bucket);
    let Some((arrived, _)) = state::arrived(bucket, &path, &key_of_file, &found.state, sizes).await? else {
        return Ok(());
    };
    let mut left = State::left(found, arrived.bytes());
    match state::store(bucket, &path, key, &mut left, Before::This(&found.object)).await {
        Ok(()) => {
            tracing::info!(%path, user = left.owner, bytes = left.arrived, "an upload of a server that is gone is kept");
            Ok(())
        }
        // Somebody goes on with it already.
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        Err(error) => Err(error),
    }
}

async fn remove(bucket: &Arc<Bucket>, key: &str, found: &Found) -> Result<()> {
    let path = StoragePath::parse(&found.state.path)?;
    let key_of_file = bucket.keys.file(&path)?;
    state::remove(bucket, &StoragePath::root(), key, Some(&key_of_file), found).await
}
