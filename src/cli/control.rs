//! What the commands have in common that tell a running server what to do.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Outcome, complain, print};
use crate::config;
use crate::ops::control::{Answer, Request, client};

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
        match self.answer(request) {
            Ok(answer) => {
                print(answer.text);
                Outcome::Fine
            }
            Err(outcome) => outcome,
        }
    }

    /// Asks the server.
    ///
    /// # Errors
    /// If it can't be asked, or can't do what is asked for; that was told.
    pub(super) fn answer(&self, request: &Request) -> Result<Answer, Outcome> {
        self.try_answer(request).map_err(|(outcome, complaint)| {
            if !complaint.is_empty() {
                complain(complaint);
            }
            outcome
        })
    }

    /// The same, and what there is to tell.
    ///
    /// # Errors
    /// Those.
    pub(super) fn try_answer(&self, request: &Request) -> Result<Answer, (Outcome, String)> {
        let socket = self.socket().map_err(|outcome| (outcome, String::new()))?;
        match client::ask(&socket, request, self.timeout.max(Duration::from_millis(1))) {
            Ok(answer) if answer.status == 0 => Ok(answer),
            Ok(answer) => {
                let outcome = if answer.status == 2 { Outcome::Unusable } else { Outcome::Failed };
                Err((outcome, answer.text))
            }
            Err(error) => {
                let mut complaint =
                    format!("wharf: the server can't be asked at {}: {error}", socket.display());
                // Nobody was reached; whoever has not answered is there.
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) {
                    complaint.push_str(&self.advice());
                }
                Err((Outcome::Failed, complaint))
            }
        }
    }

    /// What may help if no server listens there.
    fn advice(&self) -> String {
        match &self.config {
            None => "; `server.control` of its configuration says where it listens, which is nowhere by default if there \
                     is no directory /run/wharf: name that with `--socket PATH`, or the configuration with `--config FILE`"
                .to_owned(),
            Some(_) => "; does it run, with this `server.control`? `--socket PATH` names another one".to_owned(),
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
