//! What users are told of their quotas.

use std::error::Error as StdError;
use std::fmt;

use wharf_backends::{Error, ErrorKind, StoragePath};

use super::Usage;
use crate::config::Quota;

/// What is used of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuotaState {
    /// The directory of the user's tree that it is for.
    pub(crate) at: StoragePath,
    pub(crate) quota: Quota,
    pub(crate) used: Usage,
    /// Whether all of what is there was counted.
    pub(crate) is_counted: bool,
}

impl QuotaState {
    /// How many bytes there is room for in new files; `None`: any number.
    pub(crate) fn bytes_left(&self) -> Option<u64> {
        let Self { quota, used, .. } = self;
        if quota.files.is_some_and(|most| used.files >= most) {
            return Some(0);
        }
        quota.bytes.map(|most| most.saturating_sub(used.bytes))
    }

    /// Lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Self { at, quota, used, is_counted } = self;
        let mut lines = vec![format!("{at}")];
        if let Some(most) = quota.bytes {
            let left = most.saturating_sub(used.bytes);
            lines.push(format!("    bytes: {} of {most} used, {left} left", used.bytes));
        }
        if let Some(most) = quota.files {
            let left = most.saturating_sub(used.files);
            lines.push(format!("    files: {} of {most} used, {left} left", used.files));
        }
        if !is_counted {
            lines.push("    (what is there is still being counted)".to_owned());
        }
        lines
    }
}

/// Why something is not stored.
#[derive(Debug)]
struct OverQuota(String);

impl fmt::Display for OverQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for OverQuota {}

/// Something would pass the quota of its place, in bytes or in files.
pub(super) fn over(quota: Quota, used: Usage, in_bytes: bool, path: &StoragePath) -> Error {
    let reason = match (quota.bytes, quota.files) {
        (Some(most), _) if in_bytes => {
            format!("the quota is {most} bytes, of which {} are used", used.bytes)
        }
        (_, most) => {
            format!("the quota is {} files, of which {} are used", most.unwrap_or_default(), used.files)
        }
    };
    Error::with_source(ErrorKind::QuotaExceeded, path, OverQuota(reason.clone())).advising(reason)
}

/// Whether an error is the refusal of a user's quota, and no trouble of a storage.
pub(in crate::visit) fn is_refusal(error: &Error) -> bool {
    error.source().is_some_and(|source| source.is::<OverQuota>())
}
