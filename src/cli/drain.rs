//! `wharf drain`.

use clap::Args;

use super::Outcome;
use super::control::Reach;
use crate::ops::control::{EXIT, RESUME, Request};

/// Have the running server take no new sessions and no new logins.
///
/// Whoever is logged in goes on, and `/readyz` says that the server is not ready, so that a balancer sends others elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf drain
  wharf drain --resume
  wharf drain --exit

Exit status: 0 success, 1 the server can't be reached, 2 bad configuration or usage.")]
pub(super) struct Drain {
    /// End the server when running transfers are done, as SIGTERM does.
    #[arg(long, conflicts_with = "resume")]
    exit: bool,
    /// Take new sessions and logins again.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Drain {
    pub(super) fn run(self) -> Outcome {
        let mut request = Request::of("drain");
        request.arguments.insert(EXIT.to_owned(), self.exit.into());
        request.arguments.insert(RESUME.to_owned(), self.resume.into());
        self.reach.ask(&request)
    }
}
