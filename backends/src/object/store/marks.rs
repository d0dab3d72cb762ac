//! What marks the uploads of this server on stores that list uploads which were never finished.

use crate::object::settings::Tuning;

const MIB: u64 = 1 << 20;

/// What marks the uploads of this server there: the size of each of their parts is a whole number of mebibytes and so many
/// bytes, but for the last, which is stored only when one of the others is. So whoever comes upon an upload that nobody ends
/// knows whose it is, from its first byte on, and the store has no part that is not a part of the object. Others cut their
/// uploads into whole mebibytes, or by the size of the file; one part in a million of those has such a size by chance.
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
