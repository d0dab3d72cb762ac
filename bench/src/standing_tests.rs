use super::{Standing, lines};
use crate::place::Ground;
use crate::rows::Better;

fn standing(better: Better, ours: Option<f64>, peers: &[(&'static str, f64)]) -> Option<Standing> {
    Standing::of(("row", "the row".to_owned()), Ground::Disk, better, ours, peers.iter().copied())
}

#[test]
fn the_best_peer_counts_whichever_figures_are_good() {
    let peers = [("slow", 50.0), ("fast", 100.0)];
    let standing = |better, ours| standing(better, Some(ours), &peers).unwrap();
    let of = |better, ours| (standing(better, ours).ratio, standing(better, ours).peer);
    assert_eq!(of(Better::More, 80.0), (0.8, "fast"));
    assert_eq!(of(Better::More, 200.0), (2.0, "fast"));
    assert_eq!(of(Better::Less, 80.0), (0.625, "slow"));
    assert_eq!(of(Better::Less, 25.0), (2.0, "slow"));

    assert_eq!(
        lines(&[standing(Better::More, 80.0), standing(Better::Less, 50.0), standing(Better::Less, 80.0)])
            [3..],
        ["- the row: 0.80× of fast", "- the row: 0.62× of slow"]
    );
    assert!(lines(&[standing(Better::More, 100.0)]).is_empty());
}

#[test]
fn a_row_without_figures_on_both_sides_is_not_judged() {
    let peer = [("peer", 10.0)];
    assert_eq!(standing(Better::More, None, &peer), None);
    assert_eq!(standing(Better::More, Some(5.0), &[]), None);
    assert_eq!(standing(Better::Less, Some(-1.0), &peer), None);
    assert_eq!(standing(Better::Less, Some(5.0), &[("noise", -1.0)]), None);
}
