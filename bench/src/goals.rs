//! What Wharf promises: the rows in which it is at least so many times as good as the best of its peers.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::far::Trip;
use crate::object::{Job, Work};
use crate::place::Ground;
use crate::problem::{Doing, Problem, Result};
use crate::rows::Row;
use crate::standing::Standing;
use crate::table::rounded;

/// The promises of a file.
#[derive(Debug)]
pub struct Goals(Vec<Goal>);

#[derive(Debug, Clone, PartialEq)]
struct Goal {
    row: &'static str,
    /// None: wherever the files lie.
    place: Option<Ground>,
    ratio: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    promises: Vec<Spanned<Promise>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    table: Spanned<String>,
    row: Spanned<String>,
    ratio: Spanned<f64>,
    place: Option<Ground>,
}

impl Goals {
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).doing(|| format!("reading {}", file.display()))?;
        Self::parse(&text)
            .map_err(|(line, why)| Problem::new(format!("{}, line {line}: {why}", file.display())))
    }

    /// A problem comes with its line.
    fn parse(text: &str) -> std::result::Result<Self, (usize, String)> {
        let line = |span: Range<usize>| 1 + text[..span.start].matches('\n').count();
        let written: Written = toml::from_str(text)
            .map_err(|error| (line(error.span().unwrap_or_default()), error.message().to_owned()))?;
        let mut goals: Vec<Goal> = Vec::new();
        for promise in written.promises {
            let whole = promise.span();
            let Promise { table, row, ratio, place } = promise.into_inner();
            let rows = rows(table.get_ref())
                .ok_or_else(|| (line(table.span()), format!("there is no table {}", table.get_ref())))?;
            let known = rows.into_iter().find(|known| known == row.get_ref());
            let row = known.ok_or_else(|| {
                (
                    line(row.span()),
                    format!("there is no row {} in the table {}", row.get_ref(), table.get_ref()),
                )
            })?;
            let (span, ratio) = (ratio.span(), ratio.into_inner());
            if !(ratio.is_finite() && ratio > 0.0) {
                return Err((line(span), format!("{ratio} is no ratio above 0")));
            }
            if goals.iter().any(|goal| (goal.row, goal.place) == (row, place)) {
                return Err((line(whole), format!("{row} is promised twice")));
            }
            goals.push(Goal { row, place, ratio });
        }
        Ok(Self(goals))
    }

    /// What is to be printed about the promises of rows that were measured; false if one of them was not kept.
    pub fn judge(&self, standings: &[Standing]) -> (String, bool) {
        let (mut kept, mut broken) = (0, Vec::new());
        for goal in &self.0 {
            let fits = |standing: &&Standing| {
                standing.row == goal.row && goal.place.is_none_or(|place| place == standing.place)
            };
            for standing in standings.iter().filter(fits) {
                if standing.ratio >= goal.ratio {
                    kept += 1;
                    continue;
                }
                broken.push(format!(
                    "- {} ({}): promised {}× of the best peer, got {}× of {}",
                    standing.title,
                    standing.row,
                    rounded(goal.ratio),
                    // Not rounded up to what was promised.
                    rounded((standing.ratio * 100.0).floor() / 100.0),
                    standing.peer
                ));
            }
        }
        match (kept, broken.is_empty()) {
            (0, true) => (String::new(), true),
            (1, true) => ("The one promise about these rows was kept.\n".to_owned(), true),
            (_, true) => (format!("All {kept} promises about these rows were kept.\n"), true),
            (_, false) => (format!("Broken promises:\n\n{}\n", broken.join("\n")), false),
        }
    }
}

/// The rows of a table that has peers.
fn rows(table: &str) -> Option<Vec<&'static str>> {
    match table {
        "local" => Some(Row::ALL.iter().map(|row| row.id()).collect()),
        "object" => Some(Work::ALL.iter().map(|work| work.id()).collect()),
        "far" => Some(Trip::ALL.iter().map(|trip| trip.id()).collect()),
        _ => None,
    }
}

#[cfg(test)]
#[path = "goals_tests.rs"]
mod tests;
