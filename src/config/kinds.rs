//! What the configuration knows of storages: that there are kinds of them, each with a section of its own.
//!
//! Which kinds there are is not known here. Whoever loads a configuration hands in a table of [`Kind`]s; a kind brings the type of
//! its section (a [`Section`]: keys, sentences of help, check), and what the section becomes (a [`Backend`]).

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor};
use serde_json::{Value as Json, json};
use wharf_backends::observe::Observers;
use wharf_backends::{Buffers, Storage};

use super::check::Checker;
use super::read::{KIND, Reader, UNREAD};
use super::source::Source;
use super::tree::{Node, Span, Value};

/// A kind of storage: a row of the table that is handed to [`load`](super::load).
pub struct Kind {
    word: &'static str,
    read: fn(Reader<'_>) -> Result<Check, super::read::Misfit>,
    schema: fn(&mut SchemaGenerator) -> Schema,
    /// The keys in their order, which a schema has not.
    #[cfg(test)]
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
            #[cfg(test)]
            fields: super::tests::keys::fields_of::<S>,
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

/// What a section has to know of the rest of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// Where the name of the backend stands, which is marked where a key is missing.
    pub(crate) name: Span,
    /// The memory that transfers to and from buckets share, in bytes.
    pub(crate) buffer_memory: u64,
}

/// A section that was read and is to be checked.
pub(super) type Check = Box<dyn FnOnce(&Checker<'_>, Around) -> Option<Arc<dyn Backend>>>;

/// A storage as configured, of whichever kind: nothing is left to check, and nothing is contacted or opened yet.
pub trait Backend: Any + fmt::Debug + Send + Sync {
    /// The word for its kind in the file.
    fn kind(&self) -> &'static str;

    /// Opens it under the name that it has in the configuration. May block. Buckets are not contacted yet.
    ///
    /// # Errors
    /// A sentence for the operator.
    fn open(&self, name: &str, shared: &Shared) -> Result<Arc<dyn Storage>, OpenError>;

    /// Makes the directory that it begins at, if that is to be made. May block.
    ///
    /// # Errors
    /// A sentence for the operator.
    fn make_root(&self) -> Result<(), OpenError> {
        Ok(())
    }

    /// What the process has to be allowed for it while it runs.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// All bits of the modes that it gives to new files and directories of this machine; `None` if it makes none.
    fn modes(&self) -> Option<u32> {
        None
    }

    /// The same backend for a process that is allowed its directories as they are now: a directory that comes to stand at the
    /// same path later is not one of them. `None` if that makes no difference.
    fn with_fixed_root(&self) -> Option<Arc<dyn Backend>> {
        None
    }
}

/// Why a storage can't be opened: a sentence for the operator.
pub type OpenError = Box<dyn std::error::Error + Send + Sync>;

/// What the storages of a server share, or what each gets from it.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The memory for transfers.
    pub buffers: Arc<Buffers>,
    /// Who hears of the requests of this storage.
    pub observers: Observers,
}

/// What the process has to be allowed for a storage.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Directories in which files are read, made, changed, moved and removed.
    pub directories: Vec<PathBuf>,
    /// Files that are read again, and may be others under the same name by then.
    pub files: Vec<PathBuf>,
    /// It is reached over the network, under a name, and shows a certificate.
    pub network: bool,
}

/// The section of a backend in its place among the types of the file: it is read when its kind is known.
#[derive(Debug)]
pub(super) struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnreadVisitor;
        impl Visitor<'_> for UnreadVisitor {
            type Value = Unread;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a backend")
            }

            fn visit_unit<E>(self) -> Result<Unread, E> {
                Ok(Unread)
            }
        }
        deserializer.deserialize_unit_struct(UNREAD, UnreadVisitor)
    }
}

impl JsonSchema for Unread {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Backend".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "$ref": "#/definitions/Backend" })
    }
}

/// Reads what stands under `backends`, each section as its kind has it; one for each entry there, in their order. `None` is one
/// that doesn't fit, which has been reported.
pub(super) fn read_sections(root: &Node, source: &Source<'_>, kinds: &[Kind]) -> Vec<Option<Check>> {
    let Value::Map(map) = &root.value else { return Vec::new() };
    let section = map.iter().find(|(key, _)| matches!(&key.value, Value::Text(word) if word == "backends"));
    let Some((_, Node { value: Value::Map(backends), .. })) = section else { return Vec::new() };
    let read = |(key, node): &(Node, Node)| {
        let reader = Reader::new(node, key.span, source);
        let section = kind_of(reader, kinds).and_then(|kind| (kind.read)(reader.of_known_kind()));
        section.map_err(|misfit| reader.report(misfit)).ok()
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
