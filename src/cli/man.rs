//! `wharf man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::{Arguments, Outcome, complain};

/// Write the manual pages into a directory.
///
/// `wharf.1` is for the program, and each command has a page of its own, such as `wharf-check.1`. They say what `--help` says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf man .
  wharf man /usr/local/share/man/man1")]
pub(super) struct Man {
    /// An existing directory. Pages that are there already are replaced.
    directory: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> Outcome {
        match clap_mangen::generate_to(Arguments::command(), &self.directory) {
            Ok(()) => Outcome::Fine,
            Err(error) => {
                let directory = self.directory.display();
                complain(format_args!("wharf: can't write the manual pages into {directory}: {error}"));
                Outcome::Failed
            }
        }
    }
}
