//! What an event is, and what is known of it at which time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wharf_backends::{EntryKind, Metadata};

use super::id::Id;

/// The kinds of events.
pub(crate) const KINDS: [&str; 11] = [
    STORED,
    REMOVED,
    RENAMED,
    DIRECTORY_CREATED,
    DIRECTORY_REMOVED,
    DIRECTORY_RENAMED,
    LOGIN_SUCCEEDED,
    LOGIN_FAILED,
    LOCKED_OUT,
    UPLOAD_FAILED,
    UPLOAD_INFECTED,
];
pub(crate) const STORED: &str = "file.stored";
pub(crate) const REMOVED: &str = "file.removed";
pub(crate) const RENAMED: &str = "file.renamed";
pub(crate) const DIRECTORY_CREATED: &str = "directory.created";
pub(crate) const DIRECTORY_REMOVED: &str = "directory.removed";
pub(crate) const DIRECTORY_RENAMED: &str = "directory.renamed";
pub(crate) const LOGIN_SUCCEEDED: &str = "login.succeeded";
pub(crate) const LOGIN_FAILED: &str = "login.failed";
pub(crate) const LOCKED_OUT: &str = "login.locked_out";
pub(crate) const UPLOAD_FAILED: &str = "upload.failed";
pub(crate) const UPLOAD_INFECTED: &str = "upload.infected";

/// What is known of an event before it happens, or when it is over: as it stands in the spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) id: Id,
    pub(crate) kind: String,
    /// In microseconds since 1970.
    pub(crate) time: u64,
    pub(crate) session: u64,
    pub(crate) user: String,
    pub(crate) peer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    pub(crate) engine: String,
    pub(crate) node: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Place>,
    /// Where it was before, of what got another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Place>,
    /// What is known of the file before it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Seen>,
    /// Why something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// What was locked out: `address` or `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locked: Option<String>,
    /// What a scanner has found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) finding: Option<Finding>,
}

/// What a scanner has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// As the scanner names it.
    pub(crate) name: String,
    pub(crate) scanner: String,
    /// Where a copy is, if one is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) copy: Option<String>,
}

/// A path of a user, and what it is in the backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    /// In the user's tree.
    pub(crate) path: String,
    pub(crate) backend: String,
    /// Where the mount stands in the user's tree.
    pub(crate) mount: String,
    /// In the backend.
    pub(crate) key: String,
}

/// What was seen under a path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    #[serde(default, with = "mark", skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<u128>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    pub(crate) size: u64,
    /// In microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<u64>,
    #[serde(default)]
    pub(crate) is_directory: bool,
}

impl Seen {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            mark: metadata.mark,
            version: metadata.version,
            size: metadata.size,
            modified: metadata.modified.map(micros),
            is_directory: metadata.kind == EntryKind::Directory,
        }
    }

    /// Whether both are the same file, as far as the backend distinguishes them.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self.mark, other.mark) {
            (Some(one), Some(other)) => one == other,
            _ => self.version.is_some() && self.version == other.version,
        }
    }

    /// Whether nobody has touched the file between both looks.
    pub(crate) fn is_untouched(&self, other: &Self) -> bool {
        self.mark == other.mark && self.version.is_some() && self.version == other.version
    }
}

/// What has to be asked of a storage to find out whether it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Whether an upload is finished: by its mark, or by what was there before, if that was looked at.
    Stored {
        #[serde(default, with = "mark", skip_serializing_if = "Option::is_none")]
        mark: Option<u128>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seen>,
        #[serde(default)]
        looked: bool,
    },
    /// Whether this is gone.
    Removed { before: Seen },
    /// Whether there is a directory now, where none was.
    Made,
    /// Whether this has its new name.
    Renamed { before: Seen },
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// In microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) e_tag: Option<String>,
    /// It can't be known whether it happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) uncertain: bool,
}

