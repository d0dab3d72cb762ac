//! `wharf lockouts`.

use clap::Args;

use super::Outcome;
use super::control::Reach;
use crate::ops::control::{LIFT, LIFT_ALL, Request};

/// Show who is locked out after failed logins, or lift locks.
///
/// Whoever is locked out by `lockout.always` stays so: change the configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf lockouts
  wharf lockouts --lift 192.0.2.7
  wharf lockouts --lift scanner --config /etc/wharf.yaml
  wharf lockouts --lift-all

Exit status: 0 success, 1 the server can't be reached or what should be lifted is not locked,
2 bad configuration or usage.")]
pub(super) struct Lockouts {
    /// Lift the locks of this address or user, and forget their failed logins.
    #[arg(long, value_name = "ADDRESS|NAME", conflicts_with = "lift_all")]
    lift: Option<String>,
    /// Lift all locks, and forget all failed logins.
    #[arg(long)]
    lift_all: bool,
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
        self.reach.ask(&request)
    }
}
