//! The marks of this server's uploads: of unfinished ones on stores that list them, and of single ones in their objects.

use crate::object::settings::Tuning;

const MIB: u64 = 1 << 20;

/// The mark of this server's uploads: the size of each part is a whole number of mebibytes plus this number of bytes, except for
/// the last part, which is stored only after another one. So a sweep recognises an abandoned upload from its first part on, and the
/// store holds no part that only marks. Other programs cut their uploads into whole mebibytes, or by the size of the file; one in a
/// million of their parts has such a size by chance.
const RESIDUE: u64 = 22_513;

/// The name of the metadata that hold the mark of the upload by which an object was stored.
pub(crate) const NAME: &str = "wharfupload";

/// A mark as metadata.
pub(crate) fn format(mark: u128) -> String {
    format!("{mark:032x}")
}

/// The mark that metadata hold.
pub(crate) fn parse(text: &str) -> Option<u128> {
    u128::from_str_radix(text.trim(), 16).ok()
}

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
