//! The description of files for clients: lines of LIST, facts of MLSD and MLST, times.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use wharf_backends::{EntryKind, Metadata};

use crate::listing_time::ListingTime;
use crate::visit::Permissions;

/// The time of entries without one, such as a prefix of a bucket. Clients expect a date; with 1970, or "now" at each
/// look, they would think that the entry changed.
static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

bitflags::bitflags! {
    /// The facts that a client wants (OPTS MLST; RFC 3659, section 7.9).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Facts: u8 {
        const TYPE = 1;
        const SIZE = 1 << 1;
        const MODIFY = 1 << 2;
        const PERM = 1 << 3;
        const UNIQUE = 1 << 4;
        const UNIX_MODE = 1 << 5;
    }
}

impl Facts {
    /// All facts, by their names in the order in which they are shown.
    pub(super) const NAMES: [(&'static str, Self); 6] = [
        ("type", Self::TYPE),
        ("size", Self::SIZE),
        ("modify", Self::MODIFY),
        ("perm", Self::PERM),
        ("unique", Self::UNIQUE),
        ("UNIX.mode", Self::UNIX_MODE),
    ];

    /// The known facts of a client's list: `type;size;`.
    pub(super) fn parse(list: &str) -> Self {
        let known =
            |name: &str| Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        list.split(';').filter_map(known).map(|(_, fact)| *fact).collect()
    }

    /// All facts, the wanted ones with an asterisk (RFC 3659, section 7.8).
    pub(super) fn feature(self) -> String {
        Self::NAMES.iter().fold("MLST ".to_owned(), |mut line, (name, fact)| {
            let mark = if self.contains(*fact) { "*" } else { "" };
            let _ = write!(line, "{name}{mark};");
            line
        })
    }

    /// The names of these.
    pub(super) fn names(self) -> String {
        let names = Self::NAMES.iter().filter(|(_, fact)| self.contains(*fact));
        names.map(|(name, _)| format!("{name};")).collect()
    }
}

/// A time in the form of RFC 3659, section 2.3: `YYYYMMDDHHMMSS` in UTC. `None` for years without four digits.
pub(super) fn time(modified: SystemTime) -> Option<String> {
    let time = DateTime::<Utc>::from(modified);
    let year = u64::try_from(time.year()).ok().filter(|year| *year <= 9999)?;
    let mut text = String::with_capacity(14);
    put_number(&mut text, year, 4, b'0');
    for part in [time.month(), time.day(), time.hour(), time.minute(), time.second()] {
        put_number(&mut text, part.into(), 2, b'0');
    }
    Some(text)
}

/// Appends a number that takes at least so many columns. Listings have hundreds of thousands of numbers, and `format!` takes
/// several times as long.
fn put_number(text: &mut String, mut number: u64, columns: usize, fill: u8) {
    let mut digits = [fill; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let first = first.min(digits.len().saturating_sub(columns));
    text.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// The time of such a text, with or without a fraction of a second.
pub(super) fn parse_time(text: &str) -> Option<SystemTime> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.len() != 14 || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(seconds, "%Y%m%d%H%M%S").ok()?.and_utc();
    let nanos: u64 = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)).parse().ok()?;
    Some(SystemTime::from(time) + Duration::from_nanos(nanos))
}

/// The time of a file, for MDTM.
pub(super) fn time_of(metadata: &Metadata) -> Option<String> {
    time(metadata.modified.unwrap_or(*STARTED))
}

