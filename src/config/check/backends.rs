//! The section `backends`.

use std::sync::Arc;

use super::*;
use crate::config::backend::Backend;
use crate::config::stamp::Stamp;

/// What a section has to know of the rest of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// Where the name of the backend stands, which is marked where a key is missing.
    pub(crate) name: Span,
    /// The memory that transfers to and from buckets share, in bytes.
    pub(crate) buffer_memory: u64,
}

/// A section that was read and is to be checked.
pub(in crate::config) type Check = Box<dyn FnOnce(&Checker<'_>, Around) -> Option<Arc<dyn Backend>>>;

/// A section as written.
pub(in crate::config) struct Section {
    /// `None` if it doesn't fit, which has been reported.
    pub(in crate::config) check: Option<Check>,
    /// Of its keys and their values.
    pub(in crate::config) stamp: Stamp,
}

/// A backend as far as it is known. One that has problems of its own is still defined.
pub(super) struct Defined {
    /// `None` if something is wrong with it.
    pub(super) value: Option<Arc<dyn Backend>>,
    /// Where its name stands.
    pub(super) name: Span,
}

impl Checker<'_> {
    /// The backends by name, and what distinguishes them from those of another reading; there is one of the `sections` for each.
    pub(super) fn backends(
        &self,
        raw: Option<At<raw::Named<raw::Unread<raw::Backend>>>>,
        sections: Vec<Section>,
        root: Span,
        buffer_memory: u64,
    ) -> (BTreeMap<String, Defined>, BTreeMap<String, Stamp>) {
        let (mut backends, mut stamps) = (BTreeMap::new(), BTreeMap::new());
        let Some((raw::Named(list), span)) = self.required(raw, "backends", root) else {
            return (backends, stamps);
        };
        if list.is_empty() {
            self.problem(span, "at least one backend is needed");
        }
        for ((key, _), section) in list.into_iter().zip(sections) {
            let Some(name) = key.value else { continue };
            self.name(&name, key.span);
            let around = Around { name: key.span, buffer_memory };
            let found = self.source.found_so_far();
            let value = section.check.and_then(|check| check(self, around));
            let stamp = std::iter::once(section.stamp).chain(self.source.found_since(found));
            stamps.insert(name.clone(), Stamp::of_all(stamp));
            backends.insert(name, Defined { value, name: key.span });
        }
        (backends, stamps)
    }
}
