//! What the configuration knows of engines: that there are some, each with a name, and keys that it can't obey.
//!
//! Which engines there are is not known here. Whoever loads a configuration hands in a table of [`Engine`]s.

use serde_json::{Value as Json, json};

use super::read::{Misfit, known};
use super::source::Source;
use super::tree::{Node, Span, Value};

/// An engine, as far as the configuration knows it: a row of the table that is handed to [`load`](super::load). The first row
/// is the engine of a file that names none, and has no [`Lack`].
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    /// The word for it in the file.
    pub word: &'static str,
    /// What it is, for the schema.
    pub help: &'static str,
    /// What it can't obey.
    pub lacks: &'static [Lack],
}

/// A key that an engine can't obey: a key that has no effect is worse than one that is refused.
#[derive(Debug)]
pub struct Lack {
    /// The keys that lead there; `*` stands for each item of a list.
    pub(super) path: &'static [&'static str],
    refused: Refused,
    /// Whether the key is marked in the place of its value.
    marks_key: bool,
    message: Option<&'static str>,
}

/// Which values are refused.
#[derive(Debug, Clone, Copy)]
enum Refused {
    Any,
    True,
    /// A list of this many items or more.
    ListOf(usize),
}

impl Lack {
    /// The engine has no such key, whatever its value is.
    pub const fn of(path: &'static [&'static str]) -> Self {
        Self { path, refused: Refused::Any, marks_key: false, message: None }
    }

    /// The engine has no such key, whose value may well be long: the key is what is shown.
    pub const fn of_section(path: &'static [&'static str]) -> Self {
        Self { marks_key: true, ..Self::of(path) }
    }

    /// The engine can't do what the key turns on.
    pub const fn of_switch(path: &'static [&'static str]) -> Self {
        Self { refused: Refused::True, ..Self::of(path) }
    }

    /// The engine can't do with as many items of a list, and this is said.
    pub const fn of_list(path: &'static [&'static str], items: usize, message: &'static str) -> Self {
        Self { refused: Refused::ListOf(items), message: Some(message), ..Self::of(path) }
    }

    fn report(&self, source: &Source<'_>, engine: &Engine, engines: &[Engine], place: Place<'_>) {
        let refused = match (self.refused, &place.node.value) {
            (_, Value::Null) => false,
            (Refused::Any, _) => true,
            (Refused::True, value) => *value == Value::Bool(true),
            (Refused::ListOf(items), Value::List(list)) => list.len() >= items,
            (Refused::ListOf(_), _) => false,
        };
        if !refused {
            return;
        }
        let span = if self.marks_key { place.key } else { place.node.span };
        let message = self.message.map(str::to_owned).unwrap_or_else(|| {
            let key = self.path.last().unwrap_or(&"");
            let other = engines.first().map_or("", |engine| engine.word);
            format!("the engine `{}` has no `{key}`; the engine `{other}` has", engine.word)
        });
        source.problem(span, message);
    }
}

/// A value, and where its key stands.
#[derive(Clone, Copy)]
struct Place<'n> {
    node: &'n Node,
    key: Span,
}

/// What stands under these keys.
fn places<'n>(root: &'n Node, path: &[&str]) -> Vec<Place<'n>> {
    let mut places = vec![Place { node: root, key: root.span }];
    for step in path {
        let below = |place: Place<'n>| -> Vec<Place<'n>> {
            match &place.node.value {
                Value::List(list) if *step == "*" => {
                    list.iter().map(|node| Place { node, key: node.span }).collect()
                }
                Value::Map(map) => {
                    let named =
                        map.iter().filter(|(key, _)| matches!(&key.value, Value::Text(word) if word == step));
                    named.map(|(key, node)| Place { node, key: key.span }).collect()
                }
                _ => Vec::new(),
            }
        };
        places = places.into_iter().flat_map(below).collect();
    }
    places
}

/// Reads which of these engines the file names, and reports what that engine can't obey; `None` if there are no engines.
pub(super) fn read(root: &Node, source: &Source<'_>, engines: &'static [Engine]) -> Option<&'static Engine> {
    let named = places(root, &["server", "engine"]).first().copied();
    let engine = match named.map(|place| word(place.node, engines)) {
        None => None,
        Some(Ok(engine)) => engine,
        Some(Err(misfit)) => {
            source.problem(misfit.span.unwrap_or(root.span), misfit.message);
            None
        }
    };
    let engine = engine.or(engines.first())?;
    for lack in engine.lacks {
        for place in places(root, lack.path) {
            lack.report(source, engine, engines, place);
        }
    }
    Some(engine)
}

/// Reports what an engine can't obey of an entry of `users` that stands by itself.
pub(super) fn report_entry(entry: &Node, source: &Source<'_>, engine: &Engine, engines: &[Engine]) {
    for lack in engine.lacks {
        if let ["users", "*", rest @ ..] = lack.path {
            places(entry, rest).into_iter().for_each(|place| lack.report(source, engine, engines, place));
        }
    }
}

/// The engine that a word names; `None` if nothing stands there.
fn word(node: &Node, engines: &'static [Engine]) -> Result<Option<&'static Engine>, Misfit> {
    let mut words: Vec<_> = engines.iter().map(|engine| engine.word).collect();
    words.sort_unstable();
    match &node.value {
        Value::Null => Ok(None),
        Value::Text(text) => {
            let word = known(text, node.span, "engine", &words)?;
            Ok(engines.iter().find(|engine| engine.word == word))
        }
        other => {
            let message = format!("expected a word: {}, found {}", words.join(", "), other.describe());
            Err(Misfit { span: Some(node.span), message })
        }
    }
}

/// The schema of the name of any engine.
pub(super) fn schema(engines: &[Engine]) -> Json {
    let word =
        |engine: &Engine| json!({ "type": "string", "const": engine.word, "description": engine.help });
    let mut in_order: Vec<_> = engines.iter().collect();
    in_order.sort_by_key(|engine| engine.word);
    let words: Vec<Json> = in_order.into_iter().map(word).collect();
    json!({ "description": "What speaks FTP.", "oneOf": words })
}
