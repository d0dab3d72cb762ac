//! How an upload is cut into parts.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use object_store::PutPayload;

use crate::object::settings::Tuning;
use crate::object::store::marks::{LEAST_MARKED, marked};

/// The largest object that the clouds take, in bytes; S3's old limit, and near enough to the others'.
const MAX_OBJECT: u64 = 5 << 40;

/// After one of so many of the parts that an upload may have, the next ones may be twice as large.
const STEPS: u64 = 11;

/// Chunks shorter than this are joined: each that is kept apart costs more than copying it, and one
/// that is a slice of a large buffer would keep the whole of it.
const SMALL: usize = 16 * 1024;

/// The sizes of the parts of one upload. All are equal until so many are sent that the limit on their
/// number would be met below the limit on the size of an object.
#[derive(Debug)]
pub(crate) struct PartSizes {
    current: u64,
    largest: u64,
    /// All have one size, but for the last.
    are_equal: bool,
    /// Each size is [`marked`].
    are_marked: bool,
    sent: u64,
    parts: u64,
    /// The size of the first one, if it is sent.
    first: Option<u64>,
    /// Those of an upload that is gone on with, whose parts have to be of these sizes.
    is_restored: bool,
    /// How many there may be.
    most: u64,
}

impl PartSizes {
    /// At most so many parts of `part_size` bytes, which grow to `largest`.
    pub(crate) fn new(most: u64, part_size: u64, largest: u64) -> Self {
        let largest = largest.clamp(Tuning::MIN_PART_SIZE, Tuning::MAX_PART_SIZE);
        let current = part_size.min(largest);
        Self {
            current,
            largest,
            are_equal: false,
            are_marked: false,
            sent: 0,
            parts: 0,
            first: None,
            is_restored: false,
            most,
        }
    }

    /// Parts of `part_size` bytes, however many there are.
    pub(crate) fn equal(most: u64, part_size: u64) -> Self {
        Self { are_equal: true, ..Self::new(most, part_size, part_size) }
    }

    /// The same with sizes that mark the upload.
    pub(crate) fn marked(self) -> Self {
        let (current, largest) = (marked(self.current), marked(self.largest));
        Self { current, largest, are_marked: true, ..self }
    }

    /// Begins with parts of this size, as an upload did that is gone on with.
    pub(crate) fn restore(&mut self, part_size: u64) {
        if part_size > 0 {
            self.current = part_size;
            self.largest = self.largest.max(part_size);
            self.is_restored = true;
        }
    }

    /// The next larger size.
    fn grown(&self) -> u64 {
        let twice = self.current.saturating_mul(2);
        if self.are_marked { marked(twice).min(self.largest) } else { twice.min(self.largest) }
    }

    /// Whether all have one size, but for the last.
    pub(crate) fn are_equal(&self) -> bool {
        self.are_equal
    }

    /// How many parts there may be.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// How many more there may be.
    pub(crate) fn left(&self) -> u64 {
        self.most.saturating_sub(self.parts)
    }

    /// Leaves so many numbers of parts for what comes before the rest in the end.
    pub(crate) fn leave_room(&mut self, parts: u64) {
        self.parts += parts;
    }

    /// Notes that `parts` parts with `bytes` bytes in all were made in another way.
    pub(crate) fn skip(&mut self, parts: u64, bytes: u64) {
        self.parts += parts;
        self.sent += bytes;
        // As many as are left may have to hold the rest of the largest object.
        while self.reachable() < MAX_OBJECT && self.current < self.largest {
            self.current = self.grown();
        }
    }

    fn reachable(&self) -> u64 {
        self.sent.saturating_add(self.current.saturating_mul(self.left()))
    }

    /// The size of the next part, in bytes.
    pub(crate) fn next(&self) -> u64 {
        self.current
    }

    /// The size of the first part, which may not be sent yet.
    pub(crate) fn first(&self) -> u64 {
        self.first.unwrap_or(self.current)
    }

    /// Takes the smallest parts that stores accept, unless one is sent already: while they are few, all have one size. Where
    /// that is so to the end, it would make the largest file smaller.
    pub(crate) fn shrink(&mut self) {
        if self.parts == 0 && !self.are_equal && !self.is_restored {
            let least = if self.are_marked { LEAST_MARKED } else { Tuning::MIN_PART_SIZE };
            self.current = self.current.min(least);
        }
    }

    /// Notes that a part of the size [`next`](Self::next) is sent.
    pub(crate) fn advance(&mut self) {
        self.first.get_or_insert(self.current);
        self.sent += self.current;
        self.parts += 1;
        if self.parts.is_multiple_of((self.most / STEPS).max(1)) && self.reachable() < MAX_OBJECT {
            self.current = self.grown();
        }
    }
}

/// Bytes that wait to become a part; nothing larger than [`SMALL`] is ever copied.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    chunks: VecDeque<Bytes>,
    small: BytesMut,
    length: u64,
}

impl Gathered {
    /// All bytes in it.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len() as u64;
        if bytes.len() < SMALL {
            self.small.extend_from_slice(&bytes);
            if self.small.len() >= 4 * SMALL {
                self.close_small();
            }
        } else {
            self.close_small();
            self.chunks.push_back(bytes);
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.chunks.push_back(self.small.split().freeze());
        }
    }

    /// Takes the first `length` bytes, or all if there are fewer.
    pub(crate) fn take(&mut self, length: u64) -> PutPayload {
        self.close_small();
        let mut rest = length.min(self.length);
        self.length -= rest;
        let mut taken = Vec::new();
        while rest > 0
            && let Some(mut chunk) = self.chunks.pop_front()
        {
            let fits = usize::try_from(rest).unwrap_or(usize::MAX);
            if chunk.len() > fits {
                let first = chunk.split_to(fits);
                self.chunks.push_front(chunk);
                chunk = first;
            }
            rest -= chunk.len() as u64;
            taken.push(chunk);
        }
        taken.into_iter().collect()
    }
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
