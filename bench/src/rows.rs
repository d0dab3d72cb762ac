//! The rows of the table.

use crate::servers::{Kind, Variant};
use crate::sizes::Sizes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Retr,
    RetrTls,
    Stor,
    StorSynced,
    StorTls,
    Up,
    UpSynced,
    Down,
    AppendSmall,
    AppendBig,
    Logins,
    LoginsHashed,
    LoginsRemembered,
    Sessions,
    List,
    ListFirst,
    Idle,
}

/// Which figures are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    More,
    Less,
}

impl Better {
    pub fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Self::More => one.max(other),
            Self::Less => one.min(other),
        }
    }

    /// How many times as good the one is as the other.
    pub fn ratio(self, one: f64, other: f64) -> f64 {
        match self {
            Self::More => one / other,
            Self::Less => other / one,
        }
    }
}

impl Row {
    pub const ALL: [Self; 17] = [
        Self::Retr,
        Self::RetrTls,
        Self::Stor,
        Self::StorSynced,
        Self::StorTls,
        Self::Up,
        Self::UpSynced,
        Self::Down,
        Self::AppendSmall,
        Self::AppendBig,
        Self::Logins,
        Self::LoginsHashed,
        Self::LoginsRemembered,
        Self::Sessions,
        Self::List,
        Self::ListFirst,
        Self::Idle,
    ];

    /// As it is written on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::Retr => "retr",
            Self::RetrTls => "retr-tls",
            Self::Stor => "stor",
            Self::StorSynced => "stor-synced",
            Self::StorTls => "stor-tls",
            Self::Up => "up",
            Self::UpSynced => "up-synced",
            Self::Down => "down",
            Self::AppendSmall => "append",
            Self::AppendBig => "append-big",
            Self::Logins => "logins",
            Self::LoginsHashed => "logins-hashed",
            Self::LoginsRemembered => "logins-remembered",
            Self::Sessions => "sessions",
            Self::List => "list",
            Self::ListFirst => "list-first",
            Self::Idle => "idle",
        }
    }

    pub fn title(self, sizes: &Sizes) -> String {
        let big = bytes(sizes.big);
        let small = format!("{} files of {}", count(sizes.small_files), bytes(sizes.small as u64));
        match self {
            Self::Retr => format!("RETR {big}, MB/s"),
            Self::RetrTls => format!("RETR {big} over TLS, MB/s"),
            Self::Stor => format!("STOR {big}, MB/s"),
            Self::StorSynced => format!("STOR {big}, `sync: true`, MB/s"),
            Self::StorTls => format!("STOR {big} over TLS, MB/s"),
            Self::Up => format!("{small} up, files/s"),
            Self::UpSynced => format!("{small} up, `sync: true`, files/s"),
            Self::Down => format!("{small} down, files/s"),
            Self::AppendSmall => format!("APPE of {} bytes to {}, /s", sizes.tail, bytes(sizes.log)),
            Self::AppendBig => format!("APPE of {} bytes to {big}, /s", sizes.tail),
            Self::Logins => format!("logins/s, {} at once", sizes.login_connections),
            Self::LoginsHashed => {
                format!("logins/s, {} at once, password checked by argon2id", sizes.login_connections)
            }
            Self::LoginsRemembered => {
                format!("logins/s, {} at once, password remembered after a check", sizes.login_connections)
            }
            Self::Sessions => format!(
                "{} sessions, each {} files of {} up and down, MB/s",
                count(sizes.sessions),
                count(sizes.session_files),
                bytes(sizes.session_file as u64)
            ),
            Self::List => format!("LIST of {} entries, s (less is better)", count(sizes.entries)),
            Self::ListFirst => {
                format!("first bytes of a LIST of {} entries, ms (less is better)", count(sizes.entries))
            }
            Self::Idle => {
                format!("memory of each of {} idle sessions, KiB (less is better)", count(sizes.idle))
            }
        }
    }

    pub fn better(self) -> Better {
        match self {
            Self::List | Self::ListFirst | Self::Idle => Better::Less,
            _ => Better::More,
        }
    }

    pub fn variant(self) -> Variant {
        Variant {
            tls: matches!(self, Self::RetrTls | Self::StorTls),
            sync: matches!(self, Self::StorSynced | Self::UpSynced),
            password: matches!(self, Self::LoginsHashed | Self::LoginsRemembered),
            remembers: self != Self::LoginsHashed,
        }
    }

    pub fn can_be_done_by(self, kind: Kind) -> bool {
        let Variant { tls, sync, password, .. } = self.variant();
        (kind.is_wharf() || !sync)
            && (kind.knows_argon2id() || !password)
            && (kind.has_explicit_tls() || !tls)
    }

    /// The row that holds what the others did: none of them waits for the disk, and few of their hashes are as expensive.
    pub fn compared_with(self) -> Self {
        match self {
            Self::StorSynced => Self::Stor,
            Self::UpSynced => Self::Up,
            Self::LoginsHashed | Self::LoginsRemembered => Self::Logins,
            other => other,
        }
    }
}

/// 10000 as 10,000.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("?")).collect();
    groups.join(",")
}

pub fn bytes(size: u64) -> String {
    match size {
        size if size.is_multiple_of(1 << 30) => format!("{} GiB", size >> 30),
        size if size.is_multiple_of(1 << 20) => format!("{} MiB", size >> 20),
        size => format!("{} KiB", size >> 10),
    }
}
