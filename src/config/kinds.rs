//! What the configuration knows of storages: that there are kinds of them, each with a section of its own.
//!
//! Which kinds there are is not known here. Whoever loads a configuration hands in a table of [`Kind`]s; a kind brings the type of
//! its section (a [`Section`]: keys, sentences of help, check), and what the section becomes (a [`Backend`]).

use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::backend::Backend;
use super::check::{self, Around, Check, Checker};
use super::read::{KIND, Reader};
use super::source::Source;
use super::stamp::Stamp;
use super::tree::{Node, Value};

/// A kind of storage: a row of the table that is handed to [`load`](super::load).
pub struct Kind {
    word: &'static str,
    read: fn(Reader<'_>) -> Result<Check, super::read::Misfit>,
    schema: fn(&mut SchemaGenerator) -> Schema,
    /// The keys in their order, which a schema has not.
    pub(super) fields: fn() -> Vec<&'static str>,
}

impl Kind {
    /// The kind whose sections are of the type `S`.
    pub(crate) const fn of<S: Section>() -> Self {
        Self {
            word: S::KIND,
            read: |reader| {
                let section = S::deserialize(reader)?;
                Ok(Box::new(move |checker, around| section.check(checker, around)))
            },
            schema: S::json_schema,
            fields: super::keys::fields_of::<S>,
        }
    }

    /// The word for it in the file.
    pub fn word(&self) -> &'static str {
        self.word
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind").field("word", &self.word).finish_non_exhaustive()
    }
}

/// The keys of a kind of storage as written. What is said about a field becomes its sentence of help.
pub(crate) trait Section: DeserializeOwned + JsonSchema + 'static {
    /// The word for the kind in the file.
    const KIND: &'static str;

    /// What the section is good for. Whatever is wrong with it is reported to `checker`; `None` if something is.
    fn check(self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>>;
}

/// Reads what stands under `backends`, each section as its kind has it; one for each entry there, in their order.
pub(super) fn read_sections(root: &Node, source: &Source<'_>, kinds: &[Kind]) -> Vec<check::Section> {
    let Value::Map(map) = &root.value else { return Vec::new() };
    let section = map.iter().find(|(key, _)| matches!(&key.value, Value::Text(word) if word == "backends"));
    let Some((_, Node { value: Value::Map(backends), .. })) = section else { return Vec::new() };
    let read = |(key, node): &(Node, Node)| {
        let reader = Reader::new(node, key.span, source);
        let section = kind_of(reader, kinds).and_then(|kind| (kind.read)(reader.of_known_kind()));
        let check = section.map_err(|misfit| reader.report(misfit)).ok();
        check::Section { check, stamp: Stamp::of_node(node) }
    };
    backends.iter().map(read).collect()
}

/// The kind that the key `kind` names.
fn kind_of<'k>(reader: Reader<'_>, kinds: &'k [Kind]) -> Result<&'k Kind, super::read::Misfit> {
    let word = reader.kind(&words(kinds))?;
    kinds.iter().find(|kind| kind.word == word).ok_or_else(|| serde::de::Error::custom("no such kind"))
}

fn words(kinds: &[Kind]) -> Vec<&'static str> {
    kinds.iter().map(Kind::word).collect()
}

/// The schema of a section of any kind.
pub(super) fn schema(kinds: &[Kind], generator: &mut SchemaGenerator) -> Json {
    let sections: Vec<Json> = kinds.iter().map(|kind| section_schema(kind, generator)).collect();
    json!({ "description": "A storage.", "oneOf": sections })
}

fn section_schema(kind: &Kind, generator: &mut SchemaGenerator) -> Json {
    let mut schema = (kind.schema)(generator).to_value();
    schema["properties"][KIND] = json!({ "type": "string", "const": kind.word });
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    schema["required"] = std::iter::once(json!(KIND)).chain(required).collect();
    schema
}
