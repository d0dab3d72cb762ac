//! What the commands have in common that tell a running server what to do.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Outcome, complain, print};
use crate::config;
use crate::ops::control::{Request, client};

/// Where a server listens that nobody has named.
const DEFAULT: &str = "/run/wharf/control.sock";

/// How to reach the running server.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// The server's control socket (`server.control`).
    #[arg(long, value_name = "PATH", default_value = DEFAULT, conflicts_with = "config")]
    socket: PathBuf,
    /// The server's configuration file, which names the socket.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The longest time to wait for the answer.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Reach {
    /// Asks the server, and prints its answer.
    pub(super) fn ask(&self, request: &Request) -> Outcome {
        let socket = match self.socket() {
            Ok(socket) => socket,
            Err(outcome) => return outcome,
        };
        match client::ask(&socket, request, self.timeout.max(Duration::from_millis(1))) {
            Ok(answer) if answer.status == 0 => {
                print(answer.text);
                Outcome::Fine
            }
            Ok(answer) => {
                complain(answer.text);
                if answer.status == 2 { Outcome::Unusable } else { Outcome::Failed }
            }
            Err(error) => {
                complain(format_args!("wharf: the server can't be asked at {}: {error}", socket.display()));
                Outcome::Failed
            }
        }
    }

    fn socket(&self) -> Result<PathBuf, Outcome> {
        let Some(path) = &self.config else { return Ok(self.socket.clone()) };
        match config::load_control(path, &crate::storages::KINDS, &crate::engine::ENGINES) {
            Ok(Some(control)) => Ok(control.path),
            Ok(None) => {
                complain(format_args!(
                    "wharf: {} names no control socket (`server.control`)",
                    path.display()
                ));
                Err(Outcome::Failed)
            }
            Err(problems) => {
                complain(problems);
                Err(Outcome::Unusable)
            }
        }
    }
}
