use tokio::time::timeout;

use super::super::Counts;
use super::*;
use crate::config::Bandwidth;

const MIB: u64 = 1 << 20;
const TEN_SECONDS: Duration = Duration::from_secs(10);

fn up(rate: u64) -> Bandwidth {
    Bandwidth { upload: Some(rate), download: None }
}

/// A transfer that moves whatever it may, in pieces of at most this size.
struct Transfer {
    pace: Pace,
    piece: u64,
    /// How often it was woken.
    waits: u64,
}

impl Transfer {
    fn of(counts: &[(Arc<super::super::counts::Count>, u64)], piece: u64) -> Self {
        let shares: Vec<_> =
            counts.iter().filter_map(|(count, rate)| Share::of(up(*rate), || Arc::clone(count))).collect();
        Self { pace: Pace::new(&shares, Way::Upload, &Arc::default()).unwrap(), piece, waits: 0 }
    }

    fn moved(&self) -> u64 {
        self.pace.moved.load(Ordering::Relaxed)
    }

    async fn run(&mut self) {
        loop {
            let before = Instant::now();
            let may = self.pace.next().await;
            self.waits += u64::from(Instant::now() > before);
            assert!(may > 0 && self.pace.now() == may);
            self.pace.moved.fetch_add(may.min(self.piece), Ordering::Relaxed);
        }
    }

    async fn run_for(&mut self, time: Duration) -> u64 {
        let before = self.moved();
        timeout(time, self.run()).await.unwrap_err();
        self.moved() - before
    }
}

#[track_caller]
fn is_near(found: u64, expected: u64) {
    let (found, expected) = (found as f64, expected as f64);
    assert!((found / expected - 1.0).abs() < 0.05, "{found} and not about {expected}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_held() {
    for rate in [8 << 10, 100_000, MIB, 10 * MIB, 1000 * MIB] {
        for piece in [1500, 64 << 10, u64::MAX] {
            // Millions of steps say no more than some thousands.
            if rate / piece > 10_000 {
                continue;
            }
            let mut transfer = Transfer::of(&[(Counts::default().user("anna"), rate)], piece);
            is_near(transfer.run_for(TEN_SECONDS).await, rate * 10);
            is_near(transfer.run_for(TEN_SECONDS).await, rate * 10);
            // It is smooth, and wakes nobody too often.
            assert!((35..=420).contains(&transfer.waits), "{} waits at {rate}", transfer.waits);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn transfers_of_a_user_share_a_rate_fairly() {
    let counts = Counts::default();
    let mut large = Transfer::of(&[(counts.user("anna"), MIB)], u64::MAX);
    let mut small = Transfer::of(&[(counts.user("anna"), MIB)], 1500);
    let mut other = Transfer::of(&[(counts.user("bert"), MIB)], 1500);
    let (large, small, other) =
        tokio::join!(large.run_for(TEN_SECONDS), small.run_for(TEN_SECONDS), other.run_for(TEN_SECONDS));
    is_near(large, 5 * MIB);
    is_near(small, 5 * MIB);
    is_near(other, 10 * MIB);
}

#[tokio::test(start_paused = true)]
async fn many_transfers_share_a_rate() {
    let counts = Counts::default();
    let mut transfers: Vec<_> =
        (0..100).map(|_| Transfer::of(&[(counts.user("anna"), 10 * MIB)], u64::MAX)).collect();
    // What was saved before goes to whoever asks first.
    let mut run_for =
        async |time| futures_util::future::join_all(transfers.iter_mut().map(|one| one.run_for(time))).await;
    run_for(Duration::from_secs(1)).await;
    let moved = run_for(TEN_SECONDS).await;
    is_near(moved.iter().sum(), 100 * MIB);
    for one in moved {
        assert!((one as f64 / MIB as f64 - 1.0).abs() < 0.2, "{one}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_lowest_rate_counts_and_the_others_lose_nothing() {
    let counts = Counts::default();
    let mut anna = Transfer::of(&[(counts.user("anna"), MIB), (counts.server(), 4 * MIB)], u64::MAX);
    let mut bert = Transfer::of(&[(counts.server(), 4 * MIB)], u64::MAX);
    let (anna, bert) = tokio::join!(anna.run_for(TEN_SECONDS), bert.run_for(TEN_SECONDS));
    is_near(anna, 10 * MIB);
    is_near(bert, 30 * MIB);
}

#[tokio::test(start_paused = true)]
async fn who_ends_gives_back_what_it_has_not_moved() {
    let counts = Counts::default();
    // Each is granted much, and moves little: as a device does that stores small files.
    let began = Instant::now();
    for _ in 0..1000 {
        let transfer = Transfer::of(&[(counts.user("anna"), MIB)], 0);
        transfer.pace.next().await;
        transfer.pace.moved.fetch_add(1000, Ordering::Relaxed);
    }
    let seconds = began.elapsed().as_secs_f64();
    assert!((0.7..=1.1).contains(&seconds), "{seconds} seconds");
    // Nor does one count that is broken off while it waits.
    let mut waiting = Transfer::of(&[(counts.user("anna"), MIB)], u64::MAX);
    waiting.run_for(Duration::from_millis(10)).await;
    let rest = waiting.moved();
    drop(waiting);
    is_near(
        Transfer::of(&[(counts.user("anna"), MIB)], u64::MAX).run_for(TEN_SECONDS).await + rest,
        10 * MIB,
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_not_slowed_down() {
    let mut transfer = Transfer::of(&[(Counts::default().user("anna"), MIB)], 0);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = Instant::now();
        for _ in 0..50 {
            transfer.pace.next().await;
            transfer.pace.moved.fetch_add(1000, Ordering::Relaxed);
        }
        assert!(before.elapsed() <= Duration::from_millis(50), "{:?}", before.elapsed());
    }
    transfer.piece = 1;
}
