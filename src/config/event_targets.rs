//! Events: where they are kept, and who is told.

use std::path::PathBuf;
use std::time::Duration;

use glob::Pattern;
use wharf_backends::StoragePath;
use wharf_backends::object::Authorities;

use super::Secret;
use super::checked::Rate;

/// What is told of what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// Where they are kept until they are delivered.
    pub spool: EventSpool,
    /// How many bytes that may take.
    pub spool_size: u64,
    /// Whether what is kept in a directory survives the loss of power.
    pub sync: bool,
    /// The name of this server.
    pub node: String,
    /// Names of files that are not complete.
    pub partial_names: Vec<Pattern>,
    /// How long such a file waits for its name.
    pub partial_wait: Duration,
    /// Who is told; never empty, at most [`MOST_TARGETS`](Self::MOST_TARGETS), and names are unique.
    pub to: Vec<EventTarget>,
}

/// Where events are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSpool {
    /// In an existing directory of this machine.
    Directory(PathBuf),
    /// Below a path of a backend, which other servers may share.
    Bucket {
        /// The name of the backend.
        backend: String,
        /// A directory there that no known user reaches.
        path: StoragePath,
    },
}

impl Events {
    /// The most that can be told.
    pub const MOST_TARGETS: usize = 64;
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTarget {
    /// A name for people, and for the spool.
    pub name: String,
    /// How.
    pub way: EventWay,
    /// Patterns of kinds.
    pub on: Vec<Pattern>,
    /// Patterns of paths; empty: all.
    pub paths: Vec<Pattern>,
    /// Patterns of users; empty: all.
    pub users: Vec<Pattern>,
    /// So many events at once.
    pub at_once: usize,
    /// So many in a time; `None`: any number.
    pub rate: Option<Rate>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The pause before the first repetition.
    pub pause: Duration,
    /// How long an event is tried.
    pub retry_for: Duration,
}

/// How somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventWay {
    /// By a request.
    Webhook(Webhook),
    /// By a program with its arguments, of which there is at least its path.
    Command(Vec<String>),
}

/// A request for each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it goes.
    pub url: String,
    /// The keys of its signatures, which are base64 behind `whsec_`.
    pub secrets: Vec<Secret>,
    /// The bearer token by which the receiver knows Wharf.
    pub token: Option<Secret>,
    /// Whether the attributes stand in headers.
    pub binary: bool,
    /// Those who are trusted to know the receiver; `None`: whom the system trusts.
    pub authorities: Option<Authorities>,
}
