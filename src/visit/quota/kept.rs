//! What is known of places when the server starts again: a file in the state directory.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Usage;
use super::ledger::Kept;

/// The name of the file.
const NAME: &str = "quotas.json";

/// The format of the file. Another one is not read.
const VERSION: u32 = 1;

/// The name of a backend, and a directory there.
pub(super) type Place = (String, String);

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    /// The server has ended in good order: nothing has passed it since.
    complete: bool,
    places: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    backend: String,
    path: String,
    bytes: u64,
    files: u64,
    /// When all of it was looked at, in seconds since 1970.
    looked_at: u64,
    /// When somebody had a quota there last.
    #[serde(default)]
    needed_at: u64,
}

/// The file.
#[derive(Debug, Clone)]
pub(super) struct File {
    path: PathBuf,
    /// One write after the other: the last word must not be overtaken by one that is under way.
    turn: Arc<Mutex<()>>,
}

impl File {
    pub(super) fn of(directory: &Path) -> Self {
        Self { path: directory.join(NAME), turn: Arc::default() }
    }

    /// What is known of places, and whether the server that knew it has ended in good order. From now on it has not. Blocks.
    pub(super) fn open(&self) -> (HashMap<Place, Kept>, bool) {
        let path = self.path.display();
        let content = match self.read() {
            Ok(Some(content)) => content,
            Ok(None) => return (HashMap::new(), true),
            Err(cause) => {
                tracing::warn!(%path, %cause, "what was known of quotas can't be read: everything is counted anew");
                return (HashMap::new(), true);
            }
        };
        let is_complete = content.complete;
        let content = Content { complete: false, ..content };
        if let Err(cause) = self.replace(&content) {
            // The next start would take it for the end of this server.
            tracing::warn!(%path, %cause, "can't write what is known of quotas: everything is counted anew");
            return (HashMap::new(), true);
        }
        let kept = |entry: Entry| {
            let Entry { backend, path, bytes, files, looked_at, needed_at } = entry;
            let time = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
            // Whoever wrote no time is to be thought of as somebody of today.
            let needed_at = if needed_at == 0 { SystemTime::now() } else { time(needed_at)? };
            let kept = Kept { used: Usage { bytes, files }, looked_at: time(looked_at)?, needed_at };
            Some(((backend, path), kept))
        };
        (content.places.into_iter().filter_map(kept).collect(), is_complete)
    }

    fn read(&self) -> io::Result<Option<Content>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let content: Content = serde_json::from_slice(&text)?;
        match content.version {
            VERSION => Ok(Some(content)),
            other => Err(io::Error::other(format!("version {other} is not known"))),
        }
    }

    /// Writes what is known now. Blocks.
    pub(super) fn write(&self, places: &HashMap<Place, Kept>, complete: bool) {
        let seconds =
            |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let entry = |((backend, path), kept): (&Place, &Kept)| Entry {
            backend: backend.clone(),
            path: path.clone(),
            bytes: kept.used.bytes,
            files: kept.used.files,
            looked_at: seconds(kept.looked_at),
            needed_at: seconds(kept.needed_at),
        };
        let mut places: Vec<_> = places.iter().map(entry).collect();
        places.sort_unstable_by(|a, b| (&a.backend, &a.path).cmp(&(&b.backend, &b.path)));
        if let Err(cause) = self.replace(&Content { version: VERSION, complete, places }) {
            let path = self.path.display();
            tracing::warn!(%path, %cause, "can't write what is known of quotas");
        }
    }

    /// The old content or the new one is there, whatever happens.
    fn replace(&self, content: &Content) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_vec_pretty(content)?;
        let new = self.path.with_extension("json.new");
        let mut file = fs::File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        if let Some(directory) = self.path.parent() {
            fs::File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_known_is_known_again_and_only_once_for_sure() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::of(directory.path());
        assert_eq!(file.open(), (HashMap::new(), true));
        let looked_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let kept = Kept { used: Usage { bytes: 12, files: 3 }, looked_at, needed_at: looked_at };
        let places = HashMap::from([(("lake".to_owned(), "/in".to_owned()), kept)]);
        file.write(&places, true);
        assert_eq!(file.open(), (places.clone(), true));
        assert_eq!(file.open(), (places, false), "the server before has not ended in good order");
        for content in ["", "{", "{\"version\": 2, \"complete\": true, \"places\": []}"] {
            fs::write(directory.path().join(NAME), content).unwrap();
            assert_eq!(file.open(), (HashMap::new(), true), "{content}");
        }
    }
}
