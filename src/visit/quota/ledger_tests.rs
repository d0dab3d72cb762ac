use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use wharf_backends::{CreateMode, ErrorKind};

use super::*;
use crate::visit::quota::Hold;

fn ledger(used: Usage) -> Arc<Ledger> {
    let now = SystemTime::now();
    let kept = Kept { used, looked_at: now, needed_at: now };
    Arc::new(Ledger::new(&StoragePath::root(), Some((kept, true)), QuotaMeter::default()))
}

fn usage(bytes: u64, files: u64) -> Usage {
    Usage { bytes, files }
}

/// Something changes at a path.
fn change(ledger: &Ledger, less: Usage, more: Usage, held: Usage) {
    ledger.touch(7, (less.files > 0).then_some(less.bytes));
    ledger.change(7, less, more, held);
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
                        change(&ledger, usage(0, 0), usage(size, 1), usage(size, 1));
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
                        change(&ledger, Usage::of(old), usage(size, 1), hold.hand_over());
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
    change(&ledger, usage(90, 1), usage(40, 1), usage(0, 0));
    assert_eq!(kind(hold.replaces(None, &path).map(|()| hold)), refused);
    assert_eq!(ledger.used().0, usage(40, 1));
}

#[tokio::test(start_paused = true)]
async fn the_first_count_is_waited_for_and_not_for_ever() {
    let ledger = Ledger::new(&StoragePath::root(), None, QuotaMeter::default());
    ledger.begin_look();
    ledger.come_to(1, 30);
    change(&ledger, usage(0, 0), usage(5, 1), usage(0, 0));
    // What passes before somebody waits is none of the time for that.
    tokio::time::sleep(PATIENCE).await;
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
    let now = SystemTime::now();
    assert_eq!(place.end_look(false, now), None);
    assert_eq!(place.used(), (usage(30, 1), false));
    assert!(place.kept().is_none());
    let known = ledger(usage(50, 2));
    known.begin_look();
    assert_eq!(known.end_look(false, SystemTime::now()), None);
    assert_eq!(known.used(), (usage(50, 2), true));
    assert_eq!(known.kept().unwrap().looked_at, SystemTime::UNIX_EPOCH);
}

#[test]
fn a_look_that_fails_is_tried_again_less_and_less_often() {
    let place = Ledger::new(&StoragePath::root(), None, QuotaMeter::default());
    let mut now = SystemTime::now();
    let mut pauses = Vec::new();
    assert!(place.is_due(now, Duration::ZERO));
    for _ in 0..9 {
        place.begin_look();
        place.end_look(false, now);
        let pause =
            (1..).find(|minutes| place.is_due(now + Duration::from_secs(60 * minutes), Duration::ZERO));
        now += Duration::from_secs(60 * pause.unwrap());
        pauses.extend(pause);
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 320, 320]);
    // What is known is not worth that much.
    let known = ledger(usage(50, 2));
    known.begin_look();
    known.end_look(false, now);
    assert!(!known.is_due(now + IN_DOUBT / 2, Duration::ZERO));
    assert!(known.is_due(now + IN_DOUBT, Duration::ZERO));
}

#[test]
fn a_look_that_is_disturbed_takes_nothing_away_and_adds_nothing() {
    let place = ledger(usage(50, 2));
    let now = SystemTime::now();
    // A directory was moved from where the look had not been to where it had.
    place.begin_look();
    place.begin_move();
    place.end_move(Usage::default(), Usage::default());
    assert_eq!(place.end_look(true, now), Some(usage(50, 2)));
    assert_eq!(place.used(), (usage(50, 2), true));
    assert!(!place.is_due(now, Duration::ZERO) && place.is_due(now + IN_DOUBT, Duration::ZERO));
    // The doubt is over by a look that was not disturbed.
    place.begin_look();
    place.come_to(1, 30);
    assert_eq!(place.end_look(true, now + IN_DOUBT), Some(usage(30, 1)));
    assert!(!place.is_due(now + IN_DOUBT * 3, Duration::ZERO));
    // If there was a doubt before, neither of the two is to be trusted.
    place.doubt();
    place.begin_look();
    place.come_to(1, 90);
    place.doubt();
    assert_eq!(place.end_look(true, now), Some(usage(90, 1)));
}

#[test]
fn a_look_that_begins_in_the_middle_of_a_move_is_disturbed() {
    let place = ledger(usage(50, 2));
    place.begin_move();
    place.begin_look();
    place.come_to(1, 50);
    place.come_to(2, 50);
    place.end_move(Usage::default(), Usage::default());
    assert_eq!(place.end_look(true, SystemTime::now()), Some(usage(50, 2)));
}

