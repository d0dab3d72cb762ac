//! The directories that users of a service were given.
//!
//! Nobody tells when such a user is no more, so the last tree of each stays given until others take its place: a link that a user
//! has made there still leads nowhere that the user may not go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Account;
use crate::visit::Views;

/// The most users of whom it is known.
const MOST: usize = 64 * 1024;

#[derive(Debug)]
pub(in crate::accounts::sources) struct Given {
    views: Arc<Views>,
    trees: Mutex<HashMap<String, Account>>,
}

impl Given {
    /// What was given before is given again.
    pub(super) fn new(views: &Arc<Views>, before: Option<&Self>) -> Self {
        let before = before.map(|before| before.trees().clone()).unwrap_or_default();
        let still = before.into_iter().filter(|(_, tree)| views.give(tree).is_ok());
        Self { views: Arc::clone(views), trees: Mutex::new(still.collect()) }
    }

    pub(in crate::accounts::sources) fn trees(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This user was given this tree just now.
    pub(super) fn note(&self, name: &str, tree: &Account) {
        let mut trees = self.trees();
        if trees.get(name) == Some(tree) {
            self.views.take_back(tree);
            return;
        }
        if trees.len() >= MOST && !trees.contains_key(name) {
            let some = trees.keys().next().cloned();
            if let Some(other) = some.and_then(|name| trees.remove(&name)) {
                self.views.take_back(&other);
            }
        }
        if let Some(before) = trees.insert(name.to_owned(), tree.clone()) {
            self.views.take_back(&before);
        }
    }
}
