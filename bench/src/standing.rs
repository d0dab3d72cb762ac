//! The rows in which a peer was better than Wharf.

use crate::rows::Better;
use crate::table::rounded;

/// How Wharf stands to the best of its peers in one row, in a sentence; `None` if it is at least as good, or if there
/// is nothing to compare.
pub fn below<'a>(
    row: &str,
    better: Better,
    ours: Option<f64>,
    peers: impl Iterator<Item = (&'a str, f64)>,
) -> Option<String> {
    let ours = ours.filter(|figure| *figure > 0.0)?;
    // Noise may make the memory of a few sessions negative.
    let peers = peers.filter(|(_, figure)| *figure > 0.0);
    let ratios = peers.map(|(name, theirs)| (name, better.ratio(ours, theirs)));
    let (name, ratio) = ratios.min_by(|one, other| one.1.total_cmp(&other.1))?;
    (ratio < 1.0).then(|| format!("{row}: {}× of {name}", rounded(ratio)))
}

/// The lines of a report.
pub fn lines(below: &[String]) -> Vec<String> {
    if below.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "Below the best peer in this run:".to_owned(), String::new()];
    lines.extend(below.iter().map(|line| format!("- {line}")));
    lines
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
