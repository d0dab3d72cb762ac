//! Whoever looks at the places of a backend, one after the other.

use std::sync::Arc;

use super::books::Books;
use super::ledger::Ledger;

/// Whoever looks at what waits for it.
pub(super) struct Worker {
    pub(super) books: Arc<Books>,
    pub(super) ledger: Option<Arc<Ledger>>,
}

impl Worker {
    pub(super) fn of(books: Arc<Books>) -> Self {
        Self { books, ledger: None }
    }

    pub(super) async fn work(mut self) {
        loop {
            self.ledger = self.books.next();
            let Some(ledger) = &self.ledger else { return };
            if self.books.look_at(ledger).await {
                self.books.look_soon(ledger);
            }
        }
    }
}

impl Drop for Worker {
    /// It was torn from its work: the next one begins anew.
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.break_off_look();
            self.books.is_left();
        }
    }
}
