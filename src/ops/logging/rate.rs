//! Limits on the log lines that strangers can cause. Every packet from a stranger could cause a line, so each address
//! may cause a few lines of each kind at once and then some for each second, and so may all addresses together. Lines
//! that are left out are counted and reported.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::network::{IPV6_PREFIX, Network};

/// How many addresses are distinguished for each kind; further ones share the limit for all together.
const ADDRESSES: usize = 1024;

/// Refused sessions.
pub static REFUSED_SESSIONS: LineRate = LineRate::new("refused a session", Few { burst: 20, each: secs(5) });
/// Logins that failed.
pub static FAILED_LOGINS: LineRate = LineRate::new("login failed", Few { burst: 20, each: secs(5) });
/// TLS handshakes of control connections that failed.
pub static FAILED_HANDSHAKES: LineRate =
    LineRate::new("TLS handshake failed", Few { burst: 20, each: secs(5) });
/// Commands and transfers that were refused or failed.
pub static REFUSALS: LineRate = LineRate::new("refused or failed", Few { burst: 200, each: millis(100) });
/// Uploads in which the scanner found something. Whoever causes lines of other kinds does not hide these.
pub static INFECTED: LineRate = LineRate::new("infected", Few { burst: 200, each: millis(100) });
/// Uploads of which the scanner said nothing.
pub static UNSCANNED: LineRate = LineRate::new("not scanned", Few { burst: 20, each: secs(5) });

/// Transfers that a connection from another address than the client's ended before their time. Whoever looks for open
/// ports may be such an address, so these are few; later ones end when their time is over.
pub static EARLY_ENDS: LineRate =
    LineRate::new("data connection from elsewhere", Few { burst: 10, each: secs(10) });

/// Refused sessions in the record of who did what: whoever floods the server must not fill the disk with them.
pub static AUDITED_REFUSALS: LineRate =
    LineRate::new("audit: refused a session", Few { burst: 20, each: secs(5) });
/// Commands and transfers that were refused or failed, in the same record: a client that asks for what it can't have, over and over.
pub static AUDITED_COMMANDS: LineRate =
    LineRate::new("audit: refused or failed", Few { burst: 200, each: millis(100) });
/// What clients do wrong before or beside their commands, such as TLS where none is spoken.
pub static MISTAKES: LineRate = LineRate::new("mistakes of clients", Few { burst: 20, each: secs(5) });

/// Wrong tokens for the admin interface.
pub static WRONG_TOKENS: LineRate = LineRate::new("a wrong token", Few { burst: 20, each: secs(5) });

/// Data connections that could not be passed on to the replica they belong to. Each replica counts as an address.
pub static RELAYS: LineRate = LineRate::new("relaying a data connection", Few { burst: 10, each: secs(5) });
/// Whoever is turned away at the relay port.
pub static RELAY_PORT: LineRate =
    LineRate::new("refused at the relay port", Few { burst: 5, each: secs(10) });

static ALL: [&LineRate; 13] = [
    &REFUSED_SESSIONS,
    &FAILED_LOGINS,
    &FAILED_HANDSHAKES,
    &REFUSALS,
    &AUDITED_REFUSALS,
    &AUDITED_COMMANDS,
    &MISTAKES,
    &UNSCANNED,
    &INFECTED,
    &EARLY_ENDS,
    &WRONG_TOKENS,
    &RELAYS,
    &RELAY_PORT,
];

/// How many times the lines of one address all addresses together may cause.
const TOGETHER: u32 = 10;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// This many at once, and then one in each of these times.
#[derive(Debug, Clone, Copy)]
struct Few {
    burst: u32,
    each: Duration,
}

/// The used part of a limit: a moment that moves into the future with each line.
#[derive(Debug, Clone, Copy)]
struct Left {
    used_until: Instant,
}

impl Left {
    fn take(&mut self, few: Few, now: Instant) -> bool {
        let from = self.used_until.max(now);
        if from - now > few.each * (few.burst - 1) {
            return false;
        }
        self.used_until = from + few.each;
        true
    }
}

/// The lines of one kind.
#[derive(Debug)]
pub struct LineRate {
    kind: &'static str,
    of_one: Few,
    state: Mutex<Option<State>>,
}

#[derive(Debug)]
struct State {
    of_all: Left,
    by_network: HashMap<Network, Left>,
    left_out: u64,
    reported: Instant,
}

impl LineRate {
    const fn new(kind: &'static str, of_one: Few) -> Self {
        Self { kind, of_one, state: Mutex::new(None) }
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more line about this address is written.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.admits_at(address, Instant::now())
    }

    fn admits_at(&self, address: IpAddr, now: Instant) -> bool {
        let mut state = self.state();
        let new = || State {
            of_all: Left { used_until: now },
            by_network: HashMap::new(),
            left_out: 0,
            reported: now,
        };
        let state = state.get_or_insert_with(new);
        let network = Network::of(address, IPV6_PREFIX);
        if state.by_network.len() >= ADDRESSES && !state.by_network.contains_key(&network) {
            // Forget addresses that have caused nothing for a while.
            state.by_network.retain(|_, left| left.used_until > now);
        }
        let is_known = state.by_network.len() < ADDRESSES || state.by_network.contains_key(&network);
        let admitted = !is_known
            || state.by_network.entry(network).or_insert(Left { used_until: now }).take(self.of_one, now);
        let together = Few { burst: self.of_one.burst * TOGETHER, each: self.of_one.each / TOGETHER };
        let admitted = admitted && state.of_all.take(together, now);
        state.left_out += u64::from(!admitted);
        admitted
    }

    /// How many lines were left out since the last report, if it is time for a new one.
    fn to_report(&self, pause: Duration, now: Instant) -> Option<u64> {
        let mut state = self.state();
        let state = state.as_mut()?;
        if state.left_out == 0 || now.saturating_duration_since(state.reported) < pause {
            return None;
        }
        state.reported = now;
        Some(std::mem::take(&mut state.left_out))
    }
}

/// Reports the lines that were left out, at most once in `pause`.
pub(super) fn report(pause: Duration) {
    let now = Instant::now();
    for rate in ALL {
        if let Some(lines) = rate.to_report(pause, now) {
            tracing::warn!(lines, of = rate.kind, "left out log lines: there were too many of their kind");
        }
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
