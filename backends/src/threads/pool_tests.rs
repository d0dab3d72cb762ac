use std::sync::mpsc;
use std::thread::ThreadId;

use super::*;

const LONG: Duration = Duration::from_secs(600);

fn threads(pool: &Pool) -> usize {
    lock(&pool.0.state).threads
}

/// Has the pool do some work, and waits until its thread is idle again.
fn done_by(pool: &Pool) -> ThreadId {
    let (tell, told) = mpsc::channel();
    assert!(pool.spawn(move || tell.send(std::thread::current().id()).unwrap()));
    let by = told.recv_timeout(LONG).unwrap();
    wait_until_idle(pool, threads(pool));
    by
}

fn wait_until_idle(pool: &Pool, count: usize) {
    while lock(&pool.0.state).idle.len() < count {
        std::thread::yield_now();
    }
}

/// Work that goes on until the sender is dropped.
fn held(pool: &Pool) -> mpsc::Sender<()> {
    let (release, waits) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    pool.spawn(move || {
        tell.send(()).unwrap();
        let _ = waits.recv();
    });
    told.recv_timeout(LONG).unwrap();
    release
}

#[test]
fn a_thread_is_used_again_and_the_one_that_was_idle_last_first() {
    let pool = Pool::new("pool", 4);
    let first = done_by(&pool);
    assert_eq!(done_by(&pool), first);
    let release = held(&pool);
    let second = {
        let (tell, told) = mpsc::channel();
        pool.spawn(move || tell.send(std::thread::current().id()).unwrap());
        told.recv_timeout(LONG).unwrap()
    };
    assert_ne!(second, first);
    wait_until_idle(&pool, 1);
    drop(release);
    wait_until_idle(&pool, 2);
    assert_eq!(done_by(&pool), first);
    assert_eq!(threads(&pool), 2);
}

#[test]
fn work_for_which_the_system_had_no_thread_gets_one_later() {
    let pool = Pool::new("pool", 1);
    let (tell, told) = mpsc::channel();
    // As it is left by a thread that could not be made.
    lock(&pool.0.state).waiting.push_back(Box::new(move || tell.send(()).unwrap()));
    pool.retry();
    told.recv_timeout(LONG).unwrap();
    wait_until_idle(&pool, 1);
    pool.retry();
    assert_eq!(threads(&pool), 1);
}

#[test]
fn there_are_no_more_threads_than_allowed_and_the_rest_waits() {
    let pool = Pool::new("pool", 2);
    let (one, two) = (held(&pool), held(&pool));
    let (tell, told) = mpsc::channel();
    for number in 0..3 {
        let tell = tell.clone();
        assert!(pool.spawn(move || tell.send(number).unwrap()));
    }
    assert_eq!(threads(&pool), 2);
    assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(one);
    for number in 0..3 {
        assert_eq!(told.recv_timeout(LONG), Ok(number));
    }
    drop(two);
    wait_until_idle(&pool, 2);
}

#[test]
fn a_panic_ends_no_thread() {
    let pool = Pool::new("pool", 1);
    let by = done_by(&pool);
    pool.spawn(|| panic!("a defect"));
    wait_until_idle(&pool, 1);
    assert_eq!(done_by(&pool), by);
}

/// Which threads do the work that is asked for by work, before and after that is done.
fn followers(pool: &Arc<Pool>, other: &Arc<Pool>) -> (ThreadId, [ThreadId; 3]) {
    let (tell, told) = mpsc::channel();
    let (own, others) = (Arc::clone(pool), Arc::clone(other));
    let at = |number: usize| {
        let tell = tell.clone();
        move || tell.send((number, std::thread::current().id())).unwrap()
    };
    let (before, next, elsewhere, by) = (at(0), at(1), at(2), at(3));
    let (ran, has_run) = mpsc::channel();
    pool.spawn(move || {
        own.spawn_next(move || {
            before();
            ran.send(()).unwrap();
        });
        // Otherwise this thread could be the first that is free for it.
        has_run.recv_timeout(LONG).unwrap();
        done(|| {
            own.spawn_next(next);
            others.spawn_next(elsewhere);
        });
        by();
    });
    let mut threads: Vec<_> = (0..4).map(|_| told.recv_timeout(LONG).unwrap()).collect();
    threads.sort_by_key(|(number, _)| *number);
    (threads[3].1, [threads[0].1, threads[1].1, threads[2].1])
}

#[test]
fn what_follows_on_work_that_is_done_is_done_by_its_thread() {
    let (pool, other) = (Arc::new(Pool::new("pool", 2)), Arc::new(Pool::new("other", 1)));
    let (by, [before, next, elsewhere]) = followers(&pool, &other);
    assert_ne!(before, by);
    assert_eq!(next, by);
    assert!(elsewhere != by && elsewhere != before);
}

#[test]
fn threads_end_with_their_pool() {
    let pool = Pool::new("pool", 2);
    let release = held(&pool);
    done_by_another(&pool);
    let shared = Arc::downgrade(&pool.0);
    drop(pool);
    drop(release);
    while shared.strong_count() > 0 {
        std::thread::yield_now();
    }
}

fn done_by_another(pool: &Pool) {
    let (tell, told) = mpsc::channel();
    pool.spawn(move || tell.send(()).unwrap());
    told.recv_timeout(LONG).unwrap();
    wait_until_idle(pool, 1);
}
