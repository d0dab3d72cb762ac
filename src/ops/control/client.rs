//! Asks a running server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{Answer, Request};

/// The longest answer, in bytes.
const ANSWER_SIZE: u64 = 64 * 1024 * 1024;

/// Asks the server that listens there, and waits for its answer for so long.
///
/// # Errors
/// If nobody answers in time, or not as a server does.
pub fn ask(socket: &Path, request: &Request, patience: Duration) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(patience))?;
    stream.set_read_timeout(Some(patience))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(ANSWER_SIZE)).read_line(&mut answer).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "no answer in time"),
        _ => error,
    })?;
    Ok(serde_json::from_str(&answer)?)
}
