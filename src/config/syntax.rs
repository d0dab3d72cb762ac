//! What the YAML parser says about a file that it can't read.

use serde_saphyr::Error;

use super::source::{Source, sounds_secret};
use super::suggest::quote;
use super::tree::Span;

/// Reports the one problem that keeps the file from being read at all.
pub(super) fn report(source: &Source<'_>, error: &Error) {
    let location = error.location();
    let characters =
        location.and_then(|location| usize::try_from(location.span().offset()).ok()).unwrap_or(0);
    let text = source.text();
    let byte = |characters: usize| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    let length = location.and_then(|location| usize::try_from(location.span().len()).ok()).unwrap_or(0);
    let span = Span { start: byte(characters), end: byte(characters.saturating_add(length)) };
    hide_secrets(source, span.start);
    source.problem(span, message(error));
}

/// Reports a NUL byte, with which a file is not read at all; whether there is one.
pub(super) fn refuses_nul(source: &Source<'_>) -> bool {
    let Some(nul) = source.text().find('\0') else { return false };
    // Nobody knows what the rest of the line is.
    source.hide(source.line_at(nul));
    source.problem(Span { start: nul, end: nul + 1 }, "the file contains a NUL byte");
    true
}

/// In our words where the library's would repeat what is written, which may be a secret without its quotes.
fn message(error: &Error) -> String {
    match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } if key.len() <= 64 => {
            format!("key {} stands here twice", quote(key))
        }
        Error::DuplicateMappingKey { .. } => "this key stands here twice".to_owned(),
        Error::MultipleDocuments { .. } => "only one YAML document is expected".to_owned(),
        Error::UnknownAnchor { .. } => {
            "nothing is known under this name; text that starts with * has to be in quotes".to_owned()
        }
        Error::UnsupportedTag { .. } => {
            "there are no tags in this file; text that starts with ! has to be in quotes".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "the file is too complex: too deep, or too many anchors and aliases".to_owned()
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "this alias stands for a value that holds it".to_owned()
        }
        Error::AliasError { error, .. } => message(error),
        Error::ExternalMessage { msg, .. } => format!("this is not valid YAML: {}", quote_free(msg)),
        Error::Eof { .. } => "this is not valid YAML: unexpected end of file".to_owned(),
        _ => "this is not valid YAML".to_owned(),
    }
}

/// The parser's sentence; if it were to span lines or grow, there would be text of the file in it.
fn quote_free(message: &str) -> &str {
    if message.len() > 120 || message.contains(char::is_control) { "syntax error" } else { message }
}

/// There is no tree to tell what a secret is, so the lines have to: whatever follows a key that sounds like one, on
/// the same line or on lines that may belong to it, is hidden.
fn hide_secrets(source: &Source<'_>, offset: usize) {
    let text = source.text();
    let line = source.line_at(offset);
    let content = &text[line.range()];
    if let Some(colon) = secret_key(content) {
        source.hide(after_spaces(text, Span { start: line.start + colon + 1, end: line.end }));
    }
    let mut indentation = indentation_of(content);
    let mut nearest = true;
    for above in text[..line.start].lines().rev().filter(|line| !line.trim().is_empty()) {
        let is_parent = indentation_of(above) < indentation;
        let continues = nearest && (!has_key(content) || is_open(above));
        if (is_parent || continues) && secret_key(above).is_some() {
            source.hide(after_spaces(text, line));
            return;
        }
        nearest = nearest && !has_key(above);
        indentation = indentation.min(indentation_of(above));
        if indentation == 0 && !nearest {
            return;
        }
    }
}

fn after_spaces(text: &str, span: Span) -> Span {
    let part = &text[span.range()];
    Span { start: span.end - part.trim_start().len(), end: span.end }
}

fn indentation_of(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace() || *c == '-').count()
}

/// The words before colons, each with the place of its colon.
fn keys(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.match_indices(':').map(|(colon, _)| {
        let before = line[..colon].trim_end().trim_end_matches(['"', '\'']);
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        (colon, &before[start..])
    })
}

fn has_key(line: &str) -> bool {
    keys(line).any(|(_, word)| !word.is_empty())
}

fn secret_key(line: &str) -> Option<usize> {
    keys(line).find(|(_, word)| sounds_secret(word)).map(|(colon, _)| colon)
}

/// Whether a quoted text starts on this line and ends on another.
fn is_open(line: &str) -> bool {
    ['"', '\''].iter().any(|quote| line.matches(*quote).count() % 2 == 1)
}

#[cfg(test)]
#[path = "syntax_tests.rs"]
mod tests;
