//! What was found, as it is shown: to people, to programs, and beside the lines of a change on GitHub.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::{Outcome, complain, print};
use crate::config::{Place, Problem, Problems};

/// The version of the JSON document: another one has other fields, or other meanings of these. Fields may be added.
const VERSION: u32 = 1;

/// How findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people: each with its line.
    Text,
    /// One JSON object, for programs.
    Json,
    /// Workflow commands of GitHub Actions, which show each beside its line.
    Github,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Error,
    Warning,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: Severity,
    message: String,
    advice: Option<String>,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    key: Option<String>,
}

/// A backend or a scanner that was tried.
#[derive(Debug, Serialize)]
struct Tried {
    what: &'static str,
    name: String,
    kind: Option<String>,
    reached: bool,
    message: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: &'a str,
    status: u8,
    errors: usize,
    warnings: usize,
    findings: &'a [Finding],
    tried: &'a [Tried],
}

/// What is tried with `--connect`.
pub(super) struct Target<'a> {
    pub(super) what: &'static str,
    pub(super) name: &'a str,
    pub(super) kind: Option<&'a str>,
    /// Where it stands in the file.
    pub(super) place: Option<&'a Place>,
}

impl Target<'_> {
    fn shown(&self) -> String {
        match self.kind {
            Some(kind) => format!("{} {} ({kind})", self.what, self.name),
            None => format!("{} {}", self.what, self.name),
        }
    }
}

/// All findings of a check.
pub(super) struct Report {
    format: Format,
    file: String,
    /// What paths of annotations start from.
    root: PathBuf,
    findings: Vec<Finding>,
    tried: Vec<Tried>,
}

impl Report {
    pub(super) fn new(format: Format, file: &Path, root: Option<&Path>) -> Self {
        let root = root.map(Path::to_owned).or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        Self { format, file: file.display().to_string(), root, findings: Vec::new(), tried: Vec::new() }
    }

    /// Everything that is wrong with the file.
    pub(super) fn problems(&mut self, problems: &Problems) {
        problems.list().iter().for_each(|problem| self.add(Severity::Error, problem));
        if self.format == Format::Text {
            complain(problems);
        }
    }

    /// Something that is wrong elsewhere.
    pub(super) fn problem(&mut self, problem: &Problem) {
        self.add(Severity::Error, problem);
        self.complain(problem);
    }

    pub(super) fn warning(&mut self, problem: &Problem) {
        self.add(Severity::Warning, problem);
        self.complain(format_args!("warning: {problem}"));
    }

    /// What has no place in a file.
    pub(super) fn failure(&mut self, message: &str) {
        let (severity, message) = (Severity::Error, message.to_owned());
        self.complain(format_args!("wharf: {message}"));
        self.push(Finding {
            severity,
            message,
            advice: None,
            file: None,
            line: None,
            column: None,
            end_line: None,
            end_column: None,
            key: None,
        });
    }

    /// A sentence for people alone, of something that is not well.
    pub(super) fn complain(&self, sentence: impl std::fmt::Display) {
        if self.format == Format::Text {
            complain(sentence);
        }
    }

    /// A sentence for people alone.
    pub(super) fn say(&self, sentence: impl std::fmt::Display) {
        if self.format == Format::Text {
            print(sentence);
        }
    }

    /// A backend or a scanner was tried, and this came of it.
    pub(super) fn tried(&mut self, target: &Target<'_>, result: Result<String, String>) {
        let reached = result.is_ok();
        let message = match result {
            Ok(sentence) => {
                self.say(format_args!("{}: {sentence}", target.shown()));
                sentence
            }
            Err(cause) => {
                self.complain(format_args!("{}: {cause}", target.shown()));
                let message = format!("{}: {cause}", target.shown());
                let file = self.file.clone();
                self.add(Severity::Error, &Problem { file, place: target.place.cloned(), message });
                cause
            }
        };
        self.tried.push(Tried {
            what: target.what,
            name: target.name.to_owned(),
            kind: target.kind.map(str::to_owned),
            reached,
            message: Some(message),
        });
    }

    fn add(&mut self, severity: Severity, problem: &Problem) {
        let place = problem.place.as_ref();
        self.push(Finding {
            severity,
            message: problem.message.clone(),
            advice: problem.advice().map(str::to_owned),
            file: Some(problem.file.clone()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            end_line: place.map(|place| place.end.0),
            end_column: place.map(|place| place.end.1),
            key: place.and_then(|place| place.key.clone()),
        });
    }

    fn push(&mut self, finding: Finding) {
        if self.format == Format::Github {
            print(finding.annotation(&self.root));
        }
        self.findings.push(finding);
    }

    /// The end, with this result.
    pub(super) fn finish(self, outcome: Outcome) -> Outcome {
        if self.format == Format::Json {
            let count =
                |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
            let document = Document {
                version: VERSION,
                file: &self.file,
                status: outcome.status(),
                errors: count(Severity::Error),
                warnings: count(Severity::Warning),
                findings: &self.findings,
                tried: &self.tried,
            };
            print(serde_json::to_string_pretty(&document).unwrap_or_default());
        }
        outcome
    }
}

impl Finding {
    /// A workflow command of GitHub Actions.
    fn annotation(&self, root: &Path) -> String {
        let mut properties = Vec::new();
        if let Some(file) = &self.file {
            properties.push(format!("file={}", property(&from_root(Path::new(file), root))));
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            let (end_line, end_column) = (self.end_line.unwrap_or(line), self.end_column.unwrap_or(column));
            properties.push(format!("line={line},endLine={end_line},col={column}"));
            // Columns count only within a line, and GitHub's last column is the last one that is marked.
            if end_line == line {
                properties.push(format!("endColumn={}", end_column.saturating_sub(1).max(column)));
            }
        }
        properties.push("title=wharf check".to_owned());
        format!("::{} {}::{}", self.severity.word(), properties.join(","), data(&self.message))
    }
}

/// The path of a file from a folder, or the whole one if the file is elsewhere: GitHub knows files by their path in the repository.
fn from_root(file: &Path, root: &Path) -> String {
    let whole = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match (folder.canonicalize(), path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        }
    };
    let file = whole(file);
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    file.strip_prefix(&root).unwrap_or(&file).display().to_string()
}

/// A text as the message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text as the value of a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
