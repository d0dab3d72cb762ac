//! Every key below a directory, one page at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::client::Client;
use super::error::map;
use super::key::Provider;
use crate::{Result, StoragePath};

/// An object below a directory.
#[derive(Debug)]
pub(super) struct Item {
    /// Its location is what requests name it by, with the slash of a marker.
    pub meta: ObjectMeta,
    /// Its key below the directory; empty for the directory's own marker.
    pub relative: String,
    /// It is a marker by its key.
    pub is_marker: bool,
}

/// One directory on the way down.
struct Level {
    prefix: String,
    /// Kept back until everything below has been told.
    marker: Option<Item>,
    objects: VecDeque<ObjectMeta>,
    directories: VecDeque<String>,
    next: Next,
}

enum Next {
    First,
    Page(String),
    End,
}

impl Level {
    fn new(prefix: String) -> Self {
        Self {
            prefix,
            marker: None,
            objects: VecDeque::new(),
            directories: VecDeque::new(),
            next: Next::First,
        }
    }
}

/// All objects whose key starts with `prefix`, which ends with a slash.
///
/// A marker comes behind all that is below it: some stores don't remove the marker of a directory that holds
/// anything. It goes down directory by directory: in a listing of all keys at once, the library shows the file `a/b`
/// and the marker `a/b/` by the same name.
pub(super) fn walk(
    client: &Arc<Client>,
    path: &StoragePath,
    prefix: String,
) -> BoxStream<'static, Result<Item>> {
    let start = (Arc::clone(client), path.clone(), prefix.len(), vec![Level::new(prefix)]);
    stream::try_unfold(start, async |(client, path, cut, mut levels)| {
        while let Some(level) = levels.last_mut() {
            if let Some(meta) = level.objects.pop_front() {
                let item = item(client.keys.provider, meta, &level.prefix, cut);
                if item.is_marker {
                    level.marker = Some(item);
                    continue;
                }
                return Ok(Some((item, (client, path, cut, levels))));
            }
            if let Some(below) = level.directories.pop_front() {
                levels.push(Level::new(below));
                continue;
            }
            let token = match std::mem::replace(&mut level.next, Next::End) {
                Next::First => None,
                Next::Page(token) => Some(token),
                Next::End => match levels.pop().and_then(|level| level.marker) {
                    Some(marker) => return Ok(Some((marker, (client, path, cut, levels)))),
                    None => continue,
                },
            };
            let page =
                client.page(&level.prefix, token, false, None).await.map_err(|error| map(&path, &error))?;
            level.next = page.page_token.map_or(Next::End, Next::Page);
            level.objects = page.result.objects.into();
            level.directories = page.result.common_prefixes.iter().map(|below| format!("{below}/")).collect();
        }
        Ok(None)
    })
    .boxed()
}

fn item(provider: Provider, mut meta: ObjectMeta, prefix: &str, cut: usize) -> Item {
    // Only the marker is shorter than what all keys here start with.
    let is_marker = provider != Provider::Azure && meta.location.as_ref().len() < prefix.len();
    if is_marker {
        meta.location = marker(meta.location);
    }
    let relative = meta.location.as_ref().get(cut..).unwrap_or_default().to_owned();
    Item { meta, relative, is_marker }
}

fn marker(directory: Path) -> Path {
    directory.join("")
}
