//! The keys that lead to a place in a file, as programs want to have them.

use std::borrow::Cow;

use super::suggest::quote;
use super::tree::{Node, Span, Value};

/// The keys that lead to what stands there, such as `users[0].password`; `None` if that is the file as a whole.
///
/// A key that is one of the secrets is masked.
pub(super) fn of(root: &Node, span: Span, secrets: &[Span]) -> Option<String> {
    let mut search = Search { wanted: span, secrets, best: None };
    search.look(root, &mut Vec::new());
    search.best.map(|(_, path)| path).filter(|path| !path.is_empty())
}

/// The key or the text that holds an offset.
pub(super) fn leaf_at(root: &Node, offset: usize) -> Option<Span> {
    let holds = |node: &Node| node.span.range().contains(&offset).then_some(node.span);
    match &root.value {
        Value::List(list) => list.iter().find_map(|item| leaf_at(item, offset)),
        Value::Map(map) => map.iter().find_map(|(key, value)| holds(key).or_else(|| leaf_at(value, offset))),
        _ => holds(root),
    }
}

/// How well a part of the tree fits. A list or a map is known by its first character alone, which the first key of a map may share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It holds the place.
    Around,
    /// It is the place.
    Exact,
}

struct Search<'s> {
    wanted: Span,
    secrets: &'s [Span],
    best: Option<(Fit, String)>,
}

#[derive(Clone, Copy)]
enum Step<'n> {
    Key(&'n Node),
    Item(usize),
}

impl Search<'_> {
    fn look<'n>(&mut self, node: &'n Node, path: &mut Vec<Step<'n>>) {
        self.compare(node.span, path);
        match &node.value {
            Value::List(list) => {
                for (number, item) in list.iter().enumerate() {
                    path.push(Step::Item(number));
                    self.look(item, path);
                    path.pop();
                }
            }
            Value::Map(map) => {
                for (key, value) in map {
                    path.push(Step::Key(key));
                    self.compare(key.span, path);
                    self.look(value, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, span: Span, path: &[Step<'_>]) {
        let fit = match span {
            span if span == self.wanted => Fit::Exact,
            span if span.range().contains(&self.wanted.start) => Fit::Around,
            _ => return,
        };
        // Among those that only hold it, the innermost comes last.
        let is_better = match &self.best {
            None => true,
            Some((Fit::Exact, _)) => false,
            Some((Fit::Around, _)) => true,
        };
        if is_better {
            self.best = Some((fit, written(path, self.secrets)));
        }
    }
}

fn written(path: &[Step<'_>], secrets: &[Span]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Item(number) => text.push_str(&format!("[{number}]")),
            Step::Key(key) if secrets.contains(&key.span) => text.push_str("[***]"),
            Step::Key(key) => push(
                &mut text,
                &match &key.value {
                    Value::Text(word) => Cow::from(word),
                    Value::Number(number) => number.to_string().into(),
                    other => other.describe().into(),
                },
            ),
        }
    }
    text
}

/// The key of this name below another.
pub(super) fn join(above: &str, key: &str) -> String {
    let mut text = above.to_owned();
    push(&mut text, key);
    text
}

fn push(text: &mut String, key: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !key.is_empty() && key.len() <= 64 && key.chars().all(is_plain) {
        true if text.is_empty() => text.push_str(key),
        true => text.push_str(&format!(".{key}")),
        false => text.push_str(&format!("[{}]", quote(key))),
    }
}

#[cfg(test)]
#[path = "key_paths_tests.rs"]
mod tests;
