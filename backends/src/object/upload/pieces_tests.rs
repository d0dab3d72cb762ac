use super::*;

/// What S3 copies in one request.
const MAX_COPY: u64 = 5 << 30;

#[test]
fn equal_pieces_are_equal_but_for_the_last() {
    assert_eq!(equal_pieces(0, 10), []);
    assert_eq!(equal_pieces(9, 10), [(0, 8)]);
    assert_eq!(equal_pieces(20, 10), [(0, 9), (10, 19)]);
    assert_eq!(equal_pieces(21, 10), [(0, 9), (10, 19), (20, 20)]);
    assert_eq!(equal_pieces(5 << 40, PIECE).len(), 5120);
    assert!(marks(&(0, PIECE - 1)));
}

#[test]
fn pieces_cover_everything_once() {
    for length in [1, 5 << 20, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE, 7 * PIECE + 12_345, 5 << 40] {
        let pieces = pieces(length);
        assert!(pieces.len() < 10_000, "{length}");
        let mut next = 0;
        for (first, last) in &pieces {
            assert_eq!(*first, next);
            assert!(last - first < MAX_COPY && (pieces.len() == 1 || last - first + 1 >= PIECE), "{length}");
            next = last + 1;
        }
        assert_eq!(next, length);
    }
}

#[test]
fn what_is_kept_begins_with_a_mark() {
    const MIB: u64 = 1 << 20;
    let around = |size: u64| [size - 1, size, size + 1];
    let sizes = [LEAST_MARKED, LEAST_MARKED + 5 * MIB, 11 * MIB, 64 * MIB, PIECE, 2 * PIECE, 7 * PIECE];
    for length in sizes.into_iter().flat_map(around) {
        let pieces = kept_pieces(length);
        let mut next = 0;
        for (first, last) in &pieces {
            assert_eq!(*first, next, "{length}");
            assert!((5 * MIB..=MAX_COPY).contains(&(last + 1 - first)), "{length}");
            next = last + 1;
        }
        assert!(pieces.iter().any(marks) == (length >= LEAST_MARKED), "{length}: {pieces:?}");
        assert!(length - next <= 5 * MIB + LEAST_MARKED, "{length}");
        assert!(length - next < 5 * MIB || length < LEAST_MARKED, "{length}");
    }
}
