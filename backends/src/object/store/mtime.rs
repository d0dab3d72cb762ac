//! The time of a file, kept as metadata of its object in the form that rclone reads and writes.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};

/// The name of the metadata.
pub(crate) const NAME: &str = "mtime";

/// The end of the year 9999: later times have no form in FTP.
const LAST: u64 = 253_402_300_799;

/// How a time is written, by the kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As seconds since 1970.
    Seconds,
    /// As RFC 3339 has it.
    Rfc3339,
}

/// The metadata for a time; `None` for a time before 1970 that seconds would have to express.
pub(crate) fn format(form: Form, time: SystemTime) -> Option<String> {
    match form {
        Form::Seconds => {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(match since.subsec_nanos() {
                0 => since.as_secs().to_string(),
                nanos => format!("{}.{nanos:09}", since.as_secs()),
            })
        }
        Form::Rfc3339 => Some(DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    }
}

/// The time that metadata holds, in either form; `None` if it is no time.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.into());
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Four digits more than any time that can be shown.
    if seconds.is_empty() || seconds.len() > 15 || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    if seconds > LAST {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9.9}").parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(test)]
#[path = "mtime_tests.rs"]
mod tests;
