//! How a bucket is talked to.

use std::sync::Arc;
use std::time::Duration;

use super::authorities::Authorities;
use super::error::SettingsError;
use crate::Buffers;
use crate::observe::Observers;

/// How a bucket is talked to: sizes, parallel requests, patience.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Bytes of one part of a multipart upload; an upload that stays below is a single request. From 5 MiB, the
    /// least that S3 takes, to 5 GiB. An upload grows it as it comes near `max_parts`, unless all have to be equal.
    pub part_size: u64,
    /// Parts of one upload that are sent at the same time, at least 1. An upload holds at most this many parts
    /// and the one it gathers in memory, and less where the `buffers` have no room.
    pub upload_concurrency: usize,
    /// How many parts of one upload the store takes: from 1000 to 10,000, which is what S3 takes.
    pub max_parts: u16,
    /// How often a request that failed for a reason that may pass is sent again; one that carries the content of an upload
    /// twice as often, as more is lost with it. A download asks as often for its rest, each time as a request of its own.
    pub retries: usize,
    /// No request is sent again when this much time has passed since it was first sent.
    pub retry_timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the store may be silent: before it answers, and between two pieces of a body. There is no limit
    /// on the time that a whole body takes.
    pub read_timeout: Duration,
    /// How old an unfinished upload of ours is when it is taken to be abandoned, and removed.
    pub abandoned_after: Duration,
    /// Whether the store is asked, beside an upload, if its name is a directory's, or below a file's. Without that a name can
    /// become both.
    pub check_names: bool,
    /// The memory for what is on its way to and from the store; storages that are given the same share it.
    pub buffers: Arc<Buffers>,
    /// Observers of the requests.
    pub observers: Observers,
    /// The authorities for the certificates of the store and of the services that hand out credentials; if not given, the
    /// system's.
    pub authorities: Option<Authorities>,
}

impl Tuning {
    /// The least part size, in bytes.
    pub const MIN_PART_SIZE: u64 = 5 << 20;
    /// The largest part size, in bytes.
    pub const MAX_PART_SIZE: u64 = 5 << 30;
    /// The most parts of one upload that S3 takes.
    pub const MAX_PARTS: u16 = 10_000;
    /// The least that a store may take: appending needs so many numbers.
    pub const LEAST_MAX_PARTS: u16 = 1000;

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if !(Self::MIN_PART_SIZE..=Self::MAX_PART_SIZE).contains(&self.part_size) {
            return Err(SettingsError::invalid("part_size", "must be between 5 MiB and 5 GiB"));
        }
        if !(Self::LEAST_MAX_PARTS..=Self::MAX_PARTS).contains(&self.max_parts) {
            return Err(SettingsError::invalid("max_parts", "must be between 1000 and 10000"));
        }
        if self.upload_concurrency == 0 {
            return Err(SettingsError::invalid("upload_concurrency", "must be at least 1"));
        }
        if self.part_size > self.buffers.largest_part() {
            return Err(SettingsError::invalid(
                "part_size",
                "must not be more than a quarter of the buffer memory",
            ));
        }
        if self.connect_timeout.is_zero() {
            return Err(SettingsError::invalid("connect_timeout", "must be longer than 0"));
        }
        if self.read_timeout.is_zero() {
            return Err(SettingsError::invalid("read_timeout", "must be longer than 0"));
        }
        Ok(())
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            part_size: 8 << 20,
            max_parts: Self::MAX_PARTS,
            upload_concurrency: 4,
            retries: 5,
            retry_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            abandoned_after: Duration::from_secs(7 * 24 * 60 * 60),
            check_names: true,
            buffers: Buffers::new(256 << 20, None),
            observers: Observers::default(),
            authorities: None,
        }
    }
}

#[cfg(test)]
#[path = "tuning_tests.rs"]
mod tests;
