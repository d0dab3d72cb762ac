//! The measured figures as Markdown, and Wharf's ratio to the others beside its goal.

use std::fmt::Write;

use super::front::Front;
use super::measure::Figures;
use super::work::{Figure, Job};
use crate::place::Ground;
use crate::rows::Better;
use crate::sizes::Sizes;
use crate::standing::Standing;
use crate::table::rounded;

#[derive(Debug, Clone, Copy)]
struct Entry<J> {
    work: J,
    front: Front,
    figures: Figures,
}

pub struct Table<J> {
    entries: Vec<Entry<J>>,
    failed: Vec<(J, Front)>,
    failures: Vec<String>,
    refused: Vec<(J, Front)>,
    /// Who was not done in time, with the figure of one that was done at that moment.
    late: Vec<(J, Front, f64)>,
    remarks: Vec<String>,
}

impl<J: Job> Table<J> {
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            failed: Vec::new(),
            failures: Vec::new(),
            refused: Vec::new(),
            late: Vec::new(),
            remarks: Vec::new(),
        }
    }

    pub fn add(&mut self, work: J, front: Front, figures: Figures) {
        self.entries.push(Entry { work, front, figures });
    }

    pub fn fail(&mut self, work: J, front: Front, round: u32, why: &str) {
        self.failures.push(format!("{}, {}, round {round}: {why}", front.heading(), work.id()));
        self.failed.push((work, front));
    }

    /// A server that does not do this at all, and says so.
    pub fn refuse(&mut self, work: J, front: Front, words: &str) {
        self.remarks.push(format!("{} refuses {}: \"{words}\".", front.heading(), work.id()));
        self.refused.push((work, front));
    }

    /// A server that was not done after so many seconds; its figure would have been this if it had been.
    pub fn late(&mut self, work: J, front: Front, figure: f64, seconds: f64) {
        let seconds = rounded(seconds);
        self.remarks.push(format!("{} was not done with {} after {seconds} s.", front.heading(), work.id()));
        self.late.push((work, front, figure));
    }

    /// What is to be said about refusals and about those who were late, a sentence each.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The failures, a sentence each.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    pub fn markdown(&self, works: &[J], fronts: &[Front], sizes: &Sizes) -> String {
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

    /// Wharf beside the fastest other server, in each row. curl is no server, but the limit.
    pub fn standings(&self, works: &[J], sizes: &Sizes, place: Ground) -> Vec<Standing> {
        let speed = |work, front| {
            self.figure(work, Figure::Speed, front).or(self.late_figure(work, Figure::Speed, front))
        };
        let judged = works.iter().filter_map(|work| {
            let peers = [Front::Rclone, Front::Sftpgo].into_iter();
            let peers = peers.filter_map(|peer| Some((peer.heading(), speed(*work, peer)?)));
            let row = (work.id(), work.title(Figure::Speed, sizes));
            Standing::of(row, place, work.better(Figure::Speed), speed(*work, Front::Wharf), peers)
        });
        judged.collect()
    }

    fn shown(&self, work: J, figure: Figure, front: Front) -> String {
        let failed = if self.failed.contains(&(work, front)) { " failed" } else { "" };
        match self.figure(work, figure, front) {
            Some(figure) => format!("{}{failed}", rounded(figure)),
            None if self.refused.contains(&(work, front)) => "refused".to_owned(),
            None if let Some(late) = self.late_figure(work, figure, front) => match work.better(figure) {
                Better::Less => format!("over {}", rounded(late)),
                Better::More => format!("under {}", rounded(late)),
            },
            None if failed.is_empty() => "-".to_owned(),
            None => failed.trim().to_owned(),
        }
    }

    /// At best, for a server that was late.
    fn late_figure(&self, work: J, figure: Figure, front: Front) -> Option<f64> {
        let late =
            self.late.iter().find(|late| (late.0, late.1) == (work, front) && figure == Figure::Speed)?;
        Some(late.2)
    }

    /// Of times the best of the rounds; of memory and requests the worst, which is what a machine has to have room for.
    fn figure(&self, work: J, figure: Figure, front: Front) -> Option<f64> {
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
    fn compared(&self, work: J, figure: Figure, peer: Front) -> String {
        let ours = self.figure(work, figure, Front::Wharf);
        let late = self.late_figure(work, figure, peer);
        let (Some(ours), Some(theirs)) = (ours, self.figure(work, figure, peer).or(late)) else {
            return "-".to_owned();
        };
        if ours <= 0.0 || theirs <= 0.0 {
            return "-".to_owned();
        }
        let ratio = work.better(figure).ratio(ours, theirs);
        if late.is_some() {
            return format!("over {}×", rounded(ratio));
        }
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
