//! The text of the file, as it is shown next to a problem.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::ReadFile;
use super::key_paths;
use super::problem::{Place, Problem};
use super::read::SECRET_PLACES;
use super::stamp::Stamp;
use super::suggest::nearest;
use super::tree::{Node, Span, Value};

/// The most characters of a line that are shown.
const SHOWN: usize = 120;
const MASK: &str = "***";
/// The most problems that are shown. A file with more of them is no configuration.
const MOST: usize = 1000;

/// The text of a file, and what has been found in it so far.
pub(super) struct Source<'a> {
    name: &'a str,
    text: &'a str,
    /// Where each line starts.
    lines: Vec<usize>,
    /// What must not be shown.
    secrets: RefCell<Vec<Span>>,
    problems: RefCell<Vec<(Span, String)>>,
    warnings: RefCell<Vec<(Span, String)>>,
    dangers: RefCell<Vec<(Span, String)>>,
    /// What else was read for it.
    files: RefCell<Vec<ReadFile>>,
    /// What was in there, and in the environment.
    contents: RefCell<Vec<Stamp>>,
    /// The text as a tree, for the keys that lead to a place.
    tree: RefCell<Option<Node>>,
}

/// What was found in a file, each in its order.
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    pub(super) dangers: Vec<Problem>,
    /// All other files that were read.
    pub(super) files: Vec<ReadFile>,
}

