use std::sync::mpsc;

use futures_util::FutureExt;

use super::*;

const LONG: Duration = Duration::from_secs(600);

/// Work that goes on until the sender is dropped.
fn held(threads: &DiskThreads) -> (mpsc::Sender<()>, Job<()>) {
    let (release, waits) = mpsc::channel::<()>();
    let job = threads.begin(Operation::Write, move || {
        let _ = waits.recv();
    });
    (release, job)
}

/// Tells on which thread it was dropped.
struct Tells(mpsc::Sender<Option<String>>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(std::thread::current().name().map(str::to_owned));
    }
}

#[track_caller]
fn assert_dropped_by_the_disk(told: &mpsc::Receiver<Option<String>>) {
    assert_eq!(told.recv_timeout(LONG).unwrap().as_deref(), Some("wharf-disk"));
}

#[tokio::test]
async fn what_finds_no_place_waits_for_one() {
    let threads = DiskThreads::with_share("disk", LONG, 2);
    let (first, one) = held(&threads);
    let (_second, two) = held(&threads);
    let mut third = threads.begin(Operation::Stat, || 3);
    assert!((&mut third).now_or_never().is_none());
    assert_eq!((threads.load().running, threads.load().hanging), (2, 0));
    drop(first);
    assert_eq!(third.await.unwrap(), 3);
    one.await.unwrap();
    drop(two);
}

#[tokio::test]
async fn what_makes_no_step_is_given_up_and_keeps_its_place() {
    let threads = DiskThreads::with_share("disk", Duration::from_secs(2), 1);
    let (release, job) = held(&threads);
    let error = job.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(threads.load().hanging, 1);
    assert!(threads.load().is_stuck());
    let error = threads.run(Operation::Rename, || ()).await.unwrap_err();
    assert!(error.advice().unwrap().contains("not begun"), "{error}");
    // A look is beside the share.
    threads.look(|| ()).await.unwrap();
    drop(release);
    threads.idle().await;
    assert_eq!(threads.load().hanging, 0);
    threads.run(Operation::Rename, || ()).await.unwrap();
    let counted = threads.load().timeouts.into_iter().filter(|(_, count)| *count > 0);
    assert_eq!(counted.collect::<Vec<_>>(), [(Operation::Write, 1), (Operation::Rename, 1)]);
}

/// How long the only work that runs may still take for its step.
fn left(threads: &DiskThreads) -> Duration {
    let running = lock(&threads.0.running);
    let mut all = running.by_number.values();
    let left = all.next().unwrap().left();
    assert!(all.next().is_none());
    left
}

#[tokio::test]
async fn what_makes_steps_goes_on() {
    let timeout = Duration::from_millis(20);
    let threads = DiskThreads::with_share("disk", timeout, 1);
    let (begin, begins) = mpsc::channel();
    let (make_step, steps) = mpsc::channel::<u64>();
    let (made, was_made) = mpsc::channel();
    let mut job = threads.begin(Operation::Digest, move || {
        // A step that is said to move much has time for all that this test does.
        step_of(1 << 30);
        begin.send(()).unwrap();
        for bytes in steps {
            step_of(bytes);
            made.send(()).unwrap();
        }
    });
    begins.recv().unwrap();
    assert!(left(&threads) > Duration::from_secs(1000));
    // Steps without a size: when the time of the last one is over, the next one gets as much.
    for _ in 0..3 {
        make_step.send(0).unwrap();
        was_made.recv().unwrap();
        assert!(left(&threads) <= timeout);
        while !left(&threads).is_zero() {
            std::thread::yield_now();
        }
        assert_eq!(threads.load().hanging, 1);
        make_step.send(1 << 30).unwrap();
        was_made.recv().unwrap();
        assert_eq!(threads.load().hanging, 0);
    }
    // It has taken three times as long as one step may.
    assert!((&mut job).now_or_never().is_none());
    drop(make_step);
    job.await.unwrap();
}

struct Gone(AtomicBool);

impl Waiter for Gone {
    fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_place_is_not_waited_for_by_whoever_is_gone() {
    let threads = DiskThreads::with_share("disk", LONG, 1);
    let (_release, _job) = held(&threads);
    let waiting = threads.run(Operation::Stat, || ());
    let error = waited_for_by(Arc::new(Gone(AtomicBool::new(true))), waiting).await.unwrap_err();
    assert!(error.to_string().contains("nobody waits"), "{error}");
}

#[tokio::test]
async fn a_panic_fails_one_operation() {
    let threads = DiskThreads::with_share("disk", LONG, 1);
    let error = threads.run(Operation::Stat, || panic!("a defect")).await.map(|(): ()| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    threads.run(Operation::Stat, || ()).await.unwrap();
}

/// To close a file may wait for its disk: no task does that.
#[tokio::test]
async fn whatever_is_given_up_is_closed_by_a_thread_of_the_disk() {
    let threads = DiskThreads::with_share("disk", LONG, 1);
    let (tell, told) = mpsc::channel();
    let tells = || Tells(tell.clone());
    drop(OfDisk::new(tells(), &threads));
    assert_dropped_by_the_disk(&told);
    // Work that was never begun.
    let (release, job) = held(&threads);
    let opened = tells();
    drop(threads.begin(Operation::Write, move || drop(opened)));
    assert_dropped_by_the_disk(&told);
    drop(release);
    job.await.unwrap();
    // What comes of work that nobody waits for, before and after it has come.
    let opened = tells();
    drop(threads.begin(Operation::Open, move || opened));
    assert_dropped_by_the_disk(&told);
    let opened = tells();
    let job = threads.begin(Operation::Open, move || opened);
    threads.idle().await;
    drop(job);
    assert_dropped_by_the_disk(&told);
    threads.idle().await;
}
