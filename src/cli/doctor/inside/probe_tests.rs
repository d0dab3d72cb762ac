use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use wharf_backends::Metadata;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// An upload whose steps take so long.
#[derive(Default)]
struct Slow {
    write: Duration,
    finish: Duration,
    /// From this piece on, everything fails.
    fails_at: Option<u32>,
    written: AtomicU32,
    is_aborted: Arc<AtomicBool>,
}

#[async_trait]
impl Upload for Slow {
    async fn write(&mut self, _: Bytes) -> Result<()> {
        sleep(self.write).await;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        match self.fails_at {
            Some(at) if number >= at => Err(Error::new(ErrorKind::PermissionDenied, &StoragePath::root())),
            _ => Ok(()),
        }
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        sleep(self.finish).await;
        Ok(Metadata::file(0, None))
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        sleep(Duration::from_secs(1)).await;
        self.is_aborted.store(true, Ordering::Relaxed);
        Ok(())
    }
}

async fn stored(slow: Slow, under_way: u32) -> (Put, bool) {
    let is_aborted = Arc::clone(&slow.is_aborted);
    let create = async { Ok(Box::new(slow) as Box<dyn Upload>) };
    let put = put(create, vec![0; 10 * CHUNK_SIZE], PATIENCE, under_way).await;
    (put, is_aborted.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn each_step_has_its_own_time() {
    let began = Instant::now();
    let slow = Slow { write: PATIENCE / 2, finish: PATIENCE * 2, ..Slow::default() };
    let (put, is_aborted) = stored(slow, 3).await;
    assert!(matches!(put.outcome, Ok(Ok(()))) && put.is_clean && !is_aborted);
    assert_eq!(began.elapsed(), PATIENCE * 7);
}

#[tokio::test(start_paused = true)]
async fn what_fails_or_takes_too_long_is_given_up() {
    let (put, is_aborted) = stored(Slow { fails_at: Some(3), ..Slow::default() }, 1).await;
    assert!(matches!(put.outcome, Ok(Err(_))) && put.is_clean && is_aborted);
    let (put, is_aborted) = stored(Slow { write: PATIENCE * 2, ..Slow::default() }, 1).await;
    assert!(put.outcome.is_err() && put.is_clean && is_aborted);
    // Whether it has become a file is not known.
    let (put, _) = stored(Slow { finish: PATIENCE * 2, ..Slow::default() }, 1).await;
    assert!(put.outcome.is_err() && !put.is_clean);
}
