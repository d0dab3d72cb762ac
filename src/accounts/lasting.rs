//! What outlives every world: what was counted of failures, who is here, which passwords were right a moment ago, and what was
//! used up.

use std::sync::{Arc, OnceLock};

use super::build::AccountsError;
use super::elsewhere::Elsewhere;
use super::enter::Accounts;
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
    /// What other replicas have of the same users and networks.
    pub(crate) elsewhere: Arc<Elsewhere>,
    /// What users, addresses and the server have used up.
    pub(crate) counts: Counts,
    /// What is stored where there are quotas.
    pub(crate) quotas: Arc<Quotas>,
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
        let elsewhere = Arc::<Elsewhere>::default();
        let (guesses, present) = (Guesses::default(), Arc::new(Present::beside(&elsewhere)));
        let passwords = proofs::PasswordChecks::new()?;
        let (counts, quotas, facts) = (Counts::beside(&elsewhere), Arc::default(), Arc::default());
        let events = OnceLock::new();
        Ok(Arc::new(Self { guesses, present, passwords, elsewhere, counts, quotas, facts, events }))
    }

    /// There are other replicas, which change the same storage.
    pub(crate) fn has_others(&self) {
        self.quotas.has_others();
    }

    /// The sessions of each user who is here, unless nothing has changed since `seen`, which is what this was at the last time.
    pub(crate) fn users(&self, seen: &mut u64) -> Option<Vec<(String, u32)>> {
        self.present.users(seen)
    }

    /// Other programs are told of what happens in the worlds that are built from now on. Later calls have no effect.
    pub(crate) fn tell(&self, events: &Arc<Events>) {
        if self.events.set(Arc::clone(events)).is_ok() {
            self.facts.add(Arc::new(EventReader(Arc::clone(events))));
        }
    }
}

impl Accounts {
    /// What other replicas have of the same users and networks.
    pub(crate) fn elsewhere(&self) -> &Arc<Elsewhere> {
        &self.lasting.elsewhere
    }

    /// What is stored where there are quotas.
    pub(crate) fn quotas(&self) -> &Arc<Quotas> {
        &self.lasting.quotas
    }

    /// Who hears of what happens.
    pub(crate) fn facts(&self) -> &Arc<Facts> {
        &self.lasting.facts
    }
}
