//! `wharf ps`.

use clap::Args;

use super::control::Reach;
use super::sessions::{Sessions, table};
use super::{Outcome, print};
use crate::ops::control::Request;

/// Show who is connected to the running server, and what moves.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf ps
  wharf ps --user scanner
  wharf ps --peer 192.0.2.0/24 --transfers
  wharf ps --json | jq '.sessions[].peer'

Exit status: 0 success, 1 the server can't be reached, 2 bad configuration or usage.")]
pub(super) struct Ps {
    /// Only the sessions of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only sessions from this address or network.
    #[arg(long, value_name = "ADDRESS|NETWORK")]
    peer: Option<String>,
    /// Only sessions with a transfer under way.
    #[arg(long)]
    transfers: bool,
    /// Only sessions of this one of several replicas; those of all are shown otherwise.
    #[arg(long, value_name = "NUMBER")]
    replica: Option<u16>,
    /// Print JSON, as the admin interface has it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Ps {
    pub(super) fn run(self) -> Outcome {
        let mut request = request(self.user, self.peer, self.transfers);
        self.replica.map(|replica| request.arguments.insert("replica".to_owned(), replica.into()));
        let answer = match self.reach.answer(&request) {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        if self.json {
            print(format_args!("{:#}", answer.data));
            return Outcome::Fine;
        }
        let sessions = Sessions::of(&answer.data);
        print(table(&sessions.sessions, None).join("\n"));
        if let Some(but_for) = sessions.but_for() {
            super::complain(format_args!("wharf: {but_for}"));
        }
        if sessions.count > sessions.sessions.len() {
            super::complain(format_args!(
                "wharf: these are the first {} of {} sessions",
                sessions.sessions.len(),
                sessions.count
            ));
        }
        Outcome::Fine
    }
}

/// A request for these sessions.
pub(super) fn request(user: Option<String>, peer: Option<String>, transfers: bool) -> Request {
    let mut request = Request::of("sessions");
    let arguments = &mut request.arguments;
    user.map(|user| arguments.insert("user".to_owned(), user.into()));
    peer.map(|peer| arguments.insert("peer".to_owned(), peer.into()));
    if transfers {
        arguments.insert("transfer".to_owned(), true.into());
    }
    arguments.insert("limit".to_owned(), 10_000.into());
    request
}
