//! The work that is measured with a store far away.

use crate::measure::megabytes;
use crate::object::{Figure, Files, Job, Target};
use crate::place::small_name;
use crate::rows::{Better, bytes, count};
use crate::sizes::Sizes;

/// A piece of work that each front does in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    Stor,
    Retr,
    Up,
    Down,
    SessionsUp,
    SessionsDown,
    List,
    ListMany,
    Rename,
    Delete,
    MirrorUp,
    MirrorDown,
}

impl Trip {
    pub const ALL: [Self; 12] = [
        Self::Stor,
        Self::Retr,
        Self::Up,
        Self::Down,
        Self::SessionsUp,
        Self::SessionsDown,
        Self::List,
        Self::ListMany,
        Self::Rename,
        Self::Delete,
        Self::MirrorUp,
        Self::MirrorDown,
    ];

    /// Whether it changes something; it gets a bucket of its own then.
    pub fn changes(self) -> bool {
        match self {
            Self::Stor | Self::Up | Self::SessionsUp | Self::Rename | Self::Delete | Self::MirrorUp => true,
            Self::Retr | Self::Down | Self::SessionsDown | Self::List | Self::ListMany | Self::MirrorDown => {
                false
            }
        }
    }

    /// Whether lftp does it.
    pub fn is_mirror(self) -> bool {
        matches!(self, Self::MirrorUp | Self::MirrorDown)
    }

    /// Whether curl can do the same without a server: S3 has no rename, and curl no mirror.
    pub fn suits_curl(self) -> bool {
        self != Self::Rename && !self.is_mirror()
    }

    /// The files that are moved, if that is the work.
    pub fn files(self, sizes: &Sizes) -> Option<Files> {
        let (up, small, far) = (self.changes(), sizes.objects.small as u64, &sizes.far);
        let files = match self {
            Self::Stor | Self::Retr => {
                Files { up, clients: 1, each: 1, size: sizes.big, name: |_, _| "big".to_owned() }
            }
            Self::Up | Self::Down => {
                let name = |_, number| small_name(number);
                Files { up, clients: 1, each: far.files, size: small, name }
            }
            Self::SessionsUp | Self::SessionsDown => {
                let name = |client, number| format!("session-{client}-{number}");
                Files { up, clients: far.sessions, each: far.session_files, size: small, name }
            }
            _ => return None,
        };
        Some(files)
    }

    /// Entries of the directory that is listed.
    pub fn entries(self, sizes: &Sizes) -> usize {
        if self == Self::ListMany { sizes.far.many } else { sizes.far.keys }
    }

    /// What requests are counted for: each file, or all of the work.
    pub fn pieces(self, sizes: &Sizes) -> usize {
        let far = &sizes.far;
        match self {
            Self::Stor | Self::Retr | Self::List | Self::ListMany => 1,
            Self::Up | Self::Down => far.files,
            Self::SessionsUp | Self::SessionsDown => far.sessions * far.session_files,
            Self::Rename => far.renamed,
            Self::Delete => far.deleted,
            Self::MirrorUp | Self::MirrorDown => far.tree(),
        }
    }

    /// The figure of a piece of work that took so many seconds.
    pub fn speed(self, sizes: &Sizes, time: f64) -> f64 {
        match (self, self.files(sizes)) {
            (Self::Stor | Self::Retr, _) => megabytes(sizes.big) / time,
            (_, Some(files)) => files.count() as f64 / time,
            (_, None) => time,
        }
    }
}

impl Job for Trip {
    fn id(self) -> &'static str {
        match self {
            Self::Stor => "far-stor",
            Self::Retr => "far-retr",
            Self::Up => "far-up",
            Self::Down => "far-down",
            Self::SessionsUp => "far-sessions-up",
            Self::SessionsDown => "far-sessions-down",
            Self::List => "far-list",
            Self::ListMany => "far-list-many",
            Self::Rename => "far-rename",
            Self::Delete => "far-delete",
            Self::MirrorUp => "far-mirror-up",
            Self::MirrorDown => "far-mirror-down",
        }
    }

    fn title(self, figure: Figure, sizes: &Sizes) -> String {
        let (far, small) = (&sizes.far, bytes(sizes.objects.small as u64));
        let (files, tree) = (count(far.files), count(far.tree()));
        let sessions =
            format!("{} sessions, each {} files of {small}", count(far.sessions), count(far.session_files));
        // What is done, its unit, and what of it requests are counted for.
        let (what, unit, piece) = match self {
            Self::Stor => (format!("STOR {}", bytes(sizes.big)), "MB/s", None),
            Self::Retr => (format!("RETR {}", bytes(sizes.big)), "MB/s", None),
            Self::Up => (format!("{files} files of {small} up"), "files/s", Some("small file up")),
            Self::Down => (format!("{files} files of {small} down"), "files/s", Some("small file down")),
            Self::SessionsUp => (format!("{sessions} up"), "files/s", Some("file of the sessions up")),
            Self::SessionsDown => (format!("{sessions} down"), "files/s", Some("file of the sessions down")),
            Self::List | Self::ListMany => {
                (format!("LIST of {} keys", count(self.entries(sizes))), "s (less is better)", None)
            }
            Self::Rename => {
                let what = format!("RNTO of a directory of {} files", count(far.renamed));
                (what, "s (less is better)", Some("file of the renamed directory"))
            }
            Self::Delete => {
                (format!("{} times DELE", count(far.deleted)), "s (less is better)", Some("DELE"))
            }
            Self::MirrorUp => {
                let what = format!("lftp: mirror -R, {tree} files of {small}");
                (what, "s (less is better)", Some("file of mirror -R"))
            }
            Self::MirrorDown => {
                let what = format!("lftp: mirror, {tree} files of {small}");
                (what, "s (less is better)", Some("file of mirror"))
            }
        };
        match (figure, piece) {
            (Figure::Requests, Some(piece)) => format!("requests for each {piece}"),
            (Figure::Requests, None) => format!("requests for {what}"),
            (Figure::Memory, _) => format!("peak memory, {what}, MiB"),
            (Figure::Speed | Figure::ServerTime | Figure::StoreTime, _) => format!("{what}, {unit}"),
        }
    }

    fn gives(self, figure: Figure) -> bool {
        match figure {
            Figure::Speed | Figure::Requests => true,
            Figure::Memory => matches!(self, Self::Stor | Self::Retr),
            // The store is not what is looked at, and the line itself works in this process.
            Figure::ServerTime | Figure::StoreTime => false,
        }
    }

    fn better(self, figure: Figure) -> Better {
        match (figure, self) {
            (Figure::Speed, Self::Stor | Self::Retr | Self::Up | Self::Down) => Better::More,
            (Figure::Speed, Self::SessionsUp | Self::SessionsDown) => Better::More,
            _ => Better::Less,
        }
    }

    fn target(self, _: Figure) -> Target {
        Target::default()
    }
}

#[cfg(test)]
#[path = "trip_tests.rs"]
mod tests;
