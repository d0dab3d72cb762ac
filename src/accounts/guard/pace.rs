//! How often an address may connect.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::config::Rate;
use crate::network::Network;

/// The most networks that are counted. When there are more, new ones are not: who has so many is not held up by this.
const MOST: usize = 16 * 1024;

/// How often the networks that have not connected lately are forgotten, at most.
const TIDY: std::time::Duration = std::time::Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Pace {
    rate: Rate,
    /// A moment for each network that moves into the future with each connection.
    used_until: HashMap<Network, Instant>,
    tidied: Option<Instant>,
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, used_until: HashMap::new(), tidied: None }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Whether one more connection is within the rate: so many at once, and then one whenever there is room for it.
    pub(super) fn admits(&mut self, network: Network, now: Instant) -> bool {
        if self.used_until.len() >= MOST && !self.used_until.contains_key(&network) {
            if self.tidied.is_none_or(|last| now.duration_since(last) >= TIDY) {
                self.tidied = Some(now);
                self.used_until.retain(|_, until| *until > now);
            }
            if self.used_until.len() >= MOST {
                return true;
            }
        }
        let each = self.rate.period / self.rate.count;
        let used_until = self.used_until.entry(network).or_insert(now);
        let from = (*used_until).max(now);
        if from - now > self.rate.period.saturating_sub(each) {
            return false;
        }
        *used_until = from + each;
        true
    }
}
