//! What was found: sentences with their cures.

use serde::Serialize;

use crate::cli::{Outcome, print};

/// The longest text of somebody else that is shown, in characters.
const LONGEST: usize = 200;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// Some clients, or some day, will have trouble.
    Warning,
    /// It does not work.
    Problem,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at.
    pub(super) check: &'static str,
    /// A sentence.
    pub(super) says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cure: Option<String>,
}

/// How findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people: a line for each finding, as soon as it is known.
    Text,
    /// One JSON object at the end.
    Json,
}

/// All findings.
#[derive(Debug)]
pub(super) struct Report {
    format: Format,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Document<'a> {
    subject: &'a str,
    problems: usize,
    warnings: usize,
    findings: &'a [Finding],
}

impl Report {
    pub(super) fn new(format: Format) -> Self {
        Self { format, findings: Vec::new() }
    }

    pub(super) fn ok(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(Level::Ok, check, says.into(), None);
    }

    pub(super) fn note(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(Level::Note, check, says.into(), None);
    }

    /// A note with something to do.
    pub(super) fn advise(&mut self, check: &'static str, says: impl Into<String>, cure: impl Into<String>) {
        self.add(Level::Note, check, says.into(), Some(cure.into()));
    }

    pub(super) fn warning(&mut self, check: &'static str, says: impl Into<String>, cure: impl Into<String>) {
        self.add(Level::Warning, check, says.into(), Some(cure.into()));
    }

    pub(super) fn problem(&mut self, check: &'static str, says: impl Into<String>, cure: impl Into<String>) {
        self.add(Level::Problem, check, says.into(), Some(cure.into()));
    }

    pub(super) fn add(&mut self, level: Level, check: &'static str, says: String, cure: Option<String>) {
        // Sentences hold names and texts of others, which are no terminal's business.
        let cure = cure.filter(|cure| !cure.is_empty()).map(|cure| visible(&cure));
        let finding = Finding { level, check, says: visible(&says), cure };
        if self.format == Format::Text {
            print(format_args!("{:<8} {:<14} {}", finding.level.word(), finding.check, finding.says));
            if let Some(cure) = &finding.cure {
                print(format_args!("{:23} -> {cure}", ""));
            }
        }
        self.findings.push(finding);
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// The end: what it comes to.
    pub(super) fn end(self, subject: &str) -> Outcome {
        let (problems, warnings) = (self.count(Level::Problem), self.count(Level::Warning));
        match self.format {
            Format::Text => print(format_args!(
                "{subject}: {}, {}",
                counted(problems, "problem"),
                counted(warnings, "warning")
            )),
            Format::Json => {
                let document = Document { subject, problems, warnings, findings: &self.findings };
                match serde_json::to_string_pretty(&document) {
                    Ok(text) => print(text),
                    Err(error) => crate::cli::complain(format_args!("wharf: {error}")),
                }
            }
        }
        if problems > 0 { Outcome::Failed } else { Outcome::Fine }
    }
}

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// A text of somebody else, short and fit for a terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = visible(text.trim()).chars().take(LONGEST).collect();
    if text.trim().chars().count() > LONGEST {
        short.push('…');
    }
    format!("\"{short}\"")
}

/// Without anything that a terminal could obey, or that changes the direction of text.
pub(super) fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}
