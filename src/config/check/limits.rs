//! What users, addresses and the server may use up.

use std::time::Duration;

use glob::Pattern;

use super::super::checked::{Bandwidth, Quota, UserLimits};
use super::server::timeout;
use super::*;

const LEAST_KEPT: Duration = Duration::from_secs(60);
const MOST_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Checker<'_> {
    /// The limits of a user, as far as the user has any of their own.
    pub(super) fn user_limits(&self, field: Option<At<raw::UserLimits>>) -> UserLimits {
        let raw = field.and_then(|at| at.value).unwrap_or_default();
        let count = |field: Option<At<u64>>| field.map(|at| self.count(Some(at), u64::from(u32::MAX), 1));
        UserLimits {
            sessions: count(raw.sessions),
            transfers: count(raw.transfers),
            bandwidth: self.bandwidth(raw.upload, raw.download),
            file_size: self.parsed(raw.file_size, units::size).map(|(size, _)| size),
            refuse_names: self.patterns(raw.refuse_names),
            idle: self.parsed(raw.idle, timeout).map(|(idle, _)| idle),
            commands: count(raw.commands),
        }
    }

    /// How long uploads are kept that were broken off: as elsewhere, if nothing is said.
    pub(super) fn resume_uploads(
        &self,
        field: Option<At<raw::Scalar>>,
        elsewhere: Option<Duration>,
    ) -> Option<Duration> {
        match field {
            None => elsewhere,
            Some(field) => self.parsed(Some(field), keep_for).and_then(|(keep_for, _)| keep_for),
        }
    }

    /// How much may be stored, if that is limited.
    pub(super) fn quota(&self, field: Option<At<raw::Quota>>) -> Option<Quota> {
        let At { value: Some(raw), span, .. } = field? else { return None };
        if raw.bytes.is_none() && raw.files.is_none() {
            self.problem(span, "a quota has `bytes`, `files` or both");
            return None;
        }
        let bytes = self.parsed(raw.bytes, units::size).map(|(size, _)| size);
        let files = raw.files.map(|at| self.count(Some(at), u64::MAX, 1));
        Some(Quota { bytes, files: files.map(|files| files as u64) })
    }

    /// Patterns of names, in lower case.
    fn patterns(&self, field: Option<At<Vec<At<String>>>>) -> Vec<Pattern> {
        let list = field.and_then(|at| at.value).unwrap_or_default();
        let pattern = |at: At<String>| self.accept(pattern(&at.value?), at.span);
        list.into_iter().filter_map(pattern).collect()
    }

    pub(super) fn bandwidth(
        &self,
        upload: Option<At<raw::Scalar>>,
        download: Option<At<raw::Scalar>>,
    ) -> Bandwidth {
        let rate = |field| self.parsed(field, units::byte_rate).map(|(rate, _)| rate);
        Bandwidth { upload: rate(upload), download: rate(download) }
    }
}

/// The range of `resume_uploads`. Some stores remove what is not finished after a week.
fn keep_for(text: &str) -> Result<Option<Duration>, String> {
    match units::duration(text)? {
        Duration::ZERO => Ok(None),
        keep_for if (LEAST_KEPT..=MOST_KEPT).contains(&keep_for) => Ok(Some(keep_for)),
        _ => Err("must be between 1m and 7d, or 0s".to_owned()),
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    match text {
        "" => Err("this pattern is empty".to_owned()),
        text if text.contains('/') => {
            Err("a pattern is for the last name of a path, which has no `/`".to_owned())
        }
        text => Pattern::new(&text.to_lowercase()).map_err(|error| format!("no pattern: {}", error.msg)),
    }
}
