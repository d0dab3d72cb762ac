//! `wharf lockouts`.

use clap::Args;

use super::Outcome;
use super::control::Reach;
use crate::ops::control::{END_SESSIONS, FOR, LIFT, LIFT_ALL, LOCK, Request};

/// Show who is locked out after failed logins or by hand, lock, or lift locks.
///
/// Whoever is locked out by `lockout.always` stays so: change the configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf lockouts
  wharf lockouts --lift 192.0.2.7
  wharf lockouts --lift scanner --config /etc/wharf.yaml
  wharf lockouts --lift-all
  wharf lockouts --lock 192.0.2.0/24 --for 1h
  wharf lockouts --lock scanner --for 30m --end-sessions

Exit status: 0 success, 1 the server can't be reached or what should be lifted is not locked,
2 bad configuration or usage.")]
pub(super) struct Lockouts {
    /// Lift the locks of this address or user, and forget their failed logins.
    #[arg(long, value_name = "ADDRESS|NAME", conflicts_with = "lift_all")]
    lift: Option<String>,
    /// Lift all locks, and forget all failed logins.
    #[arg(long)]
    lift_all: bool,
    /// Lock this address, network or user, whatever `lockout` says. Locks by hand are gone when the server ends.
    #[arg(long, value_name = "ADDRESS|NETWORK|NAME", requires = "lasting", conflicts_with_all = ["lift", "lift_all"])]
    lock: Option<String>,
    /// For how long, which `--lock` needs: from a second to ten years.
    #[arg(long = "for", id = "lasting", value_name = "DURATION", requires = "lock")]
    lasting: Option<String>,
    /// End the sessions of whoever is locked, too.
    #[arg(long, requires = "lock")]
    end_sessions: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Lockouts {
    pub(super) fn run(self) -> Outcome {
        let mut request = Request::of("lockouts");
        if let Some(subject) = self.lift {
            request.arguments.insert(LIFT.to_owned(), subject.into());
        }
        if self.lift_all {
            request.arguments.insert(LIFT_ALL.to_owned(), true.into());
        }
        if let (Some(subject), Some(lasting)) = (self.lock, self.lasting) {
            request.arguments.insert(LOCK.to_owned(), subject.into());
            request.arguments.insert(FOR.to_owned(), lasting.into());
            request.arguments.insert(END_SESSIONS.to_owned(), self.end_sessions.into());
        }
        self.reach.ask(&request)
    }
}