impl Outcome {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let (modified, e_tag) = (metadata.modified.map(micros), metadata.e_tag.clone());
        Self { size: Some(metadata.size), modified, e_tag, uncertain: false }
    }

    pub(crate) fn uncertain(self) -> Self {
        Self { uncertain: true, ..self }
    }
}

impl Draft {
    /// An event of what a session does now.
    pub(crate) fn new(kind: &str, by: &By<'_>) -> Self {
        let now = SystemTime::now();
        Self {
            id: Id::new(now),
            kind: kind.to_owned(),
            time: micros(now),
            session: by.session,
            user: by.user.to_owned(),
            peer: by.peer.to_string(),
            host: None,
            engine: by.engine.to_owned(),
            node: by.node.to_owned(),
            place: None,
            from: None,
            seen: None,
            cause: None,
            locked: None,
            finding: None,
        }
    }

    pub(crate) fn is_of_file(&self) -> bool {
        matches!(self.kind.as_str(), STORED | REMOVED | RENAMED)
    }

    /// The data of the event: `docs/events.schema.json` describes them.
    pub(crate) fn data(&self, outcome: &Outcome) -> Map<String, Value> {
        let mut data = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                data.insert(key.to_owned(), value);
            }
        };
        put("user", Some(json!(self.user)));
        put("session", Some(json!(self.session)));
        put("peer", Some(json!(self.peer)));
        put("host", self.host.as_ref().map(|host| json!(host)));
        if let Some(place) = &self.place {
            put("path", Some(json!(place.path)));
            if !place.backend.is_empty() {
                put("backend", Some(json!(place.backend)));
                put("mount", Some(json!(place.mount)));
                put("key", Some(json!(place.key)));
            }
        }
        if let Some(from) = &self.from {
            put(
                "from",
                Some(
                    json!({ "path": from.path, "backend": from.backend, "mount": from.mount, "key": from.key }),
                ),
            );
        }
        if self.is_of_file() {
            let size = outcome.size.or(self.seen.map(|seen| seen.size));
            put("size", size.map(|size| json!(size)));
            let modified = outcome.modified.or(self.seen.and_then(|seen| seen.modified));
            put("modified", modified.map(|modified| json!(rfc3339(modified))));
            put("etag", outcome.e_tag.as_ref().map(|e_tag| json!(e_tag)));
        }
        put("cause", self.cause.as_ref().map(|cause| json!(cause)));
        put("locked", self.locked.as_ref().map(|locked| json!(locked)));
        if let Some(Finding { name, scanner, copy }) = &self.finding {
            put("finding", Some(json!(name)));
            put("scanner", Some(json!(scanner)));
            put("quarantined", copy.as_ref().map(|copy| json!(copy)));
        }
        put("uncertain", outcome.uncertain.then_some(Value::Bool(true)));
        put("by", Some(json!({ "node": self.node, "engine": self.engine })));
        data
    }
}

/// Whose doing an event is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) session: u64,
    pub(crate) user: &'a str,
    pub(crate) peer: std::net::IpAddr,
    pub(crate) engine: &'a str,
    pub(crate) node: &'a str,
}

/// Microseconds since 1970.
pub(crate) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Now, in microseconds since 1970.
pub(crate) fn now() -> u64 {
    micros(SystemTime::now())
}

pub(crate) fn time_of(micros: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_micros(micros)).unwrap_or(UNIX_EPOCH)
}

/// A time as events have it.
pub(crate) fn rfc3339(micros: u64) -> String {
    // Disks can hold times that no calendar has.
    let time = i64::try_from(micros).ok().and_then(DateTime::<Utc>::from_timestamp_micros);
    time.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Marks as text: JSON numbers are not that large.
mod mark {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes it so")]
    pub(super) fn serialize<S: Serializer>(mark: &Option<u128>, serializer: S) -> Result<S::Ok, S::Error> {
        mark.map(|mark| format!("{mark:x}")).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u128>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.and_then(|text| u128::from_str_radix(&text, 16).ok()))
    }
}
