use super::*;

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
