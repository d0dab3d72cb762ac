//! `wharf kick`.

use clap::Args;

use super::Outcome;
use super::control::Reach;
use crate::ops::control::{Request, SESSIONS, USER};

/// End sessions of the running server, with their transfers.
///
/// Clients are told so (421); of an upload under way nothing is left. Whoever is to stay away has to be locked, too: `wharf lockouts
/// --lock`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf ps
  wharf kick 17 23
  wharf kick --user scanner

Exit status: 0 they were told to end, 1 the server can't be reached or there is no such session,
2 bad configuration or usage.")]
pub(super) struct Kick {
    /// The numbers of sessions, as `wharf ps` and the log show them.
    #[arg(value_name = "SESSION", required_unless_present = "user", conflicts_with = "user")]
    sessions: Vec<u64>,
    /// All sessions of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Kick {
    pub(super) fn run(self) -> Outcome {
        let mut request = Request::of("kick");
        match self.user {
            Some(user) => request.arguments.insert(USER.to_owned(), user.into()),
            None => request.arguments.insert(SESSIONS.to_owned(), self.sessions.into()),
        };
        self.reach.ask(&request)
    }
}