impl<'a> Source<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        let is_end =
            |(at, c): &(usize, char)| *c == '\n' || (*c == '\r' && !text[at + 1..].starts_with('\n'));
        let ends = text.char_indices().filter(is_end).map(|(at, _)| at + 1);
        Self {
            name,
            text,
            lines: std::iter::once(0).chain(ends).collect(),
            secrets: RefCell::default(),
            problems: RefCell::default(),
            warnings: RefCell::default(),
            dangers: RefCell::default(),
            files: RefCell::default(),
            contents: RefCell::default(),
            tree: RefCell::default(),
        }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Remembers that something is wrong. The message must not repeat a secret.
    pub(super) fn problem(&self, span: Span, message: impl Into<String>) {
        self.problems.borrow_mut().push((span, message.into()));
    }

    /// Remembers that something looks wrong.
    pub(super) fn warning(&self, span: Span, message: impl Into<String>) {
        self.warnings.borrow_mut().push((span, message.into()));
    }

    /// Remembers that something is allowed and dangerous.
    pub(super) fn danger(&self, span: Span, message: impl Into<String>) {
        self.dangers.borrow_mut().push((span, message.into()));
    }

    /// Remembers that another file is about to be read.
    pub(super) fn reads(&self, file: &Path) {
        self.files.borrow_mut().push(ReadFile::now(file));
    }

    /// The file itself, and those that it names and that were read so far.
    pub(super) fn read_so_far(&self) -> Vec<PathBuf> {
        let files = self.files.borrow();
        let others = files.iter().map(|file| file.path.clone());
        std::iter::once(PathBuf::from(self.name)).chain(others).filter(|path| path.exists()).collect()
    }

    /// Remembers what was found outside of the text.
    pub(super) fn found(&self, content: &[u8]) {
        self.contents.borrow_mut().push(Stamp::of(content));
    }

    /// What was found outside of the text so far, behind the first few.
    pub(super) fn found_since(&self, first: usize) -> Vec<Stamp> {
        self.contents.borrow().get(first..).unwrap_or_default().to_vec()
    }

    /// How much was found outside of the text so far.
    pub(super) fn found_so_far(&self) -> usize {
        self.contents.borrow().len()
    }

    /// Keeps a part of the text from being shown.
    pub(super) fn hide(&self, span: Span) {
        self.secrets.borrow_mut().push(span);
    }

    /// Keeps every value in `node` from being shown.
    pub(super) fn hide_all(&self, node: &Node) {
        match &node.value {
            // Neither can be a secret, and both are worth seeing.
            Value::Null | Value::Bool(_) => {}
            Value::Number(_) | Value::OtherNumber(_) | Value::Text(_) => self.hide(node.span),
            Value::List(list) => list.iter().for_each(|item| self.hide_all(item)),
            Value::Map(map) => map.iter().for_each(|(_, value)| self.hide_all(value)),
        }
    }

    /// Keeps every value from being shown that stands under a key that sounds like one of a secret, wherever it is:
    /// a part of the file that doesn't fit is not read, and its lines may be shown all the same.
    pub(super) fn hide_by_name(&self, node: &Node) {
        match &node.value {
            Value::List(list) => list.iter().for_each(|item| self.hide_by_name(item)),
            Value::Map(map) => {
                for (key, value) in map {
                    match (&key.value, &value.value) {
                        (Value::Text(word), Value::Map(places)) if sounds_secret(word) => {
                            for (key, value) in places {
                                let name = if let Value::Text(name) = &key.value { name } else { "" };
                                if SECRET_PLACES.contains(&name) {
                                    continue;
                                }
                                self.hide_all(value);
                                // As in `password: { hunter2 }`.
                                if value.value == Value::Null
                                    && nearest(name, SECRET_PLACES.iter().copied()).is_none()
                                {
                                    self.hide(key.span);
                                }
                            }
                        }
                        (Value::Text(word), _) if sounds_secret(word) => self.hide_all(value),
                        _ => self.hide_by_name(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// Remembers what was read of the text.
    pub(super) fn keep(&self, tree: Node) {
        *self.tree.borrow_mut() = Some(tree);
    }

    /// The places of the keys of a section, or of the section itself, by the keys that lead there.
    pub(super) fn places_of(&self, section: &str, of_its_keys: bool) -> BTreeMap<String, Place> {
        let secrets = self.sorted_secrets();
        let tree = self.tree.borrow();
        let is_it = |key: &Node| matches!(&key.value, Value::Text(word) if word == section);
        let Some(Value::Map(map)) = tree.as_ref().map(|root| &root.value) else { return BTreeMap::new() };
        let Some((key, value)) = map.iter().find(|(key, _)| is_it(key)) else { return BTreeMap::new() };
        let spans = match &value.value {
            Value::Map(keys) if of_its_keys => keys.iter().map(|(key, _)| key.span).collect(),
            _ => vec![key.span],
        };
        let places = spans.into_iter().map(|span| self.place(span, &secrets));
        places.filter_map(|place| Some((place.key.clone()?, place))).collect()
    }

    fn sorted_secrets(&self) -> Vec<Span> {
        let mut secrets = self.secrets.borrow().clone();
        secrets.sort_unstable();
        // What stands behind an alias has been hidden once for every use of it.
        secrets.dedup();
        secrets
    }

    /// The place of this line and column, without what must not be shown.
    pub(super) fn place_at(&self, line: usize, column: usize) -> Option<Place> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let rest = self.text.get(start..)?;
        let at =
            rest.char_indices().nth(column.checked_sub(1)?).map_or(self.text.len(), |(at, _)| start + at);
        let tree = self.tree.borrow();
        let span = tree
            .as_ref()
            .and_then(|root| key_paths::leaf_at(root, at))
            .unwrap_or(Span { start: at, end: at });
        Some(self.place(span, &self.sorted_secrets()))
    }

    /// All that was remembered.
    pub(super) fn finish(&self) -> Findings {
        let secrets = self.sorted_secrets();
        Findings {
            problems: self.render(&self.problems, &secrets),
            warnings: self.render(&self.warnings, &secrets),
            dangers: self.render(&self.dangers, &secrets),
            files: self.files.borrow().clone(),
        }
    }

    fn render(&self, found: &RefCell<Vec<(Span, String)>>, secrets: &[Span]) -> Vec<Problem> {
        let mut found = found.borrow().clone();
        found.sort_by_key(|(span, _)| span.start);
        // The same goes for problems.
        let mut known = BTreeSet::new();
        found.retain(|problem| known.insert(problem.clone()));
        let more = found.len().saturating_sub(MOST);
        let problem = |place, message| Problem { file: self.name.to_owned(), place, message };
        let shown = found.into_iter().take(MOST);
        let mut list: Vec<_> =
            shown.map(|(span, message)| problem(Some(self.place(span, secrets)), message)).collect();
        if more > 0 {
            list.push(problem(None, format!("and {more} more")));
        }
        list
    }

    /// The number of the line that holds `offset`, from 1.
    pub(super) fn line_number(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// The line and the column of `offset`, each from 1; columns are characters.
    pub(super) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.line_at(offset.min(self.text.len()));
        let offset = self.floor(offset.min(line.end));
        (self.line_number(offset), self.text[line.start..offset].chars().count() + 1)
    }

    /// The part of the text from the start of the line that holds `offset` to its end.
    pub(super) fn line_at(&self, offset: usize) -> Span {
        let number = self.line_number(offset);
        let start = self.lines.get(number.saturating_sub(1)).copied().unwrap_or(0);
        let end = self.lines.get(number).copied().unwrap_or(self.text.len());
        Span { start, end: start + self.text[start..end].trim_end_matches(['\n', '\r']).len() }
    }

    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn place(&self, span: Span, secrets: &[Span]) -> Place {
        let line = self.line_at(span.start.min(self.text.len()));
        let start = self.floor(span.start.min(line.end));
        // A line can be as long as the file.
        let part = Span {
            start: self.floor(start.saturating_sub(4 * SHOWN)).max(line.start),
            end: self.floor(start + 4 * SHOWN).min(line.end),
        };
        let mut secrets = secrets.to_vec();
        secrets.extend(self.after_secret_word(line));
        let (shown, marker, width) = self.show(part, Span { start, end: span.end.min(line.end) }, &secrets);
        let (text, marker, width) = crop(&shown, marker, width, part.start > line.start, part.end < line.end);
        Place {
            line: self.line_number(start),
            column: self.text[line.start..start].chars().count() + 1,
            text,
            marker,
            width: width.max(1),
            end: self.line_and_column(span.end.max(start)),
            key: self.tree.borrow().as_ref().and_then(|root| key_paths::of(root, span, &secrets)),
        }
    }

    /// What follows the name of a secret where a key may stand, if the colon between them was forgotten, or the blank behind it: then the
    /// two are one text, of which nobody can say what it was meant to be.
    fn after_secret_word(&self, line: Span) -> Option<Span> {
        let content = &self.text[line.range()];
        let starts = content.match_indices(['{', ',']).map(|(at, _)| at + 1);
        std::iter::once(0).chain(starts).find_map(|start| {
            let content = content[start..].trim_start_matches([' ', '\t', '-', '{', '"', '\'']);
            let word_end = content.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')?;
            let (word, rest) = content.split_at(word_end);
            let is_forgotten = match rest.strip_prefix([':', '=']) {
                Some(value) => !value.is_empty() && !value.starts_with(char::is_whitespace),
                None => rest.starts_with(char::is_whitespace) && !rest.trim_start().starts_with(':'),
            };
            (sounds_secret(word) && is_forgotten)
                .then(|| Span { start: line.end - rest.len(), end: line.end })
        })
    }

    /// The characters of a line that may be shown, and which of them stand for `marked`.
    fn show(&self, line: Span, marked: Span, secrets: &[Span]) -> (Vec<char>, usize, usize) {
        let secrets: Vec<_> =
            secrets.iter().filter(|secret| secret.start < line.end && line.start < secret.end).collect();
        let mut shown = Vec::new();
        let (mut first, mut last) = (None, 0);
        let mut hiding = false;
        for (at, c) in self.text[line.range()].char_indices() {
            let at = line.start + at;
            let hidden = secrets.iter().any(|secret| secret.range().contains(&at));
            let is_marked = at == marked.start || marked.range().contains(&at);
            if is_marked && first.is_none() {
                // In the middle of a mask there is no telling where its start is.
                first = Some(if hidden && hiding { shown.len() - MASK.len() } else { shown.len() });
            }
            match (hidden, hiding) {
                (true, false) => shown.extend(MASK.chars()),
                (true, true) => {}
                (false, _) => shown.push(printable(c)),
            }
            if is_marked {
                last = shown.len();
            }
            hiding = hidden;
        }
        let first = first.unwrap_or(shown.len());
        (shown, first, last.saturating_sub(first))
    }
}

/// The key of a text that is one with its value: `password:hunter2`, `password hunter2`. `None` if there is no value in it.
pub(super) fn before_value(text: &str) -> Option<&str> {
    let (name, value) = text.split_once([':', '=', ' ', '\t'])?;
    (!value.is_empty()).then_some(name)
}

/// Whether a key with this name may hold a secret. The key `key` of `tls` is the path of a file.
pub(super) fn sounds_secret(key: &str) -> bool {
    const SECRETS: [&str; 6] = [
        "password",
        "access_key_id",
        "secret_access_key",
        "session_token",
        "service_account_key",
        "access_key",
    ];
    let key = key.to_lowercase().replace('-', "_");
    ["passw", "passphrase", "pwd", "secret", "token", "credential"].iter().any(|part| key.contains(part))
        || key == "pass"
        || key.ends_with("_key")
        || nearest(&key, SECRETS).is_some()
}

/// One column for each character, and none that changes how a terminal shows the rest.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            '\u{fffd}'
        }
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Cuts a long line down to what stands around the marker.
fn crop(
    line: &[char],
    marker: usize,
    width: usize,
    cut_before: bool,
    cut_after: bool,
) -> (String, usize, usize) {
    let start = if line.len() <= SHOWN || marker < SHOWN * 3 / 4 { 0 } else { marker - SHOWN / 2 };
    let end = line.len().min(start + SHOWN);
    let mut text: String = line[start..end].iter().collect();
    let mut marker = marker - start;
    let width = width.min(end - start - marker.min(end - start));
    if start > 0 || cut_before {
        text.insert(0, '…');
        marker += 1;
    }
    if end < line.len() || cut_after {
        text.push('…');
    }
    (text, marker, width)
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
