//! The mark of this server's uploads, on stores that list unfinished uploads.

use crate::object::settings::Tuning;

const MIB: u64 = 1 << 20;

/// The mark of this server's uploads: the size of each part is a whole number of mebibytes plus this number of bytes, except for
/// the last part, which is stored only after another one. So a sweep recognises an abandoned upload from its first part on, and the
/// store holds no part that only marks. Other programs cut their uploads into whole mebibytes, or by the size of the file; one in a
/// million of their parts has such a size by chance.
const RESIDUE: u64 = 22_513;

/// The smallest part that marks an upload.
pub(crate) const LEAST_MARKED: u64 = Tuning::MIN_PART_SIZE + RESIDUE;

/// Whether a part of this size marks an upload as ours.
pub(crate) fn is_marked(size: u64) -> bool {
    size >= LEAST_MARKED && size % MIB == RESIDUE
}

/// The size of a part that marks an upload, as near to this one as there is one with as many whole mebibytes.
pub(crate) fn marked(size: u64) -> u64 {
    let whole = size - size % MIB;
    whole.clamp(Tuning::MIN_PART_SIZE, Tuning::MAX_PART_SIZE - MIB) + RESIDUE
}

#[cfg(test)]
#[path = "marks_tests.rs"]
mod tests;
