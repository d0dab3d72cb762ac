//! The measured figures as Markdown.

use std::fmt::Write;

use crate::place::Ground;
use crate::rows::Row;
use crate::servers::Kind;
use crate::sizes::Sizes;
use crate::standing::Standing;

/// The figure of one server in one row.
#[derive(Debug, Clone, Default)]
struct Cell {
    best: Option<f64>,
    failed: bool,
}

pub struct Table {
    rows: Vec<Row>,
    servers: Vec<Kind>,
    cells: Vec<Vec<Cell>>,
    failures: Vec<String>,
}

impl Table {
    pub fn new(rows: &[Row], servers: &[Kind]) -> Self {
        let cells = vec![vec![Cell::default(); servers.len()]; rows.len()];
        Self { rows: rows.to_vec(), servers: servers.to_vec(), cells, failures: Vec::new() }
    }

    /// Keeps the figure if it's the best so far.
    pub fn add(&mut self, row: Row, server: Kind, figure: f64) {
        if let Some(cell) = self.cell_mut(row, server) {
            cell.best = Some(cell.best.map_or(figure, |best| row.better().of(best, figure)));
        }
    }

    pub fn fail(&mut self, row: Row, server: Kind, round: u32, why: &str) {
        self.failures.push(format!("{}, {}, round {round}: {why}", server.heading(), row.id()));
        if let Some(cell) = self.cell_mut(row, server) {
            cell.failed = true;
        }
    }

    /// The failures, a sentence each.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    pub fn markdown(&self, sizes: &Sizes) -> String {
        let mut text = String::from("| |");
        for server in &self.servers {
            write!(text, " {} |", server.heading()).ok();
        }
        text.push_str("\n|---|");
        text.push_str(&"--:|".repeat(self.servers.len()));
        for row in &self.rows {
            write!(text, "\n| {} |", row.title(sizes)).ok();
            for server in &self.servers {
                write!(text, " {} |", self.shown(*row, *server)).ok();
            }
        }
        text.push('\n');
        text
    }

    /// Wharf's engine `native` beside the best of the other servers, in each row.
    pub fn standings(&self, sizes: &Sizes, place: Ground) -> Vec<Standing> {
        let best = |row, server| self.cell(row, server).and_then(|cell| cell.best);
        let judged = self.rows.iter().filter_map(|row| {
            let peers = self.servers.iter().filter(|server| !server.is_wharf());
            let peers = peers.filter_map(|server| Some((server.heading(), best(*row, *server)?)));
            let ours = best(*row, Kind::WharfNative);
            Standing::of((row.id(), row.title(sizes)), place, row.better(), ours, peers)
        });
        judged.collect()
    }

    fn shown(&self, row: Row, server: Kind) -> String {
        let Some(cell) = self.cell(row, server) else { return String::new() };
        let failed = if cell.failed { " failed" } else { "" };
        match cell.best {
            Some(best) => {
                let reference = self.cell(row.compared_with(), Kind::Vsftpd).and_then(|cell| cell.best);
                let ratio = reference.and_then(|reference| ratio(row, best, reference));
                format!("{}{}{failed}", rounded(best), ratio.unwrap_or_default())
            }
            None if cell.failed => failed.trim().to_owned(),
            None => "-".to_owned(),
        }
    }

    fn cell(&self, row: Row, server: Kind) -> Option<&Cell> {
        let row = self.rows.iter().position(|it| *it == row)?;
        let column = self.servers.iter().position(|it| *it == server)?;
        self.cells.get(row)?.get(column)
    }

    fn cell_mut(&mut self, row: Row, server: Kind) -> Option<&mut Cell> {
        let row = self.rows.iter().position(|it| *it == row)?;
        let column = self.servers.iter().position(|it| *it == server)?;
        self.cells.get_mut(row)?.get_mut(column)
    }
}

/// `None` if it would mean nothing: with a few sessions, noise may make the difference of memory negative.
fn ratio(row: Row, best: f64, reference: f64) -> Option<String> {
    (best > 0.0 && reference > 0.0).then(|| format!(" ({}×)", rounded(row.better().ratio(best, reference))))
}

/// Three digits, or as many as stand before the point: more would be noise.
pub fn rounded(figure: f64) -> String {
    match figure.abs() {
        size if size >= 99.95 => format!("{figure:.0}"),
        size if size >= 9.995 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
