//! Every key below a directory, one page at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::client::Client;
use super::entry::{Next as NextPage, Object};
use crate::{Result, StoragePath};

/// An object below a directory.
#[derive(Debug)]
pub(super) struct Item {
    pub object: Object,
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
    objects: VecDeque<Object>,
    directories: VecDeque<String>,
    next: Next,
}

enum Next {
    First,
    Page(NextPage),
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
/// anything. It goes down directory by directory, so that no more than one page of each is in memory.
pub(super) fn walk(
    client: &Arc<Client>,
    path: &StoragePath,
    prefix: String,
) -> BoxStream<'static, Result<Item>> {
    let start = (Arc::clone(client), path.clone(), prefix.len(), vec![Level::new(prefix)]);
    stream::try_unfold(start, async |(client, path, cut, mut levels)| {
        while let Some(level) = levels.last_mut() {
            if let Some(object) = level.objects.pop_front() {
                // The only key below a prefix that ends as it does.
                let is_marker = object.key == level.prefix;
                let item = Item {
                    relative: object.key.get(cut..).unwrap_or_default().to_owned(),
                    object,
                    is_marker,
                };
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
                client.page(&level.prefix, token, false, None).await.map_err(|failure| failure.at(&path))?;
            level.next = page.next.map_or(Next::End, Next::Page);
            level.objects = page.objects.into();
            level.directories = page.prefixes.into();
        }
        Ok(None)
    })
    .boxed()
}
