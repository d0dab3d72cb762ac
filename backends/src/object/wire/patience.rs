//! How long requests may take.

use std::time::Duration;

use crate::object::settings::Tuning;

/// The slowest line that an upload is expected to work over, in bytes a second.
const SLOWEST: u64 = 32 * 1024;

/// How long a request that moves `bytes` may take: without any limit a lost connection would hold an
/// upload for hours.
pub(crate) fn patience(tuning: &Tuning, bytes: u64) -> Duration {
    tuning.read_timeout + tuning.retry_timeout + Duration::from_secs(bytes / SLOWEST)
}
