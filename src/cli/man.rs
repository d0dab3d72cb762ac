//! `wharf man`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::roff::{Roff, roman};

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
        // `help` explains nothing that is not on a page.
        let mut program = Arguments::command().disable_help_subcommand(true);
        program.build();
        match write_pages(&self.directory, &program) {
            Ok(()) => Outcome::Fine,
            Err((path, error)) => {
                complain(format_args!("wharf: can't write {}: {error}", path.display()));
                Outcome::Failed
            }
        }
    }
}

/// Writes the page of a command, and those of the commands below it.
fn write_pages(directory: &Path, command: &Command) -> Result<(), (PathBuf, io::Error)> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_pages(directory, below)?;
    }
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = directory.join(format!("{name}.1"));
    page(name, command).and_then(|page| fs::write(&path, page)).map_err(|error| (path, error))
}

fn page(name: &str, command: &Command) -> io::Result<Vec<u8>> {
    let man = clap_mangen::Man::new(command.clone());
    let mut page = Vec::new();
    // The library would leave an empty date out, and put the next words in its place. There is none: the version says enough.
    writeln!(page, ".TH {name} 1 \"\" \"Wharf {}\" \"Wharf\"", env!("CARGO_PKG_VERSION"))?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(rest) = command.get_after_help() {
        sections(&rest.to_string()).to_writer(&mut page)?;
    }
    Ok(page)
}

/// What stands below the options: a paragraph that begins with a word or two and a colon is a section of its own here.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    for paragraph in text.split("\n\n") {
        let (heading, rest) = match paragraph.split_once(':') {
            Some((heading, rest)) if heading.split(' ').count() <= 2 => (heading, rest),
            _ => ("Notes", paragraph),
        };
        roff.control("SH", [heading.to_uppercase().as_str()]);
        let examples = rest.starts_with('\n');
        if examples {
            // Their lines stay as they are.
            roff.control("nf", []);
        }
        for line in rest.trim_start().lines() {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        if examples {
            roff.control("fi", []);
        }
    }
    roff
}
