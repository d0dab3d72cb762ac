//! Locks that operators have lifted. Other replicas may hold the same locks, and come back with them later.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::bans::Subject;
use crate::network::Network;

/// The most that are remembered; the oldest are forgotten.
pub(super) const MOST: usize = 1024;

/// Clocks of replicas are not compared, but what is told takes its time.
pub(super) const CLOSE: Duration = Duration::from_secs(2);

/// What was lifted, and when.
#[derive(Debug, Default)]
pub(super) struct Lifts(VecDeque<Lift>);

#[derive(Debug)]
struct Lift {
    /// As the operator has written it; `None`: everything.
    text: Option<String>,
    network: Option<Network>,
    subject: Option<Subject>,
    at: Instant,
}

/// What a lock is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held<'a> {
    Network(Network),
    Name(&'a str),
    ByHand(&'a Subject),
}

impl Lifts {
    /// Notes a lift; `false` if it is known.
    pub(super) fn add(&mut self, text: Option<&str>, at: Instant, ipv6_prefix: u8) -> bool {
        // What is told again has waited a little, or a little less.
        let is_it = |lift: &Lift| lift.text.as_deref() == text && at < lift.at + CLOSE;
        if self.0.iter().any(is_it) {
            return false;
        }
        self.0.retain(|lift| lift.text.as_deref() != text);
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        let ip = text.and_then(|text| text.parse::<IpAddr>().ok());
        self.0.push_back(Lift {
            text: text.map(str::to_owned),
            network: ip.map(|ip| Network::of(ip, ipv6_prefix)),
            subject: text.map(Subject::parse),
            at,
        });
        true
    }

    /// Whether a lock that began then was lifted since.
    pub(super) fn ended(&self, held: Held<'_>, began: Instant) -> bool {
        let is_of = |lift: &Lift| match (held, &lift.text) {
            (_, None) => true,
            (Held::Network(network), _) => lift.network == Some(network),
            (Held::Name(name), Some(text)) => name == text,
            (Held::ByHand(subject), _) => lift.subject.as_ref() == Some(subject),
        };
        self.0.iter().any(|lift| began <= lift.at && is_of(lift))
    }

    /// All of them, and how long ago they were.
    pub(super) fn all(&self, now: Instant) -> impl Iterator<Item = (Option<String>, Duration)> {
        self.0.iter().map(move |lift| (lift.text.clone(), now.saturating_duration_since(lift.at)))
    }
}
