//! The measured figures as Markdown, and Wharf's ratio to the others beside its goal.

use std::fmt::Write;

use super::front::Front;
use super::measure::Figures;
use super::work::{Figure, Work};
use crate::rows::Better;
use crate::sizes::Sizes;
use crate::standing::below;
use crate::table::rounded;

#[derive(Debug, Clone, Copy)]
struct Entry {
    work: Work,
    front: Front,
    figures: Figures,
}

#[derive(Default)]
pub struct Table {
    entries: Vec<Entry>,
    failed: Vec<(Work, Front)>,
    failures: Vec<String>,
}

impl Table {
    pub fn add(&mut self, work: Work, front: Front, figures: Figures) {
        self.entries.push(Entry { work, front, figures });
    }

    pub fn fail(&mut self, work: Work, front: Front, round: u32, why: &str) {
        self.failures.push(format!("{}, {}, round {round}: {why}", front.heading(), work.id()));
        self.failed.push((work, front));
    }

    /// The failures, a sentence each.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    pub fn markdown(&self, works: &[Work], fronts: &[Front], sizes: &Sizes) -> String {
        let peers: Vec<Front> = match fronts.contains(&Front::Wharf) {
            true => fronts.iter().copied().filter(|front| *front != Front::Wharf).collect(),
            false => Vec::new(),
        };
        let mut text = String::from("| |");
        for front in fronts {
            write!(text, " {} |", front.heading()).ok();
        }
        for peer in &peers {
            write!(text, " Wharf to {} |", peer.id()).ok();
        }
        text.push_str("\n|---|");
        text.push_str(&"--:|".repeat(fronts.len() + peers.len()));
        for figure in Figure::ALL {
            for work in works.iter().copied().filter(|work| work.gives(figure)) {
                write!(text, "\n| {} |", work.title(figure, sizes)).ok();
                for front in fronts {
                    write!(text, " {} |", self.shown(work, figure, *front)).ok();
                }
                for peer in &peers {
                    write!(text, " {} |", self.compared(work, figure, *peer)).ok();
                }
            }
        }
        text.push('\n');
        text
    }

    /// The rows in which another server was faster than Wharf, a sentence each. curl is no server, but the limit.
    pub fn below(&self, works: &[Work], sizes: &Sizes) -> Vec<String> {
        let speed = |work, front| self.figure(work, Figure::Speed, front);
        let judged = works.iter().filter_map(|work| {
            let peers = [Front::Rclone, Front::Sftpgo].into_iter();
            let peers = peers.filter_map(|peer| Some((peer.heading(), speed(*work, peer)?)));
            let row = work.title(Figure::Speed, sizes);
            below(&row, work.better(Figure::Speed), speed(*work, Front::Wharf), peers)
        });
        judged.collect()
    }

    fn shown(&self, work: Work, figure: Figure, front: Front) -> String {
        let failed = if self.failed.contains(&(work, front)) { " failed" } else { "" };
        match self.figure(work, figure, front) {
            Some(figure) => format!("{}{failed}", rounded(figure)),
            None if failed.is_empty() => "-".to_owned(),
            None => failed.trim().to_owned(),
        }
    }

    /// Of times the best of the rounds; of memory and requests the worst, which is what a machine has to have room for.
    fn figure(&self, work: Work, figure: Figure, front: Front) -> Option<f64> {
        let ours = self.entries.iter().filter(|entry| entry.work == work && entry.front == front);
        let figures = ours.filter_map(|entry| match figure {
            Figure::Speed => Some(entry.figures.speed),
            Figure::ServerTime => Some(entry.figures.server_time),
            Figure::StoreTime => Some(entry.figures.store_time),
            Figure::Memory => entry.figures.memory,
            Figure::Requests => Some(entry.figures.requests),
        });
        let kept = match figure {
            Figure::Speed | Figure::ServerTime | Figure::StoreTime => work.better(figure),
            Figure::Memory | Figure::Requests => Better::More,
        };
        figures.reduce(|one, other| kept.of(one, other))
    }

    /// How many times as good Wharf is, and whether that is as much as is meant to be.
    fn compared(&self, work: Work, figure: Figure, peer: Front) -> String {
        let ours = self.figure(work, figure, Front::Wharf);
        let (Some(ours), Some(theirs)) = (ours, self.figure(work, figure, peer)) else {
            return "-".to_owned();
        };
        if ours <= 0.0 || theirs <= 0.0 {
            return "-".to_owned();
        }
        let ratio = work.better(figure).ratio(ours, theirs);
        let target = match peer {
            Front::Rclone => work.target(figure).rclone,
            Front::Curl => work.target(figure).curl,
            Front::Wharf | Front::Sftpgo => None,
        };
        match target {
            Some(target) if ratio < target => format!("{}× (missed: {target})", rounded(ratio)),
            Some(target) => format!("{}× (at least {target})", rounded(ratio)),
            None => format!("{}×", rounded(ratio)),
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
