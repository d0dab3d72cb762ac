//! A look at all files of a place, while they change.
//!
//! The plan. A look takes long, and what changes meanwhile may have been counted before its change, or will be found behind it.
//! So each change [touches](Look::touch) its path first. A touched path is not counted when the look comes to it. If the look has
//! come to it before, its old size was counted, and the change makes a difference to that; if it has not, the old size is added
//! by the touch. Which paths the look has come to is remembered in a filter of fixed size: it takes a path that was not counted
//! for one that was once in a while, and then the count is wrong by that one file until the next look.

use std::collections::HashSet;

use super::Usage;

/// The words of the filter: one mebibyte.
const WORDS: usize = 128 * 1024;

/// How many bits of the filter a path has.
const BITS: u32 = 3;

/// How many changed paths are remembered.
const MOST_TOUCHED: usize = 100_000;

/// A look is in doubt if other replicas have changed more than this part of what it found meanwhile: it may have come to that, or not.
const MUCH: u64 = 64;

/// A look that is under way.
#[derive(Debug)]
pub(super) struct Look {
    counted: Usage,
    /// What changes have made of it since.
    bytes: i128,
    files: i128,
    seen: Box<[u64]>,
    touched: HashSet<u64>,
    /// Something changed that can't be taken into account.
    is_disturbed: bool,
    /// What was changed elsewhere, there and back.
    elsewhere: Usage,
}

impl Look {
    pub(super) fn new() -> Self {
        Self {
            counted: Usage::default(),
            bytes: 0,
            files: 0,
            seen: vec![0; WORDS].into_boxed_slice(),
            touched: HashSet::new(),
            is_disturbed: false,
            elsewhere: Usage::default(),
        }
    }

    /// The look has come to a file of this size; the path is known by its hash.
    pub(super) fn come_to(&mut self, path: u64, size: u64) {
        if self.touched.contains(&path) {
            return;
        }
        self.counted.bytes = self.counted.bytes.saturating_add(size);
        self.counted.files += 1;
        for (word, bit) in places(path) {
            self.seen[word] |= bit;
        }
    }

    /// What is at a path is about to change: a file of the old size, or nothing.
    pub(super) fn touch(&mut self, path: u64, old: Option<u64>) {
        if self.touched.len() == MOST_TOUCHED && !self.touched.contains(&path) {
            self.is_disturbed = true;
            return;
        }
        let was_counted = places(path).all(|(word, bit)| self.seen[word] & bit != 0);
        if self.touched.insert(path)
            && !was_counted
            && let Some(size) = old
        {
            self.bytes += i128::from(size);
            self.files += 1;
        }
    }

    /// It has changed.
    pub(super) fn change(&mut self, less: Usage, more: Usage) {
        self.bytes += i128::from(more.bytes) - i128::from(less.bytes);
        self.files += i128::from(more.files) - i128::from(less.files);
    }

    /// So much was changed elsewhere, at paths that nobody has told of.
    pub(super) fn change_elsewhere(&mut self, changed: Usage) {
        self.elsewhere = self.elsewhere.plus(changed);
    }

    /// Whether it may be wrong by much because of that.
    pub(super) fn is_off(&self) -> bool {
        let (found, Usage { bytes, files }) = (self.total(), self.elsewhere);
        bytes > found.bytes / MUCH || files > found.files / MUCH
    }

    /// Many paths have changed at once.
    pub(super) fn disturb(&mut self) {
        self.is_disturbed = true;
    }

    pub(super) fn is_disturbed(&self) -> bool {
        self.is_disturbed
    }

    /// What was found, as far as the look has come.
    pub(super) fn total(&self) -> Usage {
        let sum = |counted: u64, change: i128| {
            u64::try_from((i128::from(counted) + change).max(0)).unwrap_or(u64::MAX)
        };
        Usage { bytes: sum(self.counted.bytes, self.bytes), files: sum(self.counted.files, self.files) }
    }
}

/// The bits of a path in the filter.
fn places(path: u64) -> impl Iterator<Item = (usize, u64)> {
    let bits = WORDS as u64 * u64::from(u64::BITS);
    (0..BITS).map(move |number| {
        let place = path.rotate_left(21 * number) % bits;
        (usize::try_from(place / 64).unwrap_or_default(), 1 << (place % 64))
    })
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
