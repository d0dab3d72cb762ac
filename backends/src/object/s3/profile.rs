//! Keys from a file that somebody else writes anew when they change: a profile of Amazon's shared credentials file.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use configparser::ini::{Ini, IniDefault};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::object::store::failure::no_credentials;

/// How long what was read is taken for what is there.
const FRESH: Duration = Duration::from_secs(10);
/// How long a disk may take to show the file, before the keys that are known are taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long new keys have to stay the same before they are used: a file that is written in place is not whole for a moment.
const SETTLING: Duration = Duration::from_millis(100);
/// Far more than the profiles of a company take, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// A profile of a shared credentials file, as Amazon's own tools write and read it: the section `[name]` with
/// `aws_access_key_id`, `aws_secret_access_key` and perhaps `aws_session_token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The file. It is read again while the server runs.
    pub file: PathBuf,
    /// The section's name; mostly `default`.
    pub name: String,
}

impl Profile {
    /// Whether the profile is there and has keys.
    ///
    /// # Errors
    /// A sentence that names the file, and never what is in it.
    pub fn check(&self) -> Result<(), String> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<AwsCredential, String> {
        let failed = |reason: &dyn fmt::Display| format!("{}: {reason}", self.file.display());
        let text = read_text(&self.file).map_err(|reason| failed(&reason))?;
        self.parse(&text).map_err(|reason| failed(&reason))
    }

    fn parse(&self, text: &str) -> Result<AwsCredential, String> {
        let mut file = Ini::new_from_defaults(format());
        // The parser's own words quote the line that it could not read.
        file.read(text.to_owned()).map_err(|_| "this is no file of profiles".to_owned())?;
        let profile = &self.name;
        if !file.sections().contains(profile) {
            return Err(format!("there is no profile [{profile}] in it"));
        }
        let value = |key: &str| file.get(profile, key).map(|value| value.trim().to_owned());
        let needed = |key: &str| match value(key) {
            Some(value) if !value.is_empty() => Ok(value),
            _ if value("role_arn").is_some() => {
                Err(format!("the profile [{profile}] names a role; `role_arn` of the backend does that"))
            }
            _ if value("credential_process").is_some() || value("sso_session").is_some() => {
                Err(format!("the profile [{profile}] has its keys from elsewhere; only keys in the file do"))
            }
            _ => Err(format!("the profile [{profile}] has no {key}")),
        };
        let credential = AwsCredential {
            key_id: needed("aws_access_key_id")?,
            secret_key: needed("aws_secret_access_key")?,
            token: value("aws_session_token").filter(|token| !token.is_empty()),
        };
        let texts = [Some(&credential.key_id), Some(&credential.secret_key), credential.token.as_ref()];
        let is_sendable = |text: &String| text.bytes().all(|b| b.is_ascii_graphic());
        if !texts.into_iter().flatten().all(is_sendable) {
            return Err(format!("the profile [{profile}] has a key with signs that no key has"));
        }
        Ok(credential)
    }
}

/// Keys and names are taken as they are written; a `#` behind a value is a part of it.
fn format() -> IniDefault {
    let mut format = IniDefault::default();
    format.case_sensitive = true;
    format.delimiters = vec!['='];
    format.comment_symbols = vec!['#', ';'];
    format.inline_comment_symbols = Some(Vec::new());
    format
}

fn read_text(file: &std::path::Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(MAX_SIZE + 1).read_to_string(&mut text));
    match read {
        Ok(size) if size as u64 > MAX_SIZE => Err(format!("the file is larger than {MAX_SIZE} bytes")),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err("it is not valid UTF-8".to_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err("there is no such file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The keys of a profile, as new as the file.
#[derive(Debug)]
pub(crate) struct ProfileKeys {
    profile: Profile,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    keys: Option<Keys>,
    /// A disk that hangs holds one thread, and not one more each time.
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Keys {
    credential: Arc<AwsCredential>,
    at: Instant,
    /// The file can't be used as it is now, which has been said.
    is_stale: bool,
}

#[derive(Debug)]
struct Reading {
    since: Instant,
    task: JoinHandle<Result<AwsCredential, String>>,
}

impl ProfileKeys {
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile, known: Mutex::default() }
    }

    async fn read_once(&self, known: &mut Known) -> Result<AwsCredential, String> {
        let profile = &self.profile;
        let reading = known.reading.get_or_insert_with(|| {
            let profile = profile.clone();
            Reading { since: Instant::now(), task: tokio::task::spawn_blocking(move || profile.read()) }
        });
        let hangs = || Err(format!("{}: the disk does not answer", profile.file.display()));
        let Ok(read) = tokio::time::timeout_at(reading.since + PATIENCE, &mut reading.task).await else {
            return hangs();
        };
        known.reading = None;
        read.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// The keys in the file, which may just be written: what is new has to be the same twice.
    async fn read(&self, known: &mut Known) -> Result<AwsCredential, String> {
        let first = self.read_once(known).await?;
        if known.keys.as_ref().is_some_and(|keys| *keys.credential == first) {
            return Ok(first);
        }
        tokio::time::sleep(SETTLING).await;
        let second = self.read_once(known).await?;
        match first == second {
            true => Ok(second),
            false => Err(format!("{}: it is just being written", self.profile.file.display())),
        }
    }
}

#[async_trait]
impl CredentialProvider for ProfileKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut known = self.known.lock().await;
        if let Some(keys) = known.keys.as_ref().filter(|keys| keys.at.elapsed() < FRESH) {
            return Ok(Arc::clone(&keys.credential));
        }
        match (self.read(&mut known).await, known.keys.as_mut()) {
            (Ok(credential), _) => {
                let credential = Arc::new(credential);
                let keys = Keys { credential: Arc::clone(&credential), at: Instant::now(), is_stale: false };
                known.keys = Some(keys);
                Ok(credential)
            }
            // Somebody may be writing the file at this moment.
            (Err(reason), Some(keys)) => {
                if !keys.is_stale {
                    tracing::warn!(
                        error = reason,
                        "the credentials file can't be read; its keys are still used"
                    );
                }
                keys.is_stale = true;
                keys.at = Instant::now();
                Ok(Arc::clone(&keys.credential))
            }
            (Err(reason), None) => Err(no_credentials(format!("the credentials file {reason}"))),
        }
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
