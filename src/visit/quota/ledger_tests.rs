use std::sync::Arc;

use proptest::prelude::*;
use wharf_backends::{CreateMode, ErrorKind};

use super::*;
use crate::visit::quota::Hold;

fn ledger(used: Usage) -> Arc<Ledger> {
    let kept = Kept { used, looked_at: SystemTime::now() };
    Arc::new(Ledger::new(&StoragePath::root(), Some((kept, true)), QuotaMeter::default()))
}

fn usage(bytes: u64, files: u64) -> Usage {
    Usage { bytes, files }
}

#[derive(Debug, Clone)]
enum Step {
    /// An upload begins.
    Begin { old: Option<u64>, announced: u64 },
    /// Bytes of one of them arrive.
    Take(usize, usize),
    /// One of them ends: it is stored, or given up.
    End(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (prop::option::of(0..50u64), 0..80u64).prop_map(|(old, announced)| Step::Begin { old, announced }),
        (0..4usize, 0..60usize).prop_map(|(upload, bytes)| Step::Take(upload, bytes)),
        (0..4usize, any::<bool>()).prop_map(|(upload, stored)| Step::End(upload, stored)),
    ]
}

proptest! {
    /// However uploads overlap, what is stored never passes the quota, and nothing is held for ever.
    #[test]
    fn uploads_at_once_never_pass_the_quota(steps in prop::collection::vec(step(), 0..60)) {
        let quota = Quota { bytes: Some(100), files: Some(5) };
        let path = StoragePath::root();
        // Each upload replaces a file of its own, which is there.
        let ledger = ledger(usage(0, 0));
        let mut uploads: Vec<(Hold, Option<u64>, u64)> = Vec::new();
        for step in steps {
            match step {
                Step::Begin { old, announced } => {
                    // What it replaces has to be there.
                    if let Some(size) = old {
                        if ledger.hold(quota, usage(size, 1), &path).is_err() {
                            continue;
                        }
                        ledger.change(usage(0, 0), usage(size, 1), usage(size, 1));
                    }
                    if let Ok(hold) =
                        Hold::new(Arc::clone(&ledger), quota, (CreateMode::Replace, old), announced, &path)
                    {
                        uploads.push((hold, old, 0));
                    }
                }
                Step::Take(which, bytes) if which < uploads.len() => {
                    match uploads[which].0.take(bytes, &path) {
                        Ok(()) => uploads[which].2 += bytes as u64,
                        Err(_) => drop(uploads.swap_remove(which)),
                    }
                }
                Step::End(which, stored) if which < uploads.len() => {
                    let (hold, old, size) = uploads.swap_remove(which);
                    if stored && hold.replaces(old, &path).is_ok() {
                        ledger.change(Usage::of(old), usage(size, 1), hold.hand_over());
                    }
                }
                Step::Take(..) | Step::End(..) => {}
            }
            let account = ledger.account();
            prop_assert!(account.used.bytes <= 100 && account.used.files <= 5, "{:?}", account);
            prop_assert!(account.used.plus(account.held).bytes <= 100, "{:?}", account);
        }
        uploads.clear();
        prop_assert_eq!(ledger.account().held, Usage::default());
    }
}

#[test]
fn threads_that_take_at_once_take_no_more_than_there_is() {
    let quota = Quota { bytes: Some(10_000), files: None };
    let (ledger, path) = (ledger(usage(0, 0)), StoragePath::root());
    let taken: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let new = (CreateMode::New, None);
                    let hold = Hold::new(Arc::clone(&ledger), quota, new, 0, &path).unwrap();
                    let taken = std::iter::from_fn(|| hold.take(7, &path).ok()).count() as u64 * 7;
                    // The last one was refused, and is held no more than the others.
                    (taken, hold)
                })
            })
            .collect();
        let ended: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        ended.iter().map(|(taken, _)| taken).sum()
    });
    assert_eq!(taken, 9996);
    assert_eq!(ledger.used(), (Usage::default(), true));
}

#[test]
fn what_is_replaced_makes_room() {
    let (ledger, path) = (ledger(usage(90, 1)), StoragePath::root());
    let begin = |limit, mode, old, announced| {
        let quota = Quota { bytes: Some(limit), files: Some(1) };
        Hold::new(Arc::clone(&ledger), quota, (mode, old), announced, &path)
    };
    let kind = |result: Result<Hold>| result.err().map(|error| error.kind());
    let refused = Some(ErrorKind::QuotaExceeded);
    assert_eq!(kind(begin(100, CreateMode::Replace, Some(90), 100)), None);
    assert_eq!(kind(begin(100, CreateMode::Replace, Some(90), 101)), refused);
    assert_eq!(kind(begin(100, CreateMode::Append, Some(90), 11)), refused);
    assert_eq!(kind(begin(100, CreateMode::Resume(80), Some(90), 100)), None);
    assert_eq!(kind(begin(100, CreateMode::Replace, None, 1)), refused, "a second file");
    // The limit may have been lowered: what gets smaller is let in, and nothing else.
    assert_eq!(kind(begin(50, CreateMode::Replace, Some(90), 90)), None);
    assert_eq!(kind(begin(50, CreateMode::Append, Some(90), 0)), refused);
    let hold = begin(100, CreateMode::Replace, Some(90), 0).unwrap();
    hold.take(100, &path).unwrap();
    assert_eq!(ledger.used().0, usage(100, 1));
    // Somebody has removed the file meanwhile, and stored another one.
    ledger.change(usage(90, 1), usage(40, 1), usage(0, 0));
    assert_eq!(kind(hold.replaces(None, &path).map(|()| hold)), refused);
    assert_eq!(ledger.used().0, usage(40, 1));
}

#[tokio::test(start_paused = true)]
async fn the_first_count_is_waited_for_and_not_for_ever() {
    let ledger = Ledger::new(&StoragePath::root(), None, QuotaMeter::default());
    ledger.begin_look();
    ledger.come_to(1, 30);
    ledger.change(usage(0, 0), usage(5, 1), usage(0, 0));
    let begun = Instant::now();
    ledger.wait().await;
    assert_eq!(begun.elapsed(), PATIENCE);
    assert_eq!(ledger.used(), (usage(35, 2), false), "what is known counts");
    let now = SystemTime::now();
    assert_eq!(ledger.end_look(true, now), Some(usage(35, 2)));
    ledger.wait().await;
    assert_eq!((begun.elapsed(), ledger.used()), (PATIENCE, (usage(35, 2), true)));
    assert!(!ledger.is_due(now, Duration::ZERO));
    assert!(ledger.is_due(now + BETWEEN_LOOKS, Duration::ZERO));
    assert!(!ledger.is_due(now + BETWEEN_LOOKS, Duration::ZERO), "somebody knows");
}

#[test]
fn a_look_that_fails_takes_nothing_away() {
    let place = Ledger::new(&StoragePath::root(), None, QuotaMeter::default());
    place.begin_look();
    place.come_to(1, 30);
    assert_eq!(place.end_look(false, SystemTime::now()), None);
    assert_eq!(place.used(), (usage(30, 1), false));
    assert!(place.is_due(SystemTime::now(), Duration::ZERO) && place.kept().is_none());
    let known = ledger(usage(50, 2));
    known.begin_look();
    assert_eq!(known.end_look(false, SystemTime::now()), None);
    assert_eq!(known.used(), (usage(50, 2), true));
    assert_eq!(known.kept().unwrap().looked_at, SystemTime::UNIX_EPOCH);
}
