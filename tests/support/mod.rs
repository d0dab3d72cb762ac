//! What the tests share: the server as a child process, FTP spoken line by line, and real clients.

mod client;
mod defects;
mod http;
mod log;
mod logins;
mod permitted;
mod programs;
mod server;
mod storage;
mod terminal;
mod transcript;
mod trees;

pub use client::{Client, Reply, Stream, port_command};
pub use defects::{Engine, known_defect, retry_handshake};
pub use http::{ADMIN, Api, READ_ONLY, metric, metrics, request};
pub use log::{Line, Log};
pub use logins::{login, login_from, not_now};
pub use permitted::{skipped, unshare};
pub use programs::{Program, Started, Way, client_script, curl, installed, lftp, python, url_host};
pub use server::{Running, SILENCE, Setup, unless_defective, wharf};
pub use storage::{S3, closed_port, fresh_prefix, on_demand, s3_backend};
pub use terminal::{Seen, at_a_terminal};
pub use transcript::perform;
pub use trees::{assert_same_file, assert_same_tree, write_big_file, write_tree};

use std::time::{Duration, Instant};

pub use wharf_testing::certificates::Certificates;
pub use wharf_testing::noise;

/// How long anything may take that should happen at once. Generous, because the machine may be busy; a test that
/// runs into it fails.
pub const SOON: Duration = Duration::from_secs(60);

/// Demands the same bytes, and shows where they differ instead of all of them.
#[track_caller]
pub fn assert_bytes(found: &[u8], expected: &[u8]) {
    let differ = found.iter().zip(expected).position(|(a, b)| a != b);
    assert!(
        found == expected,
        "{} bytes instead of {}, the first difference at {differ:?}",
        found.len(),
        expected.len()
    );
}

/// More than the sockets of both sides buffer: when it is written, the server has stored a part of it.
pub fn more_than_is_buffered() -> Vec<u8> {
    noise(24 << 20, 3)
}

/// Looks again and again for what nothing tells of.
#[track_caller]
pub fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !happened() {
        assert!(Instant::now() < deadline, "it never happened: {what}");
        std::thread::yield_now();
    }
}
