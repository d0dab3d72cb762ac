//! What is wrong with a configuration, and where.

use std::fmt;

use super::ReadFile;

/// One thing that is wrong, or that looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// Where in it; `None` if the problem is with the file as a whole.
    pub place: Option<Place>,
    /// A sentence.
    pub message: String,
}

/// A place in a file, with what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The line, fit for a terminal: secrets masked, control characters replaced, cropped if very long.
    pub text: String,
    /// Where the marker starts in `text`, in characters from 0.
    pub marker: usize,
    /// How many characters are marked; at least one.
    pub width: usize,
    /// The line and the column, each from 1, behind the last character of what is meant, which may end on a later line.
    pub end: (usize, usize),
    /// The keys that lead there, as in `users[0].password`; `None` if it is the file as a whole.
    pub key: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, message } = self;
        let Some(Place { line, column, text, marker, width, .. }) = place else {
            return write!(f, "{file}: {message}");
        };
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{line:>5} | {text}")?;
        write!(f, "      | {:marker$}{:^<width$}", "", "")
    }
}

impl Problem {
    /// What helps, if the message says so: what stands behind its first semicolon, but for one in quotes.
    pub fn advice(&self) -> Option<&str> {
        let mut open: Option<char> = None;
        let mut characters = self.message.char_indices();
        while let Some((at, c)) = characters.next() {
            match (c, open) {
                // As `{:?}` writes texts.
                ('\\', Some('"')) => _ = characters.next(),
                ('"' | '`', None) => open = Some(c),
                (_, Some(quote)) if c == quote => open = None,
                (';', None) => {
                    return self.message[at + 1..].strip_prefix(' ').filter(|rest| !rest.is_empty());
                }
                _ => {}
            }
        }
        None
    }
}

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    file: String,
    list: Vec<Problem>,
    files: Vec<ReadFile>,
}

impl Problems {
    pub(super) fn new(file: &str, list: Vec<Problem>) -> Self {
        Self { file: file.to_owned(), list, files: Vec::new() }
    }

    /// These other files were read, or looked for.
    pub(super) fn after_reading(self, files: Vec<ReadFile>) -> Self {
        Self { files, ..self }
    }

    /// Each of them.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// The other files that it names, as they were: once one of them is another, it may be right.
    pub fn files(&self) -> &[ReadFile] {
        &self.files
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            writeln!(f, "{problem}")?;
        }
        match self.list.len() {
            1 => write!(f, "1 problem in {}", self.file),
            count => write!(f, "{count} problems in {}", self.file),
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_what_stands_behind_the_semicolon() {
        for (message, advice) in [
            ("unknown key \"rot\"; did you mean \"root\"?", Some("did you mean \"root\"?")),
            ("backend \"a; b\" is not defined; defined are: disk", Some("defined are: disk")),
            ("user \"a\\\"; b\" is wrong", None),
            ("`a; b` is missing; one; two", Some("one; two")),
            ("the file is empty", None),
            ("a \"quote; that is not closed", None),
            ("nothing;", None),
        ] {
            let problem = Problem { file: String::new(), place: None, message: message.to_owned() };
            assert_eq!(problem.advice(), advice, "{message}");
        }
    }
}
