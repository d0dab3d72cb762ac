//! The socket on which the running server is told what to do (`server.control`): by its own account, or by root.
//!
//! A connection is for one request: a line of JSON in, and a line out. A command is a file and a row of `ROWS`, and a file of
//! `src/cli` that asks for it:
//!
//! ```text
//! > {"command":"reload"}
//! < {"status":0,"text":"the configuration was read again: …","data":null}
//! ```
//!
//! `status` is the exit status of the program that asked, `text` what it prints, and `data` is for programs.

pub mod client;
mod drain;
mod events;
mod kick;
mod lockouts;
mod reload;
mod sessions;
mod socket;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

pub use self::drain::{EXIT, RESUME};
pub use self::events::{DROP, RETRY, WAITING};
pub use self::kick::{SESSIONS, USER};
pub use self::lockouts::{END_SESSIONS, FOR, LIFT, LIFT_ALL, LOCK};
pub use self::socket::{Bound, bind};
pub use self::uploads::{BACKEND, OWNER, REMOVE};
pub use super::admin::Desk;
use super::admin::Trouble;

/// The longest request, in bytes.
const REQUEST_SIZE: u64 = 64 * 1024;

/// How long a request may take to arrive, and its answer to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most requests at a time.
const REQUESTS: usize = 16;

/// A command: its row of the table.
struct Row {
    name: &'static str,
    run: fn(Arc<Desk>, Request) -> BoxFuture<'static, Answer>,
}

/// All commands.
const ROWS: &[Row] =
    &[reload::ROW, lockouts::ROW, sessions::ROW, kick::ROW, drain::ROW, events::ROW, uploads::ROW];

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The name of the command.
    pub command: String,
    /// What else the command has to know.
    #[serde(flatten)]
    pub arguments: serde_json::Map<String, Value>,
}

impl Request {
    /// A request for this command, which has to know nothing else.
    pub fn of(command: &str) -> Self {
        Self { command: command.to_owned(), arguments: serde_json::Map::new() }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The exit status of whoever asked: 0 success, 1 failure, 2 something is wrong with the request or the configuration.
    pub status: u8,
    /// For people.
    pub text: String,
    /// For programs.
    #[serde(default)]
    pub data: Value,
}

impl Answer {
    fn fine(text: impl ToString) -> Self {
        Self { status: 0, text: text.to_string(), data: Value::Null }
    }

    fn failed(text: impl ToString) -> Self {
        Self { status: 1, ..Self::fine(text) }
    }

    fn unusable(text: impl ToString) -> Self {
        Self { status: 2, ..Self::fine(text) }
    }
}

impl From<Trouble> for Answer {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Invalid(text) => Self::unusable(text),
            other => Self::failed(other),
        }
    }
}

/// Serves requests until it is dropped.
pub async fn serve(bound: Bound, desk: Arc<Desk>) {
    let path = bound.path().display().to_string();
    let listener = match UnixListener::from_std(bound.into_listener()) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(path, %error, "can't be told anything on the control socket");
            return;
        }
    };
    tracing::info!(path, "listening for commands");
    let places = Arc::new(Semaphore::new(REQUESTS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, desk).await {
                        tracing::debug!(%error, "a request on the control socket came to nothing");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "can't accept a connection on the control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, desk: Arc<Desk>) -> std::io::Result<()> {
    // The mode of the socket lets nobody else in; a directory above it may have been shared by mistake, and modes by root.
    let asker = stream.peer_cred()?.uid();
    let answer = if asker == 0 || asker == rustix::process::geteuid().as_raw() {
        let mut line = String::new();
        let mut reader = BufReader::new((&mut stream).take(REQUEST_SIZE));
        tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await??;
        carry_out(&line, desk).await
    } else {
        Answer::failed("only the account of the server, and root, may tell it what to do")
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    tokio::time::timeout(PATIENCE, stream.write_all(line.as_bytes())).await??;
    Ok(())
}

async fn carry_out(line: &str, desk: Arc<Desk>) -> Answer {
    let request: Request = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return Answer::unusable(format!("this is no request: {error}")),
    };
    match ROWS.iter().find(|row| row.name == request.command) {
        Some(row) => (row.run)(desk, request).await,
        None => Answer::unusable(format!("this server knows no command {:?}", request.command)),
    }
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
