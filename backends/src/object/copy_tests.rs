use super::*;

#[test]
fn equal_pieces_are_equal_but_for_the_last() {
    assert_eq!(equal_pieces(0, 10), []);
    assert_eq!(equal_pieces(9, 10), [(0, 8)]);
    assert_eq!(equal_pieces(20, 10), [(0, 9), (10, 19)]);
    assert_eq!(equal_pieces(21, 10), [(0, 9), (10, 19), (20, 20)]);
    assert_eq!(equal_pieces(5 << 40, PIECE).len(), 5120);
}

#[test]
fn pieces_cover_everything_once() {
    for length in [1, 5 << 20, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE, 7 * PIECE + 12_345, 5 << 40] {
        let pieces = pieces(length);
        assert!(pieces.len() < 10_000, "{length}");
        let mut next = 0;
        for (first, last) in &pieces {
            assert_eq!(*first, next);
            assert!(
                last - first < MAX_S3_COPY && (pieces.len() == 1 || last - first + 1 >= PIECE),
                "{length}"
            );
            next = last + 1;
        }
        assert_eq!(next, length);
    }
}
