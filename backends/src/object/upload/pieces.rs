//! Ranges of an object that the store copies into parts of an upload.

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::watch;

use crate::object::settings::Tuning;
use crate::object::store::Store;
use crate::object::store::failure::Failure;
use crate::object::store::marks::{LEAST_MARKED, is_marked, marked};
use crate::object::store::object::Object;

/// The bytes that one request copies of a larger object, and the number of such requests at once: the store works on each of
/// them, so more requests take less time. The size is one that [marks](marked) an upload.
pub(crate) const PIECE: u64 = LEAST_MARKED - Tuning::MIN_PART_SIZE + (1 << 30);
const PIECES_AT_ONCE: usize = 8;

/// Copies pieces of an object into parts of an upload, the first of which has the number `first`, and returns their entity
/// tags.
pub(super) async fn copy_pieces(
    store: &dyn Store,
    from: &Object,
    pieces: Vec<(u64, u64)>,
    to: &str,
    upload: &str,
    first: usize,
) -> Result<Vec<String>, Failure> {
    // Pieces that are no marks are copied after a part is stored that marks the upload as ours.
    let has_marks = pieces.iter().any(marks);
    let is_marked = &watch::Sender::new(!has_marks);
    let copied = pieces.into_iter().enumerate().map(|(index, piece)| {
        async move {
            if !marks(&piece) {
                // Its sender is there for as long as this is.
                let _ = is_marked.subscribe().wait_for(|is_marked| *is_marked).await;
            }
            let e_tag = store.copy_part(from, piece, to, upload, first + index).await?;
            is_marked.send_replace(true);
            Ok::<_, Failure>(e_tag)
        }
    });
    // If the store may not know such requests, no other may be under way when the first one is refused: an empty part could
    // replace the one that is sent instead.
    let at_once = if store.copies_parts() == Some(true) { PIECES_AT_ONCE } else { 1 };
    stream::iter(copied).buffered(at_once).try_collect().await
}

/// Whether a part of this range marks an upload as ours.
fn marks((first, last): &(u64, u64)) -> bool {
    is_marked(last - first + 1)
}

/// Cuts `length` bytes into ranges, each with its last byte. None is shorter than what a part has to have, unless all of it
/// is.
pub(crate) fn pieces(length: u64) -> Vec<(u64, u64)> {
    let count = (length / PIECE).max(1);
    // The last one takes the rest, which makes it shorter than two.
    let start = |index| index * PIECE;
    (0..count)
        .map(|index| (start(index), if index + 1 == count { length } else { start(index + 1) } - 1))
        .collect()
}

/// Cuts `length` bytes into ranges of `size` bytes, each with its last byte; the last one takes what is left.
pub(crate) fn equal_pieces(length: u64, size: u64) -> Vec<(u64, u64)> {
    (0..length.div_ceil(size)).map(|index| (index * size, ((index + 1) * size).min(length) - 1)).collect()
}

/// Cuts the first bytes of an object that others are to follow into ranges, as [`pieces`] does, at least one of which marks
/// the upload. They end before `length` bytes where that takes a range that is too short for a part.
pub(crate) fn kept_pieces(length: u64) -> Vec<(u64, u64)> {
    if length >= 2 * PIECE {
        return pieces(length);
    }
    let first = match length {
        ..LEAST_MARKED => return Vec::new(),
        _ if is_marked(length) => length,
        _ if length < LEAST_MARKED + Tuning::MIN_PART_SIZE => LEAST_MARKED,
        // At most one mebibyte less than there is room for.
        _ => match marked(length - Tuning::MIN_PART_SIZE) {
            size if size + Tuning::MIN_PART_SIZE > length => marked(size - (1 << 20)),
            size => size,
        },
    };
    let rest = (length - first >= Tuning::MIN_PART_SIZE).then(|| (first, length - 1));
    std::iter::once((0, first - 1)).chain(rest).collect()
}

#[cfg(test)]
#[path = "pieces_tests.rs"]
mod tests;
