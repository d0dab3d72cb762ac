use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn what_others_change_much_of_is_in_doubt() {
    let mut look = Look::new();
    assert!(!look.is_off());
    (0..1000).for_each(|path| look.come_to(path, 10));
    look.change_elsewhere(Usage::new(100, 10));
    assert!(!look.is_off());
    look.change_elsewhere(Usage::new(100, 1));
    assert!(look.is_off());
}

/// What somebody does, before the look comes to the next file.
#[derive(Debug, Clone)]
enum Step {
    Store(u8, u64),
    Remove(u8),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..24u8, 0..1000u64).prop_map(|(file, size)| Step::Store(file, size)),
        (0..24u8).prop_map(Step::Remove),
        Just(Step::Look),
    ]
}

fn hash(file: u8) -> u64 {
    u64::from(file + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn usage(file: Option<u64>) -> Usage {
    Usage::of(file)
}

proptest! {
    /// Whatever changes while a look is under way, and wherever the look is then, its result is what is there in the end.
    #[test]
    fn changes_meanwhile_are_counted_once(
        before in prop::collection::btree_map(0..24u8, 0..1000u64, 0..24),
        order in Just((0..24u8).collect::<Vec<_>>()).prop_shuffle(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut files: BTreeMap<u8, u64> = before;
        let mut look = Look::new();
        let mut ahead = order.into_iter();
        let mut come = |look: &mut Look, files: &BTreeMap<u8, u64>, steps: usize| {
            for file in ahead.by_ref().take(steps) {
                if let Some(size) = files.get(&file) {
                    look.come_to(hash(file), *size);
                }
            }
        };
        for step in steps {
            let (file, new) = match step {
                Step::Look => {
                    come(&mut look, &files, 1);
                    continue;
                }
                Step::Store(file, size) => (file, Some(size)),
                Step::Remove(file) => (file, None),
            };
            let old = files.get(&file).copied();
            look.touch(hash(file), old);
            match new {
                Some(size) => files.insert(file, size),
                None => files.remove(&file),
            };
            look.change(usage(old), usage(new));
        }
        come(&mut look, &files, usize::MAX);
        let there = Usage { bytes: files.values().sum(), files: files.len() as u64 };
        prop_assert_eq!(look.total(), there);
        prop_assert!(!look.is_disturbed());
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut look = Look::new();
    for path in 0..=MOST_TOUCHED as u64 {
        look.touch(path.wrapping_mul(0x9e37_79b9_7f4a_7c15), None);
    }
    assert!(look.touched.len() == MOST_TOUCHED && look.is_disturbed());
    look.change(Usage { bytes: 9, files: 1 }, Usage::default());
    assert_eq!(look.total(), Usage::default());
}
