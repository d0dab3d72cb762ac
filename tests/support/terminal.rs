//! A person at a terminal.

use std::path::Path;

use serde_json::Value;

use super::{Program, client_script};

/// What a person has seen at a terminal in this folder, who waits for words and types.
pub struct Seen {
    /// The exit status; negative: the signal that ended the program.
    pub status: i64,
    pub text: String,
    /// The terminal is as it was before: it echoes, and edits lines.
    pub is_right: bool,
}

/// Runs the built program. The transcript has the words that are waited for and what is typed then, or the name of a signal to send.
pub fn at_a_terminal(folder: &Path, arguments: &[&str], transcript: &[(&str, &str)]) -> Seen {
    let transcript = serde_json::to_string(transcript).unwrap();
    let said = Program::new("python3", folder)
        .arg(client_script("at_a_terminal.py"))
        .arg(transcript)
        .arg(env!("CARGO_BIN_EXE_wharf"))
        .args(arguments)
        .run();
    let said: Value = serde_json::from_str(&said).unwrap();
    Seen {
        status: said["status"].as_i64().unwrap(),
        text: said["seen"].as_str().unwrap().to_owned(),
        is_right: said["echoes"].as_bool().unwrap(),
    }
}