#[test]
fn a_stop_loses_no_doubt() {
    let sure = |place: &Ledger| place.kept().unwrap().looked_at > SystemTime::UNIX_EPOCH;
    let place = ledger(usage(50, 2));
    assert!(sure(&place));
    place.touch(1, Some(30));
    assert!(!sure(&place), "it is being changed");
    place.untouch(1);
    assert!(sure(&place));
    place.doubt();
    assert!(!sure(&place));
    place.begin_look();
    assert!(!sure(&place), "the doubt is looked at");
    place.end_look(true, SystemTime::now());
    assert!(sure(&place));
}

#[test]
fn what_began_before_a_place_was_forgotten_is_not_counted() {
    let place = ledger(usage(50, 2));
    place.touch(1, None);
    place.begin_move();
    place.forget();
    place.change(1, Usage::default(), usage(7, 1), Usage::default());
    place.end_move(Usage::default(), usage(9, 1));
    assert_eq!(place.used(), (Usage::default(), false));
}

/// What becomes of a file, one thing after another, while looks come and go.
#[derive(Debug, Clone)]
enum Event {
    /// It is about to be stored with this size, or removed.
    Touch(u8, Option<u64>),
    /// That is done.
    Apply(u8),
    /// It is known to be done, or not to have been done.
    End(u8),
    BeginLook,
    /// The look comes to the next file.
    Come,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..12u8, prop::option::of(0..1000u64)).prop_map(|(file, new)| Event::Touch(file, new)),
        4 => (0..12u8).prop_map(Event::Apply),
        4 => (0..12u8).prop_map(Event::End),
        1 => Just(Event::BeginLook),
        6 => Just(Event::Come),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    old: Option<u64>,
    new: Option<u64>,
    is_applied: bool,
}

fn end(place: &Ledger, file: u8, pending: Pending) {
    match pending {
        Pending { old, new, is_applied: true } => {
            place.change(path_of(file), Usage::of(old), Usage::of(new), Usage::default());
        }
        Pending { is_applied: false, .. } => place.untouch(path_of(file)),
    }
}

fn path_of(file: u8) -> u64 {
    u64::from(file + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

proptest! {
    /// Wherever a look begins, also in the middle of a change: in the end each file is counted once.
    #[test]
    fn a_look_may_begin_in_the_middle_of_changes(
        before in prop::collection::btree_map(0..12u8, 0..1000u64, 0..12),
        order in Just((0..12u8).collect::<Vec<_>>()).prop_shuffle(),
        events in prop::collection::vec(event(), 0..120),
    ) {
        let mut files = before;
        let used = |files: &BTreeMap<u8, u64>| usage(files.values().sum(), files.len() as u64);
        let place = ledger(used(&files));
        let mut pending = BTreeMap::<u8, Pending>::new();
        let mut ahead: Option<std::vec::IntoIter<u8>> = None;
        let come = |file: u8, files: &BTreeMap<u8, u64>| {
            if let Some(size) = files.get(&file) {
                place.come_to(path_of(file), *size);
            }
        };
        for event in events {
            match event {
                Event::Touch(file, new) if !pending.contains_key(&file) => {
                    let old = files.get(&file).copied();
                    place.touch(path_of(file), old);
                    pending.insert(file, Pending { old, new, is_applied: false });
                }
                Event::Apply(file) => {
                    if let Some(pending) = pending.get_mut(&file) {
                        pending.is_applied = true;
                        match pending.new {
                            Some(size) => files.insert(file, size),
                            None => files.remove(&file),
                        };
                    }
                }
                Event::End(file) => {
                    if let Some(pending) = pending.remove(&file) {
                        end(&place, file, pending);
                    }
                }
                Event::BeginLook if ahead.is_none() => {
                    place.begin_look();
                    ahead = Some(order.clone().into_iter());
                }
                Event::Come => match ahead.as_mut().map(Iterator::next) {
                    Some(Some(file)) => come(file, &files),
                    Some(None) => {
                        place.end_look(true, SystemTime::now());
                        ahead = None;
                    }
                    None => {}
                },
                Event::Touch(..) | Event::BeginLook => {}
            }
        }
        if let Some(ahead) = ahead {
            ahead.for_each(|file| come(file, &files));
            place.end_look(true, SystemTime::now());
        }
        for (file, pending) in pending {
            end(&place, file, pending);
        }
        prop_assert_eq!(place.used(), (used(&files), true));
        prop_assert!(!place.account().is_doubtful && place.account().touched.is_empty());
    }
}
