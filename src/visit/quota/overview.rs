//! All places with quotas at a glance.

use super::Usage;
use super::books::Quotas;

impl Quotas {
    /// The backend and the directory of each place, what it holds as far as that is known, and whether all of it was counted.
    pub(crate) fn places(&self) -> Vec<(String, String, Usage, bool)> {
        let mut places = Vec::new();
        for books in self.all() {
            for ledger in books.all() {
                let (used, is_counted) = ledger.used();
                places.push((books.backend.clone(), ledger.root.as_str().to_owned(), used, is_counted));
            }
        }
        places
    }
}
