//! The command line.

mod check;
mod completions;
mod control;
mod doctor;
mod drain;
mod events;
mod explain;
mod hash_password;
mod health;
mod import;
mod init;
mod kick;
mod lockouts;
mod man;
mod new_file;
mod ps;
mod reload;
mod schema;
mod serve;
mod sessions;
mod terminal;
mod top;
mod uploads;

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

/// The exit status of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// 0: success.
    Fine,
    /// 1: a failure while running.
    Failed,
    /// 2: the configuration or the command line is wrong. (clap uses the same.)
    Unusable,
}

impl Outcome {
    fn status(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Unusable => 2,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.status())
    }
}

/// FTP and FTPS server with a storage backend for each user.
///
/// One YAML file gives each user a local directory, a bucket (S3-compatible, Google Cloud Storage, Azure) or memory.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  wharf serve                              serve the quick start on 127.0.0.1:2121
  wharf serve --config /etc/wharf.yaml     serve a configuration of your own
  wharf init wharf.yaml                    ask five questions and write a configuration
  wharf check --config wharf.yaml          report every problem in a configuration
  wharf check --config wharf.yaml --connect
                                           also try to reach each backend
  wharf doctor ftp://user@ftp.example.com  find out what keeps clients from working
  wharf doctor --config wharf.yaml         the same from inside: ports, certificates, backends
  wharf health                             ask a running server whether it is ready
  wharf reload                             have a running server read its configuration again
  wharf ps                                 show who is connected, and what moves
  wharf top                                the same once a second
  wharf kick 17                            end a session
  wharf lockouts                           show who is locked out after failed logins
  wharf uploads                            show uploads that were broken off and are kept
  wharf drain                              take no new sessions
  wharf events list                        show events that could not be delivered
  wharf hash-password                      ask for a password and print its hash
  wharf explain users.limits               explain a key of the configuration
  wharf import vsftpd /etc/vsftpd.conf     make a configuration of another server's
  wharf schema > wharf.schema.json         write the JSON Schema, for editors

Exit status: 0 success, 1 failure while running, 2 bad configuration or usage.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Init(init::Init),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Health(health::Health),
    Reload(reload::Reload),
    Ps(ps::Ps),
    Top(top::Top),
    Kick(kick::Kick),
    Lockouts(lockouts::Lockouts),
    Uploads(uploads::Uploads),
    Drain(drain::Drain),
    Events(events::Events),
    /// Runs the programs of `events` for a server.
    #[command(name = crate::events::WORKER, hide = true)]
    RunPrograms,
    /// Starts that one, and starts it again; a server starts this.
    #[command(name = crate::events::KEEPER, hide = true)]
    KeepRunPrograms,
    Explain(explain::Explain),
    HashPassword(hash_password::HashPassword),
    Import(import::Import),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the program: parses the command line and carries it out.
pub fn run() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Init(init) => init.run(),
        Command::Check(check) => check.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Health(health) => health.run(),
        Command::Reload(reload) => reload.run(),
        Command::Ps(ps) => ps.run(),
        Command::Top(top) => top.run(),
        Command::Kick(kick) => kick.run(),
        Command::Lockouts(lockouts) => lockouts.run(),
        Command::Uploads(uploads) => uploads.run(),
        Command::Drain(drain) => drain.run(),
        Command::Events(events) => events.run(),
        Command::RunPrograms => crate::events::run_programs().map_or(Outcome::Failed, |()| Outcome::Fine),
        Command::KeepRunPrograms => crate::events::keep_worker().map_or(Outcome::Failed, |()| Outcome::Fine),
        Command::Explain(explain) => explain.run(),
        Command::HashPassword(hash_password) => hash_password.run(),
        Command::Import(import) => import.run(),
        Command::Schema(schema) => schema.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    };
    match outcome {
        Outcome::Fine if HALF_WRITTEN.load(Ordering::Relaxed) => {
            complain("wharf: can't write all to standard output: is the disk full?");
            Outcome::Failed
        }
        outcome => outcome,
    }
    .into()
}

/// Whether something for standard output is lost.
static HALF_WRITTEN: AtomicBool = AtomicBool::new(false);

/// Writes to standard output. A reader who has seen enough is no failure of the program; a full disk is one, at its end: half a
/// schema or half a report would be taken for a whole one.
fn print(text: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        HALF_WRITTEN.store(true, Ordering::Relaxed);
    }
}

/// Writes to standard error, for the person at the terminal.
fn complain(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
