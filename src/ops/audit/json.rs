//! JSON in one line, whoever it is that breaks lines: the characters that some programs take for a line end or a terminal for a command,
//! and which JSON allows in strings as they are, are escaped, too, and those that turn the direction of what follows.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::unseen::turns_text;

/// Writes like the compact formatter of `serde_json`, which escapes only what it has to.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| has_to_be_escaped(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            write!(writer, "\\u{:04x}", u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

fn has_to_be_escaped(c: char) -> bool {
    c.is_control() || turns_text(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The text of something that can be written as JSON.
pub(super) fn text(value: &impl Serialize) -> String {
    let mut text = Vec::with_capacity(256);
    // Writing to memory does not fail, and all that is given to this can be written.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut text, OneLine));
    String::from_utf8(text).unwrap_or_default()
}
