//! Rates, and when somebody is locked out.

use std::time::Duration;

use ipnet::IpNet;

/// So many in so much time; both are more than zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub period: Duration,
}

/// When an address or a name is locked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    /// So many failures lock it; from 1 to 100.
    pub failures: usize,
    /// The time within which they count.
    pub within: Duration,
    /// How long it is locked.
    pub lasting: Duration,
    /// Whose clients never are.
    pub never: Vec<IpNet>,
    /// Whose clients always are.
    pub always: Vec<IpNet>,
}
