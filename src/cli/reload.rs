//! `wharf reload`.

use clap::Args;

use super::Outcome;
use super::control::Reach;
use crate::ops::control::Request;

/// Have a running server read its configuration again.
///
/// If anything is wrong with it, the server keeps the one it has, and every problem is reported.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf reload
  wharf reload --config /etc/wharf.yaml
  wharf reload --socket /run/wharf/control.sock

Exit status: 0 the new configuration counts, 1 the server can't be reached or can't use what the configuration names,
2 the configuration is wrong or needs a restart.")]
pub(super) struct Reload {
    #[command(flatten)]
    reach: Reach,
}

impl Reload {
    pub(super) fn run(self) -> Outcome {
        self.reach.ask(&Request::of("reload"))
    }
}
