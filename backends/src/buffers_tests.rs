use super::*;

const MIB: u64 = 1 << 20;

/// Buffers with room for so much content.
fn with_room(room: u64) -> Arc<Buffers> {
    let ahead = AtomicUsize::new(0);
    Arc::new(Buffers { limit: room, room, spill: None, state: Mutex::default(), ahead })
}

/// The bytes of content.
fn used(buffers: &Buffers) -> u64 {
    buffers.state().used
}

fn share(buffers: &Arc<Buffers>) -> Share {
    Share::new(Arc::clone(buffers))
}

#[tokio::test]
async fn what_is_dropped_is_given_back() {
    let buffers = with_room(32 * MIB);
    let mut one = share(&buffers);
    one.grow(10 * MIB, 16 * MIB).await;
    assert_eq!((used(&buffers), one.bytes()), (10 * MIB, 10 * MIB));
    let taken = one.take();
    assert_eq!((one.bytes(), taken.bytes()), (0, 10 * MIB));
    drop(taken);
    assert_eq!(used(&buffers), 0);
    assert!(buffers.try_take(8 * MIB).is_some() && buffers.try_take(9 * MIB).is_none());
}

#[tokio::test]
async fn an_eighth_is_for_what_content_takes_beside() {
    let buffers = Buffers::new(32 * MIB, None);
    let mut one = share(&buffers);
    one.grow(7 * MIB, 7 * MIB).await;
    assert_eq!(buffers.used(), 8 * MIB);
    one.grow(7 * MIB, 14 * MIB).await;
    one.grow(7 * MIB, 7 * MIB).await;
    assert!(!one.try_grow(8 * MIB), "that is more than all");
    one.grow(7 * MIB, 7 * MIB).await;
    assert_eq!((buffers.used(), buffers.limit()), (32 * MIB, 32 * MIB));
}

/// Sixteen that hold a MiB each of a part of 8 MiB: the half for all is used up.
async fn crowd(buffers: &Arc<Buffers>) -> Vec<Share> {
    let mut many: Vec<Share> = (0..16).map(|_| share(buffers)).collect();
    for one in &mut many {
        one.grow(MIB, 8 * MIB).await;
    }
    many
}

#[tokio::test(start_paused = true)]
async fn one_goes_on_when_all_hold_a_little() {
    let buffers = with_room(32 * MIB);
    let mut many = crowd(&buffers).await;
    // Two have lanes for the 7 MiB that each lacks.
    for one in &mut many[..2] {
        for missing in (1..=7).rev() {
            one.grow(MIB, missing * MIB).await;
        }
    }
    assert_eq!(used(&buffers), 30 * MIB);
    let (done, waiting) = many.split_at_mut(2);
    let mut third = Box::pin(waiting[0].grow(MIB, 7 * MIB));
    assert!(futures_util::poll!(&mut third).is_pending(), "there is no room");
    // The first has sent its part.
    drop(done[0].take());
    third.await;
    assert!(used(&buffers) <= buffers.room);
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_in_a_lane_loses_it_and_gets_another() {
    let buffers = with_room(32 * MIB);
    let mut many = crowd(&buffers).await;
    let (slow, others) = many.split_at_mut(2);
    for one in slow.iter_mut() {
        one.grow(MIB, 7 * MIB).await;
    }
    // Both lanes are taken, by two who send no more. The third waits for no longer than they may keep them.
    let mut before = Instant::now();
    others[0].grow(MIB, 7 * MIB).await;
    assert!(before.elapsed() < 2 * LEASE, "{:?}", before.elapsed());
    for missing in (1..=6).rev() {
        others[0].grow(MIB, missing * MIB).await;
    }
    drop(others[0].take());
    // They kept what they had, and go on where they were.
    before = Instant::now();
    for one in slow.iter_mut() {
        for missing in (1..=6).rev() {
            one.grow(MIB, missing * MIB).await;
        }
        drop(one.take());
    }
    assert!(used(&buffers) == 13 * MIB && before.elapsed() < 10 * LEASE);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_takes_nothing() {
    let buffers = with_room(32 * MIB);
    let mut many = crowd(&buffers).await;
    let mut full = share(&buffers);
    full.grow(16 * MIB, 16 * MIB).await;
    {
        let mut waiting = Box::pin(many[0].grow(MIB, 7 * MIB));
        assert!(futures_util::poll!(&mut waiting).is_pending());
    }
    drop(full);
    assert_eq!(used(&buffers), 16 * MIB);
    assert!(buffers.state().waiting.is_empty() && buffers.state().promised == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_ever() {
    let buffers = with_room(32 * MIB);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let buffers = Arc::clone(&buffers);
        tasks.spawn(async move {
            for _ in 0..3 {
                let mut share = share(&buffers);
                for chunk in 0..80_u64 {
                    share.grow(64 * 1024, 5 * MIB - chunk * 64 * 1024).await;
                    assert!(used(&buffers) <= buffers.room);
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    let all = tokio::time::timeout(Duration::from_secs(60), async {
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
    all.await.expect("they hold each other up");
    assert_eq!((used(&buffers), buffers.state().promised), (0, 0));
}

/// How long the quick, and all, of many clients take, half of which are slow, before a store that takes 16 MiB/s.
async fn rush(limit: u64, clients: u64) -> (Duration, Duration) {
    let buffers = with_room(limit);
    let store = Arc::new(tokio::sync::Semaphore::new(4));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..clients {
        let (buffers, store) = (Arc::clone(&buffers), Arc::clone(&store));
        let slow = client % 2 == 1;
        tasks.spawn(async move {
            let mut share = share(&buffers);
            let mut sending = tokio::task::JoinSet::new();
            for _part in 0..4 {
                let mut held = 0;
                while held < 5 * MIB {
                    let room = if buffers.is_tight() { 16 << 10 } else { 256 << 10 };
                    share.grow(room, (5 * MIB - held).max(room)).await;
                    let rate = if slow { 233_000.0 } else { 50e6 };
                    tokio::time::sleep(Duration::from_secs_f64(room as f64 / rate)).await;
                    held += room;
                    assert!(used(&buffers) <= buffers.room);
                }
                let part = share.take();
                let store = Arc::clone(&store);
                sending.spawn(async move {
                    let _one = store.acquire().await.unwrap();
                    tokio::time::sleep(Duration::from_millis(312)).await;
                    drop(part);
                });
            }
            while sending.join_next().await.is_some() {}
            (slow, start.elapsed())
        });
    }
    let (mut quick, mut all) = (Duration::ZERO, Duration::ZERO);
    while let Some(ended) = tasks.join_next().await {
        let (slow, took) = ended.unwrap();
        if !slow {
            quick = quick.max(took);
        }
        all = all.max(took);
    }
    (quick, all)
}

#[tokio::test(start_paused = true)]
async fn the_quick_do_not_go_at_the_pace_of_the_slow() {
    let (quick, all) = rush(64 * MIB, 250).await;
    // The slow need 125 × 4 × 22.5 s in lanes, of which there are about ten.
    assert!(quick < Duration::from_secs(700), "{quick:?}");
    assert!(all < Duration::from_secs(3000), "{all:?}");
}
