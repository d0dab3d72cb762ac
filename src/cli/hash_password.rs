//! `wharf hash-password`.

use std::io::{self, Read};

use clap::Args;

use super::terminal::{self, Interrupts};
use super::{Outcome, complain, print};
use crate::config::PasswordHash;
use crate::config::Secret;

/// The longest line that is read; a longer password can't log in.
const MAX_LENGTH: u64 = 1024;

/// Print the hash of a password, for the `password` of a user.
///
/// At a terminal it asks for the password, twice and without echo. Otherwise it reads the first line of standard input.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf hash-password
  printf %s \"$PASSWORD\" | wharf hash-password")]
pub(super) struct HashPassword {}

impl HashPassword {
    pub(super) fn run(self) -> Outcome {
        match read()
            .and_then(|password| PasswordHash::new(password.expose()).map_err(|error| error.to_string()))
        {
            Ok(hash) => {
                print(hash.as_str());
                Outcome::Fine
            }
            Err(error) => {
                complain(format_args!("wharf: {error}"));
                Outcome::Failed
            }
        }
    }
}

fn read() -> Result<Secret, String> {
    let password = if terminal::is_there() { ask()? } else { read_line()? };
    match password.expose() {
        "" => Err("the password is empty".to_owned()),
        _ => Ok(password),
    }
}

fn ask() -> Result<Secret, String> {
    let interrupts =
        Interrupts::watch(|| complain("\nwharf: interrupted")).map_err(|error| error.to_string())?;
    let password = terminal::ask_hidden(&interrupts, "Password: ")?;
    if terminal::ask_hidden(&interrupts, "Again: ")? != password {
        return Err("the two are not the same".to_owned());
    }
    Ok(password)
}

fn read_line() -> Result<Secret, String> {
    first_line(io::stdin())
}

/// The first line of what there is to read, as a password.
///
/// # Errors
/// A sentence: it can't be read, or is too long.
pub(super) fn first_line(input: impl Read) -> Result<Secret, String> {
    let mut text = String::new();
    input
        .take(MAX_LENGTH + 1)
        .read_to_string(&mut text)
        .map_err(|error| format!("can't read the password: {error}"))?;
    let text = Secret::new(text);
    let line = text.expose().lines().next().unwrap_or_default();
    if line.len() as u64 > MAX_LENGTH {
        return Err(format!("the password is longer than {MAX_LENGTH} bytes"));
    }
    Ok(Secret::new(line))
}
