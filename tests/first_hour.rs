//! The first hour of an operator: a configuration is asked for, explained and checked.

mod checks;
mod init;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Program, client_script, wharf};

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

/// What a person sees at a terminal who waits for words and types.
fn at_a_terminal(folder: &Path, arguments: &[&str], transcript: &[(&str, &str)]) -> (i64, String, bool) {
    let transcript = serde_json::to_string(transcript).unwrap();
    let said = Program::new("python3", folder)
        .arg(client_script("at_a_terminal.py"))
        .arg(transcript)
        .arg(env!("CARGO_BIN_EXE_wharf"))
        .args(arguments)
        .run();
    let said: Value = serde_json::from_str(&said).unwrap();
    let seen = said["seen"].as_str().unwrap().to_owned();
    (said["status"].as_i64().unwrap(), seen, said["echoes"].as_bool().unwrap())
}
