//! Turns for computing checksums: a single command line makes the server read a whole file, which takes a core for as
//! long as that lasts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many checksums for each core are computed at once: the system shares the cores among them.
const OF_ALL: usize = 4;

/// One user computes half as many at once as there are cores, and all users together eight times as many. Others wait
/// for their turn, so that a user who asks for many harms no other.
#[derive(Debug)]
pub(super) struct Checksums {
    all: Arc<Semaphore>,
    of_one_user: usize,
    users: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The right to compute one checksum; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Turn {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_user: Option<OwnedSemaphorePermit>,
}

impl Checksums {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).max(2);
        Self {
            all: Arc::new(Semaphore::new(cores * OF_ALL)),
            of_one_user: cores / 2,
            users: Mutex::default(),
        }
    }

    /// Waits for a turn of this user. A wait that is given up uses no turn.
    pub(super) async fn turn(&self, user: &str) -> Turn {
        // Only a closed semaphore returns an error, and nothing closes them.
        let of_user = self.of_user(user).acquire_owned().await.ok();
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok();
        Turn { _of_all: of_all, _of_user: of_user }
    }

    fn of_user(&self, user: &str) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = users.get(user).and_then(Weak::upgrade) {
            return known;
        }
        // Forget users who wait for no turn.
        users.retain(|_, known| known.strong_count() > 0);
        let new = Arc::new(Semaphore::new(self.of_one_user));
        users.insert(user.to_owned(), Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_user_leaves_turns_to_others() {
        let checksums =
            Checksums { all: Arc::new(Semaphore::new(4)), of_one_user: 2, users: Mutex::default() };
        let mut greedy = vec![checksums.turn("greedy").await, checksums.turn("greedy").await];
        assert!(checksums.turn("greedy").now_or_never().is_none());
        let other = checksums.turn("other").now_or_never();
        assert!(other.is_some());
        drop(greedy.pop());
        assert!(checksums.turn("greedy").now_or_never().is_some());
        drop((greedy, other));
        assert_eq!(checksums.all.available_permits(), 4);
        checksums.of_user("third");
        assert!(checksums.users.lock().unwrap().len() <= 1);
    }
}
