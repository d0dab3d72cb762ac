//! Locks that operators have lifted. Other replicas may hold the same locks, and come back with them later.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::bans::Subject;
use crate::network::Network;

/// The most that are remembered; the oldest are forgotten.
pub(super) const MOST: usize = 1024;

/// Clocks of replicas are not compared, but what is told takes its time.
pub(super) const CLOSE: Duration = Duration::from_secs(2);

/// The most numbers by which one lift is known: one of each replica.
const MOST_NUMBERS: usize = crate::config::MOST_REPLICAS as usize;

/// What was lifted, and when.
#[derive(Debug, Default)]
pub(super) struct Lifts {
    all: VecDeque<Lift>,
    /// How often there was another one.
    changes: u64,
}

#[derive(Debug)]
struct Lift {
    /// By which it is known, however late it is told again; the last one is told. An operator's word is a lift in each replica, and each of
    /// these has a number: those of the same subject before are known by theirs, too.
    numbers: VecDeque<u64>,
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

impl Lift {
    /// It is known by this number, too.
    fn know(&mut self, number: u64) {
        if !self.numbers.contains(&number) {
            let told = self.numbers.pop_back();
            self.numbers.push_back(number);
            self.numbers.extend(told);
        }
        if self.numbers.len() > MOST_NUMBERS {
            self.numbers.pop_front();
        }
    }
}

impl Lifts {
    /// Notes a lift that an operator wants here.
    pub(super) fn add(&mut self, text: Option<&str>, at: Instant, ipv6_prefix: u8) {
        self.put(RandomState::new().hash_one(0), text, at, ipv6_prefix);
    }

    /// Notes a lift that another replica has told of; `false` if it is known, or older than what is.
    pub(super) fn hear(&mut self, number: u64, text: Option<&str>, at: Instant, ipv6_prefix: u8) -> bool {
        let same = self.all.iter_mut().find(|lift| lift.text.as_deref() == text);
        let is_one_more = same.is_none();
        if let Some(same) = same.filter(|same| at <= same.at || same.numbers.contains(&number)) {
            same.know(number);
            return false;
        }
        // What one replica has forgotten for others that are newer is not heard again from those that have not: all would tell all of
        // it to each other for ever.
        let is_too_old = |lift: &Lift| at < lift.at + CLOSE;
        if is_one_more
            && self.all.len() >= MOST
            && self.oldest().is_some_and(|(_, oldest)| is_too_old(oldest))
        {
            return false;
        }
        self.put(number, text, at, ipv6_prefix);
        true
    }

    fn put(&mut self, number: u64, text: Option<&str>, at: Instant, ipv6_prefix: u8) {
        self.changes += 1;
        let same = self.all.iter().position(|lift| lift.text.as_deref() == text);
        let one_less = same.or_else(|| {
            let is_full = self.all.len() >= MOST;
            self.oldest().filter(|_| is_full).map(|(oldest, _)| oldest)
        });
        let before = one_less.and_then(|lift| self.all.remove(lift));
        let mut numbers = before.filter(|_| same.is_some()).map(|lift| lift.numbers).unwrap_or_default();
        numbers.push_back(number);
        if numbers.len() > MOST_NUMBERS {
            numbers.pop_front();
        }
        let ip = text.and_then(|text| text.parse::<IpAddr>().ok());
        self.all.push_back(Lift {
            numbers,
            text: text.map(str::to_owned),
            network: ip.map(|ip| Network::of(ip, ipv6_prefix)),
            subject: text.map(Subject::parse),
            at,
        });
    }

    fn oldest(&self) -> Option<(usize, &Lift)> {
        self.all.iter().enumerate().min_by_key(|(_, lift)| lift.at)
    }

    /// How often there was another one.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether a lock that began then was lifted since.
    pub(super) fn ended(&self, held: Held<'_>, began: Instant) -> bool {
        let is_of = |lift: &Lift| match (held, &lift.text) {
            (_, None) => true,
            (Held::Network(network), _) => lift.network == Some(network),
            (Held::Name(name), Some(text)) => name == text,
            (Held::ByHand(subject), _) => lift.subject.as_ref() == Some(subject),
        };
        self.all.iter().any(|lift| began <= lift.at && is_of(lift))
    }

    /// All of them by their numbers, and how long ago they were.
    pub(super) fn all(&self, now: Instant) -> impl Iterator<Item = (u64, Option<String>, Duration)> {
        self.all.iter().filter_map(move |lift| {
            let age = now.saturating_duration_since(lift.at);
            Some((*lift.numbers.back()?, lift.text.clone(), age))
        })
    }
}
