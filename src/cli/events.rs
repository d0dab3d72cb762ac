//! `wharf events`.

use clap::{Args, Subcommand};

use super::Outcome;
use super::control::Reach;
use crate::ops::control::{DROP, RETRY, Request, WAITING};

/// Show events that could not be delivered, send them again, or drop them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf events list
  wharf events list --waiting
  wharf events retry all
  wharf events retry billing --config /etc/wharf.yaml
  wharf events drop 019432f1-7c5e-7a31-8f4e-52d3c1a0b9e7

Exit status: 0 success, 1 the server can't be reached or there is no such dead letter,
2 bad configuration or usage.")]
pub(super) struct Events {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the dead letters, at most a thousand, the oldest first.
    List {
        /// List the events that wait for their delivery instead.
        #[arg(long)]
        waiting: bool,
        #[command(flatten)]
        reach: Reach,
    },
    /// Send dead letters again.
    Retry {
        /// The name of an event, the name of a receiver, or `all`.
        #[arg(value_name = "EVENT|RECEIVER|all")]
        which: String,
        #[command(flatten)]
        reach: Reach,
    },
    /// Drop dead letters: nobody is told of them any more.
    Drop {
        /// The name of an event, the name of a receiver, or `all`.
        #[arg(value_name = "EVENT|RECEIVER|all")]
        which: String,
        #[command(flatten)]
        reach: Reach,
    },
}

impl Events {
    pub(super) fn run(self) -> Outcome {
        let mut request = Request::of("events");
        let reach = match self.action {
            Action::List { waiting, reach } => {
                request.arguments.insert(WAITING.to_owned(), waiting.into());
                reach
            }
            Action::Retry { which, reach } => {
                request.arguments.insert(RETRY.to_owned(), which.into());
                reach
            }
            Action::Drop { which, reach } => {
                request.arguments.insert(DROP.to_owned(), which.into());
                reach
            }
        };
        reach.ask(&request)
    }
}
