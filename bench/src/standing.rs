//! How Wharf stands to its peers, and the rows in which a peer was better.

use crate::place::Ground;
use crate::rows::Better;
use crate::table::rounded;

/// Wharf and the best of its peers in one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// As it is written on the command line, and in the report.
    pub row: &'static str,
    pub title: String,
    pub place: Ground,
    pub peer: &'static str,
    /// How many times as good Wharf is.
    pub ratio: f64,
}

impl Standing {
    /// `None` if there is nothing to compare.
    pub fn of(
        (row, title): (&'static str, String),
        place: Ground,
        better: Better,
        ours: Option<f64>,
        peers: impl Iterator<Item = (&'static str, f64)>,
    ) -> Option<Self> {
        let ours = ours.filter(|figure| *figure > 0.0)?;
        // Noise may make the memory of a few sessions negative.
        let peers = peers.filter(|(_, figure)| *figure > 0.0);
        let ratios = peers.map(|(name, theirs)| (name, better.ratio(ours, theirs)));
        let (peer, ratio) = ratios.min_by(|one, other| one.1.total_cmp(&other.1))?;
        Some(Self { row, title, place, peer, ratio })
    }

    /// A sentence, if the peer was better.
    fn below(&self) -> Option<String> {
        (self.ratio < 1.0).then(|| format!("{}: {}× of {}", self.title, rounded(self.ratio), self.peer))
    }
}

/// The lines of a report.
pub fn lines(standings: &[Standing]) -> Vec<String> {
    let below: Vec<String> = standings.iter().filter_map(Standing::below).collect();
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
