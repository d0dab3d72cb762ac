//! What operators have locked by hand.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use tokio::time::Instant;

use super::Lock;
use super::lifts::CLOSE;
use crate::accounts::account::one_name;

/// The most networks, and the most names, that can be locked by hand: each new connection is compared with all networks.
const MOST: usize = 1024;

/// Whom a lock is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All addresses of a network, of which there may be one.
    Network(IpNet),
    /// A user.
    Name(String),
}

/// As many are locked by hand as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many as can be are locked by hand: {MOST}")]
pub struct TooManyBans;

impl Subject {
    /// An address or a network if it is one, and a name otherwise.
    pub fn parse(text: &str) -> Self {
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) => Self::Network(canonical(network)),
            None => Self::Name(one_name(text).to_owned()),
        }
    }

    /// Whether it is a name that was meant as an address or a network, such as `10.0.0.999` or `10.0.0.0-10.0.0.9`.
    pub(crate) fn may_be_a_slip(&self) -> bool {
        let Self::Name(name) = self else { return false };
        let has_only = |text: &str, others: &str| {
            text.chars().all(|c| c.is_ascii_hexdigit() || others.contains(c)) && text.contains(['.', ':'])
        };
        // A name may be a number with a point.
        let is_v4 = name.starts_with(|c: char| c.is_ascii_digit())
            && name.matches('.').count() > 1
            && !name.contains(|c: char| !c.is_ascii_digit() && !".-*/x ".contains(c));
        let is_v6 = name.matches(':').count() > 1 && has_only(name, ":./-%");
        let is_network = name.rsplit_once('/').is_some_and(|(address, prefix)| {
            !prefix.contains(|c: char| !c.is_ascii_digit() && c != '.') && has_only(address, ".:")
        });
        is_v4 || is_v6 || is_network
    }

    /// What it is, for a sentence.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => "address",
            Self::Network(_) => "network",
            Self::Name(_) => "user",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => f.write_str(&shown(network)),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Without the bits behind the prefix; of IPv4 addresses that are written as IPv6 addresses, the former.
fn canonical(network: IpNet) -> IpNet {
    let of_v4 = |v6: ipnet::Ipv6Net| {
        let prefix = v6.prefix_len().checked_sub(96)?;
        Ipv4Net::new(v6.addr().to_ipv4_mapped()?, prefix).ok()
    };
    let network = match network {
        IpNet::V6(v6) => of_v4(v6).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    };
    network.trunc()
}

/// What is locked by hand.
#[derive(Debug, Default)]
pub(super) struct Bans {
    networks: HashMap<IpNet, Ban>,
    names: HashMap<String, Ban>,
}

#[derive(Debug, Clone, Copy)]
struct Ban {
    began: Instant,
    until: Instant,
}

impl Bans {
    pub(super) fn add(
        &mut self,
        subject: Subject,
        now: Instant,
        lasting: Duration,
    ) -> Result<(), TooManyBans> {
        // A time beyond the end of the clock is none.
        let until = now.checked_add(lasting).ok_or(TooManyBans)?;
        self.put(subject, Ban { began: now, until }, now)
    }

    fn put(&mut self, subject: Subject, ban: Ban, now: Instant) -> Result<(), TooManyBans> {
        match subject {
            Subject::Network(network) => put(&mut self.networks, canonical(network), now, ban),
            Subject::Name(name) => put(&mut self.names, one_name(&name).to_owned(), now, ban),
        }
    }

    /// Another replica has locked it; `false` if what is known here is as new, or if there are too many.
    pub(super) fn adopt(&mut self, subject: Subject, began: Instant, until: Instant, now: Instant) -> bool {
        let known = match &subject {
            Subject::Network(network) => self.networks.get(network),
            Subject::Name(name) => self.names.get(one_name(name)),
        };
        let is_known = known.is_some_and(|ban| now < ban.until && began < ban.began + CLOSE);
        !is_known && self.put(subject, Ban { began, until }, now).is_ok()
    }

    /// Keeps those whose subject and beginning this says yes to.
    pub(super) fn retain(&mut self, stays: impl Fn(&Subject, Instant) -> bool) {
        self.networks.retain(|network, ban| stays(&Subject::Network(*network), ban.began));
        self.names.retain(|name, ban| stays(&Subject::Name(name.clone()), ban.began));
    }

    pub(super) fn has(&self, ip: IpAddr, now: Instant) -> bool {
        if self.networks.is_empty() {
            return false;
        }
        let ip = ip.to_canonical();
        self.networks.iter().any(|(network, ban)| now < ban.until && network.contains(&ip))
    }

    pub(super) fn has_name(&self, name: &str, now: Instant) -> bool {
        self.names.get(one_name(name)).is_some_and(|ban| now < ban.until)
    }

    /// Says whether it was locked.
    pub(super) fn lift(&mut self, subject: &Subject, now: Instant) -> bool {
        let ban = match subject {
            Subject::Network(network) => self.networks.remove(network),
            Subject::Name(name) => self.names.remove(one_name(name)),
        };
        ban.is_some_and(|ban| now < ban.until)
    }

