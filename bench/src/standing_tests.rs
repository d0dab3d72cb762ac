use super::below;
use crate::rows::Better;

#[test]
fn the_best_peer_counts_whichever_figures_are_good() {
    let below =
        |better, ours| below("row", better, Some(ours), [("slow", 50.0), ("fast", 100.0)].into_iter());
    assert_eq!(below(Better::More, 80.0).unwrap(), "row: 0.80× of fast");
    assert_eq!(below(Better::More, 100.0), None);
    assert_eq!(below(Better::Less, 80.0).unwrap(), "row: 0.62× of slow");
    assert_eq!(below(Better::Less, 50.0), None);
}

#[test]
fn a_row_without_figures_on_both_sides_is_not_judged() {
    let peer = [("peer", 10.0)];
    assert_eq!(below("row", Better::More, None, peer.into_iter()), None);
    assert_eq!(below("row", Better::More, Some(5.0), std::iter::empty()), None);
    assert_eq!(below("row", Better::Less, Some(-1.0), peer.into_iter()), None);
    assert_eq!(below("row", Better::Less, Some(5.0), [("noise", -1.0)].into_iter()), None);
}
