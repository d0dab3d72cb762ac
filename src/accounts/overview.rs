//! Who may log in, at a glance.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::Account;
use super::enter::Accounts;
use crate::visit::QuotaState;

/// A user whom operators see.
#[derive(Debug)]
pub(crate) struct Overview {
    /// Where the account comes from: `file`, what identifies a source, or `asked` if it is known only because the user is here.
    pub(crate) source: String,
    /// What is known of it.
    pub(crate) account: Option<Arc<Account>>,
}

impl Accounts {
    /// All users who are known without asking anybody, by their names. Whoever is defined first counts.
    pub(crate) fn overview(&self) -> BTreeMap<String, Overview> {
        let known = &self.known;
        let mut all = BTreeMap::new();
        let mut add = |source: &str, account: Arc<Account>| {
            let overview = || Overview { source: source.to_owned(), account: Some(Arc::clone(&account)) };
            all.entry(account.name.clone()).or_insert_with(overview);
        };
        known.of_file().for_each(|account| add("file", account));
        if let Some(anonymous) = &known.anonymous {
            add("file", Arc::clone(anonymous));
        }
        for source in &known.sources {
            source.known().into_iter().for_each(|account| add(source.identity(), account));
        }
        all
    }

    /// What is used of the quotas of an account. It waits for the first count, for a while.
    pub(crate) async fn quotas_of(&self, account: &Account) -> Vec<QuotaState> {
        match account.view(self.known.maker.views()) {
            Ok(view) => view.quotas().await,
            Err(_) => Vec::new(),
        }
    }
}
