//! What the check of a password costs for most users of a source.
//!
//! The passwords of a database are not known before somebody logs in, so the hash that an unknown name is checked against can't be
//! chosen among them. It is one of those that were found, with the cost that was found most often: where all hashes are made alike,
//! an unknown name takes as long as a wrong password.

use std::sync::{Arc, Mutex, PoisonError};

use crate::accounts::Account;
use crate::config::Password;

/// The most costs that are told apart.
const MOST: usize = 16;
/// After so many accounts, half of them are forgotten.
const FORGOTTEN_AFTER: u32 = 4096;

#[derive(Debug, Default)]
pub(super) struct Usual(Mutex<Vec<Cost>>);

/// A cost of a check.
#[derive(Debug)]
struct Cost {
    /// How often it was found lately.
    found: u32,
    /// The first account with it.
    account: Arc<Account>,
}

/// Checks of passwords with the same text here take the same time; `None` takes none.
fn cost(account: &Account) -> Option<&str> {
    match &account.password {
        Some(Password::Hash(hash)) => Some(hash.cost()),
        Some(Password::Plain(_)) | None => None,
    }
}

impl Usual {
    /// This account was found, and has a password.
    pub(super) fn note(&self, account: &Arc<Account>) {
        let mut costs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if costs.iter().map(|cost| cost.found).sum::<u32>() >= FORGOTTEN_AFTER {
            costs.iter_mut().for_each(|cost| cost.found /= 2);
        }
        if let Some(known) = costs.iter_mut().find(|known| cost(&known.account) == cost(account)) {
            known.found += 1;
            return;
        }
        if costs.len() >= MOST
            && let Some((rarest, _)) = costs.iter().enumerate().min_by_key(|(_, cost)| cost.found)
        {
            costs.swap_remove(rarest);
        }
        costs.push(Cost { found: 1, account: Arc::clone(account) });
    }

    /// An account whose check costs what most do; `None` if none was found.
    pub(super) fn account(&self) -> Option<Arc<Account>> {
        let costs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        costs.iter().max_by_key(|cost| cost.found).map(|cost| Arc::clone(&cost.account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::build::Maker;
    use crate::accounts::testing::{configured, storages};
    use crate::config::{PasswordHash, Secret};

    const CHEAP: &str = "$2b$04$abcdefghijklmnopqrstuuO.ceC6SQINVt8ynJ6BBVsiHC/VvZDzq";
    const DEAR: &str = "$2b$10$abcdefghijklmnopqrstuuO.ceC6SQINVt8ynJ6BBVsiHC/VvZDzq";

    #[test]
    fn the_cost_of_most_counts() {
        let config = configured([]);
        let maker = Maker::new(&config, &storages(), &Arc::default());
        let account = |password: Password| {
            let user = config.entries.without_proof("anna", "{ backend: memory }", "test").unwrap();
            Arc::new(Account { password: Some(password), ..maker.user(&user).unwrap() })
        };
        let hash = |text: &str| account(Password::Hash(PasswordHash::parse(text).unwrap()));
        let usual = Usual::default();
        let found = || usual.account().map(|account| cost(&account).map(str::to_owned));
        assert_eq!(found(), None);
        usual.note(&account(Password::Plain(Secret::new("x"))));
        assert_eq!(found(), Some(None));
        (0..2).for_each(|_| usual.note(&hash(DEAR)));
        assert_eq!(found(), Some(Some("$2b$10".to_owned())));
        (0..5000).for_each(|_| usual.note(&hash(CHEAP)));
        assert_eq!(found(), Some(Some("$2b$04".to_owned())));
        // What has not been found for long counts less.
        (0..4000).for_each(|_| usual.note(&hash(DEAR)));
        assert_eq!(found(), Some(Some("$2b$10".to_owned())));
    }
}
