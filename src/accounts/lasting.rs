//! What outlives every world: what was counted of failures, who is here, which passwords were right a moment ago, and what was
//! used up.

use std::sync::{Arc, OnceLock};

use super::build::AccountsError;
use super::guesses::Guesses;
use super::present::Present;
use super::proofs;
use crate::events::Events;
use crate::visit::facts::Facts;
use crate::visit::{Counts, EventReader, Quotas};

/// What accounts of all worlds have in common: a swap of worlds makes nobody forget what was tried, or who is here.
#[derive(Debug)]
pub struct Lasting {
    pub(super) guesses: Guesses,
    pub(super) present: Arc<Present>,
    pub(super) passwords: proofs::PasswordChecks,
    /// What users, addresses and the server have used up.
    pub(super) counts: Counts,
    /// What is stored where there are quotas.
    pub(super) quotas: Arc<Quotas>,
    /// Who hears of what happens.
    pub(super) facts: Arc<Facts>,
    /// Who tells other programs of it.
    pub(super) events: OnceLock<Arc<Events>>,
}

impl Lasting {
    /// Nobody is here, and nothing was tried.
    ///
    /// # Errors
    /// If the system has no random bytes, or no threads.
    pub fn new() -> Result<Arc<Self>, AccountsError> {
        let (guesses, present) = (Guesses::default(), Arc::default());
        let passwords = proofs::PasswordChecks::new()?;
        let (counts, quotas, facts) = (Counts::default(), Arc::default(), Arc::default());
        let events = OnceLock::new();
        Ok(Arc::new(Self { guesses, present, passwords, counts, quotas, facts, events }))
    }

    /// Other programs are told of what happens in the worlds that are built from now on. Later calls have no effect.
    pub(crate) fn tell(&self, events: &Arc<Events>) {
        if self.events.set(Arc::clone(events)).is_ok() {
            self.facts.add(Arc::new(EventReader(Arc::clone(events))));
        }
    }
}
