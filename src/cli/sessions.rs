//! Sessions for people: what `wharf ps` and `wharf top` show.

use serde::Deserialize;
use serde_json::Value;

use crate::unseen::turns_text;

/// The answer of a server.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sessions {
    pub(super) sessions: Vec<Session>,
    pub(super) count: usize,
    #[serde(default)]
    pub(super) is_draining: bool,
    /// Replicas that did not answer.
    #[serde(default)]
    pub(super) away: Vec<u16>,
}

/// A session, as far as it is shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Session {
    session: u64,
    #[serde(default)]
    replica: Option<u16>,
    user: Option<String>,
    peer: String,
    connected_seconds: f64,
    idle_seconds: f64,
    is_encrypted: bool,
    last_command: Option<String>,
    pub(super) transfer: Option<Transfer>,
}

/// A transfer under way.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Transfer {
    pub(super) direction: String,
    path: String,
    offset_bytes: u64,
    bytes: u64,
    size_bytes: Option<u64>,
    pub(super) bytes_per_second: f64,
}

impl Sessions {
    /// Which replicas are not in it, in a sentence.
    pub(super) fn but_for(&self) -> Option<String> {
        let away: Vec<_> = self.away.iter().map(ToString::to_string).collect();
        let which = match away.as_slice() {
            [] => return None,
            [one] => format!("replica {one} does"),
            _ => format!("replicas {} do", away.join(", ")),
        };
        Some(format!("{which} not answer; sessions there are not shown"))
    }

    /// What a server has answered; nothing if it can't be read.
    pub(super) fn of(data: &Value) -> Self {
        Self::deserialize(data).unwrap_or_default()
    }
}

impl Transfer {
    /// The part of the file that is there, in hundredths.
    fn percent(&self) -> Option<u64> {
        let size = self.size_bytes.filter(|size| *size > 0)?;
        Some((self.offset_bytes + self.bytes).min(size) * 100 / size)
    }

    fn shown(&self) -> String {
        let percent = self.percent().map_or_else(String::new, |percent| format!(" {percent}%"));
        let (bytes, rate) = (size(self.bytes as f64), size(self.bytes_per_second));
        format!("{}{percent} {bytes} {rate}/s {}", self.direction, clean(&self.path))
    }
}

/// A table with a head, whose lines are no longer than `width`.
pub(super) fn table(sessions: &[Session], width: Option<usize>) -> Vec<String> {
    let has_replicas = sessions.iter().any(|session| session.replica.is_some());
    let mut head = vec!["SESSION", "USER", "PEER", "TLS", "SINCE", "IDLE", "DOES"];
    if has_replicas {
        head.insert(1, "REPLICA");
    }
    let columns = head.len();
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for session in sessions {
        let does = match &session.transfer {
            Some(transfer) => transfer.shown(),
            None => clean(session.last_command.as_deref().unwrap_or("-")),
        };
        let mut row = vec![
            session.session.to_string(),
            session.user.as_deref().map_or_else(|| "-".to_owned(), clean),
            session.peer.clone(),
            if session.is_encrypted { "yes" } else { "no" }.to_owned(),
            span(session.connected_seconds),
            if session.transfer.is_some() { "-".to_owned() } else { span(session.idle_seconds) },
            does,
        ];
        if has_replicas {
            row.insert(1, session.replica.map_or_else(|| "-".to_owned(), |replica| replica.to_string()));
        }
        rows.push(row);
    }
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns - 1).map(wide).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        line.push_str(&row[columns - 1]);
        match width {
            Some(width) => line.chars().take(width).collect(),
            None => line,
        }
    };
    rows.iter().map(line).collect()
}

/// Without what would move the cursor, or turn the direction of the text.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || turns_text(c) { '\u{fffd}' } else { c }).collect()
}

/// A size as people read it.
pub(super) fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes.max(0.0), 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{value:.0} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

/// A time in its two largest units.
fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_fits_and_moves_no_cursor() {
        let mut session = json!({
            "session": 7, "user": "anna\u{1b}[2J", "peer": "192.0.2.7:4242", "connected_seconds": 3725.5,
            "idle_seconds": 0, "is_encrypted": true, "last_command": "STOR", "transfer": {
                "direction": "upload", "path": "/in\u{202e}a", "offset_bytes": 50, "bytes": 25, "size_bytes": 100,
                "bytes_per_second": 2_621_440.0,
            },
        });
        let answer = json!({ "sessions": [session.clone()], "count": 1, "next": null, "is_draining": false });
        let lines = table(&Sessions::of(&answer).sessions, None);
        assert_eq!(
            lines,
            [
                "SESSION  USER      PEER            TLS  SINCE  IDLE  DOES",
                "7        anna\u{fffd}[2J  192.0.2.7:4242  yes  1h02m  -     upload 75% 25 B 2.5 MiB/s /in\u{fffd}a",
            ]
        );
        session["replica"] = json!(2);
        let answer = json!({ "sessions": [session.clone()], "count": 1, "away": [0, 1] });
        let lines = table(&Sessions::of(&answer).sessions, Some(24));
        assert_eq!(lines, ["SESSION  REPLICA  USER  ", "7        2        anna\u{fffd}["]);
        let but_for = Sessions::of(&answer).but_for().unwrap();
        assert_eq!(but_for, "replicas 0, 1 do not answer; sessions there are not shown");
        session["transfer"] = Value::Null;
        session["idle_seconds"] = json!(61.0);
        let answer = json!({ "sessions": [session], "count": 1 });
        let lines = table(&Sessions::of(&answer).sessions, Some(40));
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:?}");
        assert_eq!([span(0.9), span(90_000.0), size(1023.0)], ["0s", "1d01h", "1023 B"]);
    }
}
