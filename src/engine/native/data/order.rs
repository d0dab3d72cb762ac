//! The order of a listing, as flags of `ls` request it.

use std::cmp::Reverse;

use futures_util::{StreamExt, stream};
use wharf_backends::{Entry, EntryStream};

/// How many entries are gathered to sort them. A longer listing keeps the storage's order: a client that waits for its
/// first line would give up, and a session would hold all entries.
const GATHERED: usize = 10_000;

/// The key by which entries are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) enum By {
    #[default]
    Name,
    /// The newest first.
    Time,
    /// The largest first.
    Size,
}

/// The requested order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Order {
    pub(in super::super) by: By,
    pub(in super::super) reversed: bool,
}

impl Order {
    /// Sorts entries, unless there are too many. Storages list by name anyway.
    pub(in super::super) fn of(self, entries: EntryStream) -> EntryStream {
        if self == Self::default() {
            return entries;
        }
        stream::once(self.gather(entries)).flatten().boxed()
    }

    async fn gather(self, mut entries: EntryStream) -> EntryStream {
        let mut gathered = Vec::new();
        while gathered.len() < GATHERED {
            match entries.next().await {
                Some(Ok(entry)) => gathered.push(entry),
                end => {
                    self.sort(&mut gathered);
                    return stream::iter(gathered.into_iter().map(Ok).chain(end)).boxed();
                }
            }
        }
        stream::iter(gathered).map(Ok).chain(entries).boxed()
    }

    fn sort(self, entries: &mut [Entry]) {
        entries.sort_by(|one, other| {
            let by_name = one.name.cmp(&other.name);
            let order = match self.by {
                By::Name => by_name,
                By::Time => {
                    Reverse(one.metadata.modified).cmp(&Reverse(other.metadata.modified)).then(by_name)
                }
                By::Size => Reverse(one.metadata.size).cmp(&Reverse(other.metadata.size)).then(by_name),
            };
            if self.reversed { order.reverse() } else { order }
        });
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
