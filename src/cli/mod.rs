//! The command line.

mod check;
mod hash_password;
mod health;
mod schema;
mod serve;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How the program ends, as its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// 0: all is fine.
    Fine,
    /// 1: something failed while it ran.
    Failed,
    /// 2: the configuration or the command line is wrong. (clap uses the same.)
    Unusable,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Fine => 0,
            Outcome::Failed => 1,
            Outcome::Unusable => 2,
        })
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
  wharf serve                              the quick start, on 127.0.0.1:2121
  wharf serve --config /etc/wharf.yaml     a configuration of your own
  wharf check --config wharf.yaml          every problem of a configuration at once
  wharf check --config wharf.yaml --connect
                                           also try to reach each backend
  wharf health                             how a running server is
  wharf hash-password                      asks for a password and prints its hash
  wharf schema > wharf.schema.json         the JSON Schema, for editors

Exit status: 0 fine, 1 failure while running, 2 bad configuration or usage.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    Health(health::Health),
    HashPassword(hash_password::HashPassword),
    Schema(schema::Schema),
}

/// Runs the program: parses the command line and does what it says.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(),
        Command::Health(health) => health.run(),
        Command::HashPassword(hash_password) => hash_password.run(),
        Command::Schema(schema) => schema.run(),
    }
    .into()
}

/// Writes to standard output. That nobody reads it any more is no failure of ours.
fn print(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Writes to standard error, for what is to be read by a person who waits at the terminal.
fn complain(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
