//! Entries as a user sees them: mounts among what is stored, and what links say.

use std::collections::VecDeque;

use futures_util::{StreamExt, future, stream};
use wharf_backends::{Entry, EntryStream, Metadata, StoragePath};

use super::mounts::Mount;

/// What is known of a name, with what a link says as the user may hear it.
pub(super) fn with_link(mount: &Mount, path: &StoragePath, found: Metadata) -> Metadata {
    let link_target = found.link_target.as_ref().and_then(|target| mount.link_target(path, target));
    Metadata { link_target, ..found }
}

/// Mounts among what is stored beside them, in the order of names if that is in order.
pub(super) fn merged(mounted: Vec<Entry>, stored: EntryStream) -> EntryStream {
    let mut waiting = VecDeque::from(mounted);
    let ended = stream::once(future::ready(None));
    let entries = stored.map(Some).chain(ended).flat_map(move |stored| {
        let before = match &stored {
            Some(Ok(stored)) => waiting.iter().take_while(|mount| mount.name < stored.name).count(),
            Some(Err(_)) | None => waiting.len(),
        };
        stream::iter(waiting.drain(..before).map(Ok).chain(stored).collect::<Vec<_>>())
    });
    entries.boxed()
}
