//! Whether a listing comes to an end.

use std::hash::{BuildHasher, RandomState};

use super::failure::Failure;

/// Pages in a row that may bring no other name than the page before: they can be empty, and hold nothing but what FTP can't
/// name.
const LONGEST_STANDSTILL: u32 = 10_000;

/// The way of a listing so far: a store that leads in a circle, or on and on, would keep its reader for ever.
///
/// Circles are found by Brent's algorithm, in a few times their length, with one place remembered.
#[derive(Debug, Default)]
pub(crate) struct Course {
    hasher: RandomState,
    remembered: Option<u64>,
    /// Pages since that one, and how many there may be before another one is remembered.
    steps: u64,
    power: u64,
    /// The last name of a page, and the number of pages since then without a new name. Not every store lists names in order.
    last: String,
    standstill: u32,
}

impl Course {
    /// Takes note of a page: where the next one begins, and the last name in it.
    ///
    /// # Errors
    /// A sentence for the operator, if there is to be no next one.
    pub(crate) fn pass(&mut self, next: &str, last: &str) -> Result<(), Failure> {
        let next = self.hasher.hash_one(next);
        if self.remembered == Some(next) {
            let text = "the store tells the same page of its listing for ever";
            return Err(Failure::Malformed(text.to_owned()));
        }
        self.steps += 1;
        if self.steps >= self.power {
            (self.remembered, self.steps) = (Some(next), 0);
            self.power = (self.power * 2).max(1);
        }
        if !last.is_empty() && last != self.last {
            last.clone_into(&mut self.last);
            self.standstill = 0;
            return Ok(());
        }
        self.standstill += 1;
        match self.standstill < LONGEST_STANDSTILL {
            true => Ok(()),
            false => {
                let text =
                    format!("the store's listing has no end: {LONGEST_STANDSTILL} pages brought nothing new");
                Err(Failure::Malformed(text))
            }
        }
    }
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
