//! Replies on the control connection (RFC 959, section 4.2).

use std::borrow::Cow;
use std::fmt::Display;

use wharf_backends::{Error, ErrorKind, StoragePath};

use crate::charset::Charset;
use crate::engine::ReplyCode;
use crate::visit::sentence;

/// A reply: a code, a line of text, and possibly lines before the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    first: Cow<'static, str>,
    /// The lines between the first and the last, for replies of several lines.
    lines: Vec<String>,
    /// `None` if the first line is the only one.
    last: Option<&'static str>,
}

/// Words that lftp looks for, in this spelling.
const WORDS_OF_WHAT_PASSES: [&str; 4] = ["Too many", "Broken pipe", "timed out", "closed by the remote host"];

impl Reply {
    /// A reply of one line.
    pub(super) fn new(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, first: text.into(), lines: Vec::new(), last: None }
    }

    /// A reply of several lines. Lines in between are indented by a space, so that none can be taken for the last.
    pub(super) fn lines(
        code: u16,
        first: impl Into<Cow<'static, str>>,
        lines: Vec<String>,
        last: &'static str,
    ) -> Self {
        Self { code, first: first.into(), lines, last: Some(last) }
    }

    /// Its text, or the first line of it.
    pub(super) fn first(&self) -> &str {
        &self.first
    }

    /// The reply to a failure. The location of the storage and its message are only for the operator, in the log.
    pub(super) fn failure(error: &Error) -> Self {
        let code = ReplyCode::from(error.kind()) as u16;
        if let (Some(path), Some(sentence)) = (error.path(), sentence(error)) {
            return Self::about(code, path, sentence);
        }
        let advice = match (error.advice(), error.kind()) {
            (Some(advice), _) => format!("; {advice}"),
            (None, ErrorKind::Unavailable) => "; try again later".to_owned(),
            (None, ErrorKind::Conflict) => "; try again".to_owned(),
            (None, _) => String::new(),
        };
        match error.path() {
            Some(path) => Self::about(code, path, format_args!("{}{advice}.", error.kind())),
            None => Self::new(code, format!("That name can't be used: {}.", error.kind())),
        }
    }

    /// A refusal about a path. It shows only the last name, which the client mostly sent itself: lftp takes some words
    /// in a refusal for a temporary failure, even in the name of a directory, and tries again. A name with such words
    /// is not shown.
    pub(super) fn about(code: u16, path: &StoragePath, text: impl Display) -> Self {
        let name = path.name().unwrap_or("/");
        match WORDS_OF_WHAT_PASSES.iter().any(|words| name.contains(words)) {
            true => Self::new(code, format!("That path: {text}")),
            false => Self::new(code, format!("{name}: {text}")),
        }
    }

    /// The reply on the wire: lines end in CRLF, the text is in the client's character set, and bytes that Telnet would
    /// take for commands are doubled (RFC 854).
    pub(super) fn encode(&self, charset: Charset, out: &mut Vec<u8>) {
        let Some(last) = self.last else {
            put_line(&format!("{} {}", self.code, self.first), charset, out);
            return;
        };
        put_line(&format!("{}-{}", self.code, self.first), charset, out);
        for line in &self.lines {
            put_line(&format!(" {line}"), charset, out);
        }
        put_line(&format!("{} {last}", self.code), charset, out);
    }
}

/// One line of a reply, whose text holds no line ends.
pub(super) fn put_line(text: &str, charset: Charset, out: &mut Vec<u8>) {
    let start = out.len();
    double_iac(&charset.encode_lossy(text), out);
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.extend(b"\r\n");
}

/// Appends bytes; a byte that Telnet would take for the beginning of a command is doubled (RFC 854).
pub(super) fn double_iac(bytes: &[u8], out: &mut impl Extend<u8>) {
    const IAC: u8 = 255;
    out.extend(bytes.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == IAC { 2 } else { 1 })));
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