fn mode(metadata: &Metadata, permissions: Permissions) -> u32 {
    let may = |permission, mode| if permissions.contains(permission) { mode } else { 0 };
    match metadata.kind {
        EntryKind::Directory => may(Permissions::LIST, 0o555) | may(Permissions::UPLOAD, 0o200),
        EntryKind::File | EntryKind::Other => {
            may(Permissions::DOWNLOAD, 0o444) | may(Permissions::OVERWRITE, 0o200)
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The English names of `ls`, whatever the language of the machine.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The beginning of a line of LIST, up to the name.
pub(super) fn long(metadata: &Metadata, permissions: Permissions, listing_time: &ListingTime) -> String {
    let kind = match metadata.kind {
        // Clients that remove or copy a tree would otherwise follow the link, out of the tree.
        _ if metadata.is_link => 'l',
        EntryKind::Directory => 'd',
        EntryKind::File | EntryKind::Other => '-',
    };
    let mode = mode(metadata, permissions);
    let bits = (0..9).rev().map(|bit| if mode >> bit & 1 == 1 { b"xwr"[bit % 3] as char } else { '-' });
    let modified = metadata.modified.unwrap_or(*STARTED);
    let time = listing_time.clock_at(modified);
    // The year replaces the hour if the reader could take the date for one of this year.
    let recent = match SystemTime::now().duration_since(modified) {
        Ok(age) => age < 180 * DAY,
        Err(ahead) => ahead.duration() <= DAY,
    };
    let mut line = String::with_capacity(64);
    line.push(kind);
    line.extend(bits);
    line.push_str(" 1 ftp ftp ");
    put_number(&mut line, metadata.size, 13, b' ');
    line.push(' ');
    line.push_str(MONTHS[time.month0() as usize]);
    line.push(' ');
    put_number(&mut line, time.day().into(), 2, b' ');
    line.push(' ');
    match recent {
        true => {
            put_number(&mut line, time.hour().into(), 2, b'0');
            line.push(':');
            put_number(&mut line, time.minute().into(), 2, b'0');
        }
        false => {
            let _ = write!(line, "{:>5}", time.year());
        }
    }
    line.push(' ');
    line
}

/// The facts of an entry, followed by a space (RFC 3659, section 7.2).
pub(super) fn facts(metadata: &Metadata, identity: &str, permissions: Permissions, wanted: Facts) -> String {
    let mut facts = String::with_capacity(96);
    let directory = metadata.is_directory();
    if wanted.contains(Facts::TYPE) {
        match metadata.kind {
            _ if metadata.is_link => {
                // RFC 3659, section 7.5.1.5.
                let target =
                    metadata.link_target.as_deref().filter(|target| target.bytes().all(is_in_a_fact));
                let _ = write!(facts, "type=OS.unix=slink:{};", target.unwrap_or_default());
            }
            EntryKind::Directory => facts.push_str("type=dir;"),
            EntryKind::File => facts.push_str("type=file;"),
            EntryKind::Other => facts.push_str("type=OS.unix=other;"),
        }
    }
    // Clients compare facts: no value is better than a wrong one.
    let wanted = if metadata.is_unseen { wanted - Facts::SIZE - Facts::MODIFY } else { wanted };
    if wanted.contains(Facts::SIZE) && !directory {
        facts.push_str("size=");
        put_number(&mut facts, metadata.size, 1, b'0');
        facts.push(';');
    }
    if wanted.contains(Facts::MODIFY)
        && let Some(time) = time_of(metadata)
    {
        facts.push_str("modify=");
        facts.push_str(&time);
        facts.push(';');
    }
    if wanted.contains(Facts::PERM) {
        // What is kept of an upload can be gone on with and removed (RFC 3659, section 7.5.5).
        let refused = Permissions::DOWNLOAD | Permissions::RENAME;
        let permissions = if metadata.is_partial { permissions - refused } else { permissions };
        let _ = write!(facts, "perm={};", perm(directory, permissions));
    }
    if wanted.contains(Facts::UNIQUE) {
        let _ = write!(facts, "unique={:016x};", fingerprint(identity));
    }
    if wanted.contains(Facts::UNIX_MODE) {
        let _ = write!(facts, "UNIX.mode=0{:03o};", mode(metadata, permissions));
    }
    facts.push(' ');
    facts
}

/// Whether a byte is allowed in the value of a fact (SCHAR of RFC 3659, section 2.2): a blank would end the facts.
fn is_in_a_fact(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b",.:!@#$%^&()-_+?/\\'\"=".contains(&byte)
}

/// What the user may do with it, in the letters of RFC 3659, section 7.5.5.
fn perm(directory: bool, permissions: Permissions) -> String {
    let letters: &[(char, Permissions)] = if directory {
        &[
            ('c', Permissions::UPLOAD),
            ('d', Permissions::DELETE),
            ('e', Permissions::empty()),
            ('f', Permissions::RENAME),
            ('l', Permissions::LIST),
            ('m', Permissions::MKDIR),
            ('p', Permissions::DELETE),
        ]
    } else {
        &[
            ('a', Permissions::OVERWRITE),
            ('d', Permissions::DELETE),
            ('f', Permissions::RENAME),
            ('r', Permissions::DOWNLOAD),
            ('w', Permissions::OVERWRITE),
        ]
    };
    letters.iter().filter(|(_, needed)| permissions.contains(*needed)).map(|(letter, _)| *letter).collect()
}

/// The same for the same path, in this process and in later ones.
fn fingerprint(identity: &str) -> u64 {
    // FNV-1a: the value only has to differ, and to stay the same in the next versions of the program.
    identity
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
