//! Where what is counted is stored.

use std::sync::Arc;

use wharf_backends::Storage;

/// A storage, and where it keeps what it stores.
#[derive(Debug, Clone)]
pub(in crate::visit) struct Origin {
    pub(in crate::visit) storage: Arc<dyn Storage>,
    /// What tells it from all other places; `None`: it is gone with the storage.
    pub(in crate::visit) location: Option<Arc<str>>,
}

impl Origin {
    /// Whether what the one stores is found by the other: a bucket may be opened again, with another key.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.storage, &other.storage)
            || (self.location.is_some() && self.location == other.location)
    }
}
