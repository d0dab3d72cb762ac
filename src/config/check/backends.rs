//! The section `backends`.

use std::sync::Arc;

use super::*;
use crate::config::kinds::{Around, Backend, Unread};

/// A backend as far as it is known. One that has problems of its own is still defined.
pub(super) struct Defined {
    /// `None` if something is wrong with it.
    pub(super) value: Option<Arc<dyn Backend>>,
    /// Where its name stands.
    pub(super) name: Span,
}

impl Checker<'_> {
    /// The backends by name; there is one of the `sections` for each.
    pub(super) fn backends(
        &self,
        raw: Option<At<raw::Named<Unread>>>,
        sections: Vec<Option<Check>>,
        root: Span,
        buffer_memory: u64,
    ) -> BTreeMap<String, Defined> {
        let mut backends = BTreeMap::new();
        let Some((raw::Named(list), span)) = self.required(raw, "backends", root) else { return backends };
        if list.is_empty() {
            self.problem(span, "at least one backend is needed");
        }
        for ((key, _), section) in list.into_iter().zip(sections) {
            let Some(name) = key.value else { continue };
            self.name(&name, key.span);
            let around = Around { name: key.span, buffer_memory };
            let value = section.and_then(|check| check(self, around));
            backends.insert(name, Defined { value, name: key.span });
        }
        backends
    }
}
