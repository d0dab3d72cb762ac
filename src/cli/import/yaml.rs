//! Text that becomes YAML, and can't become anything else in it.

use std::fmt::Write;

/// The longest comment of one line, in characters.
const LONGEST_COMMENT: usize = 600;

/// A value, written on one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// A word or number of our own.
    Word(String),
    /// Any text.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(&'static str, Node)>),
}

impl Node {
    pub(super) fn word(word: impl ToString) -> Self {
        Self::Word(word.to_string())
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(items) => {
                f.write_char('[')?;
                for (number, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if number > 0 { ", " } else { "" })?;
                }
                f.write_char(']')
            }
            Self::Map(entries) if entries.is_empty() => f.write_str("{}"),
            Self::Map(entries) => {
                for (number, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{} {key}: {value}", if number > 0 { "," } else { "{" })?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Words that are no text without quotes, in one version of YAML or another.
const OTHER_VALUES: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// Text as a scalar: as it is if nothing can be taken for anything else, or in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/.-".contains(&byte))
        && !OTHER_VALUES.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len() + 2);
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            c if is_shown(c) => line.push(c),
            c => {
                let _ = write!(line, "\\U{:08X}", u32::from(c));
            }
        }
    }
    line.push('"');
    line
}

/// A line of a comment: whatever it holds, it stays a comment of one line.
pub(super) fn comment(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for (number, c) in text.chars().enumerate() {
        if number == LONGEST_COMMENT {
            line.push('…');
            break;
        }
        match c {
            '\n' | '\t' => line.push(' '),
            c if is_shown(c) => line.push(c),
            c => line.extend(c.escape_unicode()),
        }
    }
    line
}

/// Whether a character of text stands for itself: it breaks no line, and turns no others around.
fn is_shown(c: char) -> bool {
    let is_format = matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f)
        || matches!(u32::from(c), 0xfeff | 0xfff0..=0xffff | 0xe000..=0xf8ff | 0x10000.. if !c.is_alphanumeric());
    !c.is_control() && !is_format
}

/// Lines with indentation.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    pub(super) fn line(&mut self, indent: usize, text: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{:indent$}{text}", "");
    }

    pub(super) fn comment(&mut self, indent: usize, text: &str) {
        self.line(indent, format_args!("# {}", comment(text)));
    }

    pub(super) fn empty(&mut self) {
        self.text.push('\n');
    }

    /// Adds other lines as a comment.
    pub(super) fn commented(&mut self, indent: usize, lines: &Self) {
        for line in lines.text.lines() {
            let line = line.get(indent..).unwrap_or_default();
            self.line(indent, format_args!("# {line}"));
        }
    }

    pub(super) fn append(&mut self, lines: &Self) {
        self.text.push_str(&lines.text);
    }

    /// Whether there is a line that is no comment.
    pub(super) fn holds_an_entry(&self) -> bool {
        self.text.lines().any(|line| !line.trim_start().starts_with('#'))
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
