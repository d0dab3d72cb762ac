//! The section `lockout`, and the rate of new connections.

use std::time::Duration;

use super::super::checked::{Lockout, Rate};
use super::*;

const FAILURES: usize = 10;
const FAILURES_MAX: u64 = 100;
const WITHIN: Duration = Duration::from_secs(10 * 60);
const FOR: Duration = Duration::from_secs(30 * 60);

impl Checker<'_> {
    pub(super) fn lockout(&self, field: Option<At<raw::Lockout>>) -> Option<Lockout> {
        // A section whose keys all have their defaults may be empty.
        let raw = field?.value.unwrap_or_default();
        let time = |text: &str| match units::duration(text)? {
            duration if duration < Duration::from_secs(1) => Err("at least one second is needed".to_owned()),
            duration => Ok(duration),
        };
        let networks = |field: Option<At<Vec<At<String>>>>| {
            self.networks(field.and_then(|at| at.value).unwrap_or_default())
        };
        Some(Lockout {
            failures: self.count(raw.failures, FAILURES_MAX, FAILURES),
            within: self.parsed(raw.within, time).map_or(WITHIN, |(duration, _)| duration),
            lasting: self.parsed(raw.lasting, time).map_or(FOR, |(duration, _)| duration),
            never: networks(raw.never),
            always: networks(raw.always),
        })
    }

    pub(super) fn connection_rate(&self, field: Option<At<raw::Scalar>>) -> Option<Rate> {
        self.parsed(field, units::rate).map(|(rate, _)| rate)
    }
}
