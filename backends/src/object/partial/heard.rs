//! When something last came of the uploads that this process has under way: the store only knows of whole parts.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// More often than so the time is not written down.
const EVERY: Duration = Duration::from_millis(250);

fn all() -> MutexGuard<'static, HashMap<String, SystemTime>> {
    static ALL: LazyLock<Mutex<HashMap<String, SystemTime>>> = LazyLock::new(Mutex::default);
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When something came of the upload with this claim; `None` if it is not one of this process.
pub(super) fn last(claim: &str) -> Option<SystemTime> {
    all().get(claim).copied()
}

/// One upload, as long as it goes on.
pub(super) struct Heard {
    claim: String,
    noted: Instant,
}

impl Heard {
    pub(super) fn new(claim: &str) -> Self {
        all().insert(claim.to_owned(), SystemTime::now());
        Self { claim: claim.to_owned(), noted: Instant::now() }
    }

    /// Something comes.
    pub(super) fn now(&mut self) {
        if self.noted.elapsed() >= EVERY {
            self.noted = Instant::now();
            all().insert(self.claim.clone(), SystemTime::now());
        }
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        all().remove(&self.claim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_as_long_as_the_upload_goes_on() {
        let mut heard = Heard::new("one of a test");
        let begun = last("one of a test").unwrap();
        heard.noted = heard.noted.checked_sub(EVERY).unwrap();
        heard.now();
        assert!(last("one of a test").unwrap() >= begun && last("another one of a test").is_none());
        drop(heard);
        assert_eq!(last("one of a test"), None);
    }
}
