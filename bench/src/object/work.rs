//! The work that is measured with an object store, and its figures.

use super::files::Files;
use crate::measure::megabytes;
use crate::place::small_name;
use crate::rows::{Better, bytes, count};
use crate::sizes::Sizes;

/// A piece of work that each front does in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Stor,
    Retr,
    Up,
    Down,
    ClientsUp,
    ClientsDown,
    List,
}

/// The figures of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    Speed,
    /// Processor time of the server, or of curl, and of the store, in seconds: other programs on the machine change it
    /// little.
    ServerTime,
    StoreTime,
    /// Of the server that stands between client and store, at its highest, in MiB.
    Memory,
    /// Requests that came to the store.
    Requests,
}

/// How many times as good as the others Wharf is meant to be, at least.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Target {
    pub rclone: Option<f64>,
    pub curl: Option<f64>,
}

/// A row of a table of object stores.
pub trait Job: Copy + PartialEq {
    /// As it is written on the command line.
    fn id(self) -> &'static str;
    fn title(self, figure: Figure, sizes: &Sizes) -> String;
    fn gives(self, figure: Figure) -> bool;
    fn better(self, figure: Figure) -> Better;
    fn target(self, figure: Figure) -> Target;
}

impl Work {
    pub const ALL: [Self; 7] =
        [Self::Stor, Self::Retr, Self::Up, Self::Down, Self::ClientsUp, Self::ClientsDown, Self::List];

    /// Whether it writes; it gets a bucket of its own then.
    pub fn uploads(self) -> bool {
        matches!(self, Self::Stor | Self::Up | Self::ClientsUp)
    }

    /// The files that are moved, if that is the work; requests are reported for each of them.
    pub fn files(self, sizes: &Sizes) -> Option<Files> {
        let (up, objects) = (self.uploads(), &sizes.objects);
        let files = match self {
            Self::Stor | Self::Retr => {
                Files { up, clients: 1, each: 1, size: sizes.big, name: |_, _| "big".to_owned() }
            }
            Self::Up | Self::Down => Files {
                up,
                clients: 1,
                each: objects.small_files,
                size: objects.small as u64,
                name: |_, number| small_name(number),
            },
            Self::ClientsUp | Self::ClientsDown => Files {
                up,
                clients: objects.clients,
                each: objects.client_files,
                size: objects.client_file as u64,
                name: |client, number| format!("client-{client}-{number}"),
            },
            Self::List => return None,
        };
        Some(files)
    }

    /// The figure of a piece of work that took so many seconds.
    pub fn speed(self, sizes: &Sizes, time: f64) -> f64 {
        match self.files(sizes) {
            None => time,
            Some(files) if matches!(self, Self::Up | Self::Down) => files.count() as f64 / time,
            Some(files) => megabytes(files.bytes()) / time,
        }
    }
}

impl Job for Work {
    fn id(self) -> &'static str {
        match self {
            Self::Stor => "object-stor",
            Self::Retr => "object-retr",
            Self::Up => "object-up",
            Self::Down => "object-down",
            Self::ClientsUp => "object-clients-up",
            Self::ClientsDown => "object-clients-down",
            Self::List => "object-list",
        }
    }

    fn gives(self, figure: Figure) -> bool {
        match figure {
            Figure::Speed => true,
            Figure::ServerTime => matches!(self, Self::Stor | Self::Retr | Self::Up | Self::Down),
            Figure::StoreTime => matches!(self, Self::Stor | Self::Retr),
            Figure::Memory => matches!(self, Self::Stor | Self::Retr | Self::ClientsUp | Self::ClientsDown),
            Figure::Requests => matches!(self, Self::Stor | Self::Retr | Self::Up | Self::Down | Self::List),
        }
    }

    fn target(self, figure: Figure) -> Target {
        match (self, figure) {
            (Self::Stor, Figure::Speed) => Target { rclone: Some(2.0), curl: Some(0.9) },
            (Self::Retr, Figure::Speed) => Target { rclone: None, curl: Some(0.9) },
            (Self::Up | Self::Down, Figure::Speed) => Target { rclone: Some(2.0), curl: None },
            _ => Target::default(),
        }
    }

    fn better(self, figure: Figure) -> Better {
        match (self, figure) {
            (Self::List, _) => Better::Less,
            (_, Figure::Speed) => Better::More,
            _ => Better::Less,
        }
    }

    fn title(self, figure: Figure, sizes: &Sizes) -> String {
        let (big, objects) = (bytes(sizes.big), &sizes.objects);
        let small = format!("{} files of {}", count(objects.small_files), bytes(objects.small as u64));
        let clients = format!(
            "{} clients at once, each {} files of {}",
            count(objects.clients),
            count(objects.client_files),
            bytes(objects.client_file as u64)
        );
        let list = format!("LIST of {} entries", count(objects.entries));
        match (figure, self) {
            (Figure::Speed, Self::Stor) => format!("STOR {big}, MB/s"),
            (Figure::Speed, Self::Retr) => format!("RETR {big}, MB/s"),
            (Figure::Speed, Self::Up) => format!("{small} up, files/s"),
            (Figure::Speed, Self::Down) => format!("{small} down, files/s"),
            (Figure::Speed, Self::ClientsUp) => format!("{clients} up, MB/s"),
            (Figure::Speed, Self::ClientsDown) => format!("{clients} down, MB/s"),
            (Figure::Speed, Self::List) => format!("{list}, s (less is better)"),
            (Figure::ServerTime, Self::Stor) => format!("processor time of the server, STOR {big}, s"),
            (Figure::ServerTime, Self::Retr) => format!("processor time of the server, RETR {big}, s"),
            (Figure::ServerTime, Self::Up) => "processor time of the server, small files up, s".to_owned(),
            (Figure::ServerTime, _) => "processor time of the server, small files down, s".to_owned(),
            (Figure::StoreTime, Self::Stor) => format!("processor time of the store, STOR {big}, s"),
            (Figure::StoreTime, _) => format!("processor time of the store, RETR {big}, s"),
            (Figure::Memory, Self::ClientsUp) => "peak memory, those clients up, MiB".to_owned(),
            (Figure::Memory, Self::ClientsDown) => "peak memory, those clients down, MiB".to_owned(),
            (Figure::Memory, Self::Stor) => format!("peak memory, STOR {big}, MiB"),
            (Figure::Memory, _) => format!("peak memory, RETR {big}, MiB"),
            (Figure::Requests, Self::Stor) => format!("requests for STOR {big}"),
            (Figure::Requests, Self::Retr) => format!("requests for RETR {big}"),
            (Figure::Requests, Self::Up) => "requests for each small file up".to_owned(),
            (Figure::Requests, Self::List) => format!("requests for {list}"),
            (Figure::Requests, _) => "requests for each small file down".to_owned(),
        }
    }
}

impl Figure {
    pub const ALL: [Self; 5] = [Self::Speed, Self::ServerTime, Self::StoreTime, Self::Memory, Self::Requests];
}
