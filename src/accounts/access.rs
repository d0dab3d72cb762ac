//! From where, at which hosts, and until when, an account may be used.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;

use super::proofs::LoginError;
use crate::host::{Host, HostPattern};

/// The longest sleep before the clock is asked again: it may have been set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// From where, at which hosts, and until when, an account may be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The networks of the clients; empty: any.
    pub networks: Vec<IpNet>,
    /// The hosts that the client has to name; empty: any, or none.
    pub hosts: Vec<HostPattern>,
    /// From this moment on the account is no more; `None`: never.
    pub expires: Option<SystemTime>,
}

impl Access {
    /// Why a client at this address, which has named this host or none, may not log in at this time.
    pub(super) fn refuses(&self, from: IpAddr, at: Option<&Host>, now: SystemTime) -> Option<LoginError> {
        if self.expires.is_some_and(|end| end <= now) {
            return Some(LoginError::Expired);
        }
        if !self.is_of(at) {
            return Some(LoginError::OtherHost);
        }
        (!self.allows(from)).then_some(LoginError::OtherNetwork)
    }

    fn is_of(&self, host: Option<&Host>) -> bool {
        self.hosts.is_empty() || host.is_some_and(|host| self.hosts.iter().any(|own| own.has(host)))
    }

    fn allows(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&from))
    }

    /// Whether the operator has named the client's network as one of the user's.
    pub(super) fn names(&self, from: IpAddr) -> bool {
        !self.networks.is_empty() && self.allows(from)
    }

    /// Whether a session from this address, at this host, that ends as it was said before may go on until then.
    pub(super) fn stands_by(&self, before: &Self, from: IpAddr, at: Option<&Host>) -> bool {
        let ends_in_time = match (self.expires, before.expires) {
            (None, _) => true,
            (Some(now), Some(before)) => before <= now,
            (Some(_), None) => false,
        };
        ends_in_time && self.allows(from) && self.is_of(at)
    }
}

/// The time until this moment, and at most until the clock should be asked again; zero if it is reached. `None` if there is no such
/// moment.
pub(crate) fn time_left(expires: Option<SystemTime>) -> Option<Duration> {
    Some(expires?.duration_since(SystemTime::now()).unwrap_or_default().min(LOOK_AGAIN))
}

/// Waits until this moment is reached; for ever if there is none.
pub(crate) async fn expired(expires: Option<SystemTime>) {
    loop {
        match time_left(expires) {
            None => std::future::pending().await,
            Some(Duration::ZERO) => return,
            Some(left) => tokio::time::sleep(left).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(access: &Access, from: &str, now: u64) -> Option<LoginError> {
        access.refuses(from.parse().unwrap(), None, SystemTime::UNIX_EPOCH + Duration::from_secs(now))
    }

    #[test]
    fn networks_are_those_of_the_client() {
        let networks = ["10.0.0.0/8", "2001:db8::/32"].map(|network| network.parse().unwrap());
        let access = Access { networks: networks.to_vec(), ..Access::default() };
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:1::1"] {
            assert_eq!(refused(&access, inside, 0), None, "{inside}");
        }
        for outside in ["11.1.2.3", "::ffff:11.1.2.3", "2001:db9::1", "::1"] {
            assert_eq!(refused(&access, outside, 0), Some(LoginError::OtherNetwork), "{outside}");
        }
        assert_eq!(refused(&Access::default(), "11.1.2.3", 0), None);
    }

    #[test]
    fn the_end_is_a_moment() {
        let expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(100));
        let access = Access { expires, ..Access::default() };
        assert_eq!(refused(&access, "::1", 99), None);
        assert_eq!(refused(&access, "::1", 100), Some(LoginError::Expired));
    }

    #[test]
    fn a_session_goes_on_that_ends_no_later_and_may_come_from_there() {
        let until = |seconds: Option<u64>| Access {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            expires: seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            ..Access::default()
        };
        let goes_on = |now: Option<u64>, before: Option<u64>, from: &str| {
            until(now).stands_by(&until(before), from.parse().unwrap(), None)
        };
        for (now, before) in [(None, None), (None, Some(100)), (Some(100), Some(100)), (Some(101), Some(100))]
        {
            assert!(goes_on(now, before, "10.1.2.3"), "{now:?} {before:?}");
            assert!(!goes_on(now, before, "11.1.2.3"), "{now:?} {before:?}");
        }
        for (now, before) in [(Some(99), Some(100)), (Some(100), None)] {
            assert!(!goes_on(now, before, "10.1.2.3"), "{now:?} {before:?}");
        }
    }

    #[test]
    fn hosts_are_those_that_the_client_names() {
        let hosts = ["a.example", "*.b.example"].map(|host| HostPattern::parse(host).unwrap());
        let own = Access { hosts: hosts.to_vec(), ..Access::default() };
        let from = "192.0.2.7".parse().unwrap();
        let named = |host: &str| Host::parse(host);
        for host in ["A.example.", "x.b.example"].map(named) {
            assert_eq!(own.refuses(from, host.as_ref(), SystemTime::now()), None, "{host:?}");
            assert!(own.stands_by(&own, from, host.as_ref()), "{host:?}");
        }
        for host in [None, named("b.example"), named("x.a.example"), named("192.0.2.7")] {
            let refused = own.refuses(from, host.as_ref(), SystemTime::now());
            assert_eq!(refused, Some(LoginError::OtherHost), "{host:?}");
            assert!(!own.stands_by(&own, from, host.as_ref()), "{host:?}");
            assert_eq!(Access::default().refuses(from, host.as_ref(), SystemTime::now()), None, "{host:?}");
        }
    }

    #[tokio::test]
    async fn what_is_over_needs_no_wait() {
        expired(Some(SystemTime::UNIX_EPOCH)).await;
        expired(Some(SystemTime::now())).await;
    }
}