    pub(super) fn locks(&self, now: Instant) -> impl Iterator<Item = Lock> {
        let networks = self.networks.iter().map(|(network, ban)| (shown(network), false, ban));
        let names = self.names.iter().map(|(name, ban)| (name.clone(), true, ban));
        networks.chain(names).filter(move |(_, _, ban)| now < ban.until).map(
            move |(subject, is_name, ban)| Lock {
                subject,
                is_name,
                left: ban.until.duration_since(now),
                age: now.saturating_duration_since(ban.began),
                by_hand: true,
            },
        )
    }
}

fn put<K: Hash + Eq>(table: &mut HashMap<K, Ban>, key: K, now: Instant, ban: Ban) -> Result<(), TooManyBans> {
    if table.len() >= MOST && !table.contains_key(&key) {
        table.retain(|_, ban| now < ban.until);
        if table.len() >= MOST {
            return Err(TooManyBans);
        }
    }
    table.insert(key, ban);
    Ok(())
}

/// A network of one address is that address.
fn shown(network: &IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_ipv4_are_one_however_they_are_written() {
        let network = |text: &str| match Subject::parse(text) {
            Subject::Network(network) => shown(&network),
            Subject::Name(name) => panic!("{text} is the name {name}"),
        };
        assert_eq!(network("::ffff:192.0.2.7/120"), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.7/128"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7/96"), "0.0.0.0/0");
        assert_eq!(network("::ffff:192.0.2.7/95"), "::fffe:0:0/95");
        assert_eq!(network("2001:db8::7/120"), "2001:db8::/120");
    }

    #[test]
    fn a_mistyped_address_is_no_name() {
        for text in [
            "10.0.0.999",
            "10.0.0",
            "10.0.0.0-10.0.0.9",
            "10.0.0.*",
            "10.0.0.x",
            "10.0.0.0/99",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/",
            "2001:db8:::7",
            "2001:db8::/129",
            "fe80::1%2",
        ] {
            assert!(Subject::parse(text).may_be_a_slip(), "{text}");
        }
        for text in [
            "anna",
            "ftp.example.com",
            "anna@10.0.0.1",
            "a/7",
            "2024",
            "7b",
            "cafe",
            "x.509",
            "2024.01",
            "4711-0.1",
            "anna:bert",
        ] {
            let subject = Subject::parse(text);
            assert!(!subject.may_be_a_slip() && subject.kind() == "user", "{text}");
        }
        for (text, kind, shown) in [
            ("10.0.0.1/8", "network", "10.0.0.0/8"),
            ("::ffff:10.0.0.1", "address", "10.0.0.1"),
            ("ftp", "user", "anonymous"),
        ] {
            let subject = Subject::parse(text);
            assert_eq!(
                (subject.may_be_a_slip(), subject.kind(), &*subject.to_string()),
                (false, kind, shown)
            );
        }
    }

    #[test]
    fn the_anonymous_user_is_locked_by_any_of_its_names() {
        let (mut bans, now) = (Bans::default(), Instant::now());
        bans.add(Subject::parse("FTP"), now, Duration::from_secs(1)).unwrap();
        for name in ["ftp", "anonymous", "Anonymous"] {
            assert!(bans.has_name(name, now), "{name}");
        }
        assert!(!bans.has_name("ftpuser", now));
        assert_eq!(bans.locks(now).map(|lock| lock.subject).collect::<Vec<_>>(), ["anonymous"]);
        assert!(bans.lift(&Subject::parse("anonymous"), now) && !bans.has_name("ftp", now));
    }

    #[test]
    fn what_is_locked_by_hand_is_locked_for_its_time_and_bounded() {
        let (mut bans, now) = (Bans::default(), Instant::now());
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        bans.add(Subject::parse("192.0.2.7/24"), now, second).unwrap();
        bans.add(Subject::parse("::ffff:198.51.100.7"), now, hour).unwrap();
        bans.add(Subject::parse("anna"), now, hour).unwrap();
        let has = |bans: &Bans, ip: &str, now| bans.has(ip.parse().unwrap(), now);
        assert!(has(&bans, "192.0.2.200", now) && has(&bans, "::ffff:192.0.2.1", now));
        assert!(!has(&bans, "192.0.3.1", now) && has(&bans, "198.51.100.7", now));
        assert!(!has(&bans, "192.0.2.200", now + second) && !bans.has_name("bert", now));
        let mut subjects: Vec<_> = bans.locks(now).map(|lock| lock.subject).collect();
        subjects.sort();
        assert_eq!(subjects, ["192.0.2.0/24", "198.51.100.7", "anna"]);
        assert!(bans.lift(&Subject::parse("anna"), now) && !bans.has_name("anna", now));
        assert!(!bans.lift(&Subject::parse("anna"), now));
        for number in 0..MOST {
            let _ = bans.add(Subject::Name(format!("user-{number}")), now, second);
        }
        assert_eq!(bans.add(Subject::parse("one more"), now, hour), Err(TooManyBans));
        bans.add(Subject::parse("one more"), now + second, hour).unwrap();
        assert_eq!(bans.add(Subject::parse("x"), now, Duration::MAX), Err(TooManyBans));
    }
}
