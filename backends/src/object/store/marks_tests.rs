use super::*;

#[test]
fn a_marked_size_is_as_near_as_it_can_be() {
    for size in [0, 5 << 20, (5 << 20) + 1, 8 << 20, (64 << 20) - 1, 1 << 30, 5 << 30] {
        let marked = marked(size);
        assert!(is_marked(marked) && marked <= 5 << 30, "{size}");
        assert!(size < 5 << 20 || size.abs_diff(marked) < 1 << 20, "{size}");
    }
    for others in [0, RESIDUE, 5 << 20, 8 << 20, (8 << 20) + 1, (5 << 20) - 1] {
        assert!(!is_marked(others), "{others}");
    }
}
