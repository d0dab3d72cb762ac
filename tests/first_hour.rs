//! The first hour of an operator: a configuration is asked for, explained and checked.

mod checks;
mod init;

use std::path::Path;
use std::process::Command;

use crate::support::wharf;

struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The program in a folder, with this input.
fn run(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, input.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    finish(wharf([]).args(arguments).current_dir(folder).stdin(file))
}

fn finish(command: &mut Command) -> Ran {
    // It says to a check where a repository is.
    let output = command.env_remove("GITHUB_WORKSPACE").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
