//! The measured figures as Markdown, each beside its limit.

use std::fmt::Write;

use super::Limit;
use crate::rows::count;
use crate::table::rounded;

#[derive(Debug)]
struct Line {
    what: String,
    value: String,
    limit: Option<String>,
    kept: bool,
}

#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<Line>,
    failures: Vec<String>,
}

impl Table {
    /// A number of a total, of which none may be missing.
    pub fn all(&mut self, what: impl Into<String>, came: usize, expected: usize) {
        self.add(what.into(), count(came), Some(count(expected)), came == expected);
    }

    pub fn at_most(&mut self, what: impl Into<String>, value: f64, limit: f64) {
        self.add(what.into(), rounded(value), Some(rounded(limit)), value <= limit);
    }

    /// A figure without a limit.
    pub fn told(&mut self, what: impl Into<String>, value: f64) {
        self.add(what.into(), rounded(value), None, true);
    }

    fn add(&mut self, what: String, value: String, limit: Option<String>, kept: bool) {
        self.lines.push(Line { what, value, limit, kept });
    }

    pub fn fail(&mut self, row: Limit, why: &str) {
        self.failures.push(format!("{}: {why}", row.id()));
    }

    /// The failures, a sentence each.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Whether all was measured and every limit kept.
    pub fn is_well(&self) -> bool {
        self.failures.is_empty() && self.lines.iter().all(|line| line.kept)
    }

    pub fn markdown(&self) -> String {
        let mut text = "| | value | limit | |\n|---|--:|--:|---|".to_owned();
        for Line { what, value, limit, kept } in &self.lines {
            let verdict = match limit {
                None => "-",
                Some(_) if *kept => "kept",
                Some(_) => "**broken**",
            };
            let limit = limit.as_deref().unwrap_or("-");
            write!(text, "\n| {what} | {value} | {limit} | {verdict} |").ok();
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
