use std::time::Duration;

use super::*;

const MIB: u64 = 1 << 20;

fn share(buffers: &Arc<Buffers>) -> Share {
    Share::new(Arc::clone(buffers))
}

#[tokio::test]
async fn what_is_dropped_is_given_back() {
    let buffers = Buffers::new(32 * MIB, None);
    let mut one = share(&buffers);
    one.grow(10 * MIB, 16 * MIB).await;
    assert_eq!((buffers.used(), one.bytes()), (10 * MIB, 10 * MIB));
    let taken = one.take();
    assert_eq!((one.bytes(), taken.bytes()), (0, 10 * MIB));
    drop(taken);
    assert_eq!(buffers.used(), 0);
    assert!(buffers.try_take(16 * MIB).is_some() && buffers.try_take(17 * MIB).is_none());
}

#[tokio::test]
async fn one_goes_on_when_all_hold_a_little() {
    let buffers = Buffers::new(32 * MIB, None);
    let mut many: Vec<Share> = (0..16).map(|_| share(&buffers)).collect();
    for one in &mut many {
        one.grow(MIB, 8 * MIB).await;
    }
    // The common half is full; two have a lane of 8 MiB each.
    for one in &mut many[..2] {
        for _ in 0..7 {
            one.grow(MIB, 8 * MIB).await;
        }
        assert!(one.in_lane_since().is_some());
    }
    let (done, waiting) = many.split_at_mut(2);
    let mut third = Box::pin(waiting[0].grow(MIB, 8 * MIB));
    assert!(futures_util::poll!(&mut third).is_pending(), "there is no room");
    // The first has sent its part.
    drop(done[0].take());
    third.await;
    assert!(buffers.used() <= buffers.limit());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_ever() {
    let buffers = Buffers::new(32 * MIB, None);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let buffers = Arc::clone(&buffers);
        tasks.spawn(async move {
            for _ in 0..3 {
                let mut share = share(&buffers);
                for _ in 0..80 {
                    share.grow(64 * 1024, 5 * MIB).await;
                    assert!(buffers.used() <= buffers.limit());
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    let all =
        tokio::time::timeout(Duration::from_secs(60), async { while tasks.join_next().await.is_some() {} });
    all.await.expect("they hold each other up");
    assert_eq!(buffers.used(), 0);
}
