//! From the tree of what is written to the raw types, without stopping at what doesn't fit.
//!
//! The raw types derive `Deserialize`, so that one definition makes the reader and the schema. This deserializer
//! reports unknown keys itself, and an [`At`] catches an error of the value in it: the rest is read all the same.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::source::{Source, before_value, sounds_secret};
use super::suggest::{hint, nearest, quote};
use super::tree::{Node, Span, Value};

/// The name by which [`At`] asks for the place of a value.
const AT: &str = "wharf::config::At";
/// The name by which [`super::raw::Secret`] tells that the value must not be shown.
pub(super) const SECRET: &str = "wharf::config::Secret";
/// Where a secret can stand instead.
pub(super) const SECRET_PLACES: &[&str] = &["env", "file"];
/// The name by which a type tells that it is a word, or keys and values.
pub(super) const WORD_OR_KEYS: &str = "wharf::config::WordOrKeys";
/// The name by which [`Unread`](super::raw::Unread) tells that the value is read later.
pub(super) const UNREAD: &str = "wharf::config::Unread";
/// The key of a backend that chooses its other keys.
pub(super) const KIND: &str = "kind";

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    /// `None` if it didn't fit; that has been reported.
    pub(crate) value: Option<T>,
    /// Where the value stands.
    pub(crate) span: Span,
    /// Where its key stands; in a list, the same as `span`.
    pub(crate) key: Span,
}

/// Reads what the file holds; `None` if it is something else altogether.
pub(super) fn read<'de, T: Deserialize<'de>>(root: &'de Node, source: &'de Source<'_>) -> Option<T> {
    At::deserialize(Reader::new(root, root.span, source)).ok().and_then(|at| at.value)
}

/// Why a value doesn't fit; its place is where the reader is.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) span: Option<Span>,
    pub(super) message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { span: None, message: message.to_string() }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Reader<'de> {
    node: &'de Node,
    key: Span,
    source: &'de Source<'de>,
    /// The key `kind` of this map has chosen the type that is being read.
    kind_is_known: bool,
}

impl<'de> Reader<'de> {
    /// Reads `node`, whose key stands at `key`.
    pub(super) fn new(node: &'de Node, key: Span, source: &'de Source<'de>) -> Self {
        Self { node, key, source, kind_is_known: false }
    }

    /// The same map, whose key `kind` has been read.
    pub(super) fn of_known_kind(self) -> Self {
        Self { kind_is_known: true, ..self }
    }

    /// Reports why the value doesn't fit.
    pub(super) fn report(self, misfit: Misfit) {
        self.source.problem(misfit.span.unwrap_or(self.node.span), misfit.message);
    }

    /// The word under the key `kind` of a map: one of `words`.
    pub(super) fn kind(self, words: &[&'static str]) -> Result<&'de str, Misfit> {
        let Value::Map(map) = &self.node.value else { return Err(self.misfit("keys and values")) };
        let kind = map.iter().find(|(key, _)| key.value == Value::Text(KIND.to_owned()));
        match kind.map(|(_, value)| (&value.value, value.span)) {
            Some((Value::Text(word), span)) => known(word, span, KIND, words),
            Some((_, span)) => {
                let message = format!("expected a word: {}", words.join(", "));
                Err(Misfit { span: Some(span), message })
            }
            None => {
                let message = format!("there is no `kind` here; known are: {}", words.join(", "));
                Err(Misfit { span: Some(self.key), message })
            }
        }
    }

    fn with(self, node: &'de Node, key: Span) -> Self {
        Self { node, key, source: self.source, kind_is_known: false }
    }

    fn misfit(self, expected: &str) -> Misfit {
        let hint = match (expected, &self.node.value) {
            ("text", Value::Bool(_) | Value::Number(_) | Value::OtherNumber(_)) => "; put it in quotes",
            _ => "",
        };
        let message = format!("expected {expected}, found {}{hint}", self.node.value.describe());
        Misfit { span: Some(self.node.span), message }
    }

    /// The entries whose keys are among `fields`; the others are reported.
    fn known_entries(
        self,
        map: &'de [(Node, Node)],
        fields: &'static [&'static str],
    ) -> Vec<(&'de Node, &'de Node)> {
        let mut known = Vec::new();
        for (key, value) in map {
            match &key.value {
                Value::Text(word) if fields.contains(&word.as_str()) => known.push((key, value)),
                Value::Text(word) if self.kind_is_known && word == KIND => {}
                Value::Text(word) => {
                    // The secret is a part of the key: `password:hunter2`.
                    if let Some(name) = before_value(word)
                        && (sounds_secret(name)
                            || nearest(name, fields.iter().copied()).is_some_and(sounds_secret))
                    {
                        self.source.hide(key.span);
                        self.source.hide_all(value);
                        let message = "this is no key: a colon and a blank stand between a key and its value";
                        self.source.problem(key.span, message);
                        continue;
                    }
                    let meant = nearest(word, fields.iter().copied());
                    // It may well be a secret under a key that is mistyped, a little or badly.
                    if meant.is_none_or(sounds_secret) {
                        self.source.hide_all(value);
                    }
                    // In `password: { hunter2 }` the key is the secret.
                    if meant.is_none() && fields == SECRET_PLACES {
                        self.source.hide(key.span);
                        let message = "this is no place of a secret; write `{ env: NAME }`, `{ file: PATH }`, or the text in quotes";
                        self.source.problem(key.span, message);
                        continue;
                    }
                    let hint = hint(word, fields.iter().copied(), "known here are");
                    self.source.problem(key.span, format!("unknown key {}{hint}", quote(word)));
                }
                other => {
                    self.source.hide_all(key);
                    self.source.hide_all(value);
                    self.source.problem(key.span, format!("expected a key, found {}", other.describe()));
                }
            }
        }
        known
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(value) => visitor.visit_u64(*value),
            Value::OtherNumber(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(list) => visitor.visit_seq(Items { reader: self, items: list.iter() }),
            Value::Map(map) => {
                let entries: Vec<_> = map.iter().map(|(key, value)| (key, value)).collect();
                visitor.visit_map(Entries { reader: self, entries: entries.into_iter(), value: None })
            }
        }
        .map_err(|misfit| if misfit.span.is_some() { misfit } else { self.misfit(&expected_by(&misfit)) })
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.misfit("true or false")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Number(value) => visitor.visit_u64(*value),
            _ => Err(self.misfit("a whole number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.misfit("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::List(list) => visitor.visit_seq(Items { reader: self, items: list.iter() }),
            _ => Err(self.misfit("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Map(_) => self.deserialize_any(visitor),
            _ => Err(self.misfit("keys and values")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if name == AT {
            return visitor.visit_seq(PlaceAndValue { reader: self, step: 0 });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Map(map) => {
                let entries = self.known_entries(map, fields).into_iter();
                visitor.visit_map(Entries { reader: self, entries, value: None })
            }
            _ if name == WORD_OR_KEYS => self.deserialize_any(visitor),
            other if name == SECRET => {
                self.source.hide_all(self.node);
                match other {
                    Value::Text(text) => visitor.visit_borrowed_str(text),
                    Value::Bool(_) | Value::Number(_) | Value::OtherNumber(_) => Err(self.misfit("text")),
                    _ => Err(self.misfit("text, { env: NAME } or { file: PATH }")),
                }
            }
            _ => Err(self.misfit("keys and values")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if name == UNREAD { visitor.visit_unit() } else { self.deserialize_any(visitor) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let Value::Text(word) = &self.node.value else {
            return Err(self.misfit(&format!("a word: {}", variants.join(", "))));
        };
        let word = known(word, self.node.span, &name.to_lowercase(), variants)?;
        visitor.visit_enum(Variant { reader: self, word })
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit tuple tuple_struct
        identifier ignored_any
    }
}

/// A word that is one of `words`; `name` is what it is the name of.
pub(super) fn known<'de>(
    word: &'de str,
    span: Span,
    name: &str,
    words: &[&'static str],
) -> Result<&'de str, Misfit> {
    if words.contains(&word) {
        return Ok(word);
    }
    let hint = hint(word, words.iter().copied(), "known are");
    Err(Misfit { span: Some(span), message: format!("unknown {name} {}{hint}", quote(word)) })
}

/// What the visitor expected, from the words of `serde`: `invalid type: …, expected …`.
fn expected_by(misfit: &Misfit) -> String {
    misfit.message.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected).to_owned()
}

struct Items<'de> {
    reader: Reader<'de>,
    items: std::slice::Iter<'de, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        self.items.next().map(|item| seed.deserialize(self.reader.with(item, item.span))).transpose()
    }
}

struct Entries<'de> {
    reader: Reader<'de>,
    entries: std::vec::IntoIter<(&'de Node, &'de Node)>,
    value: Option<(&'de Node, Span)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((value, key.span));
        seed.deserialize(self.reader.with(key, key.span)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let (value, key) = self.value.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        seed.deserialize(self.reader.with(value, key))
    }
}

struct Variant<'de> {
    reader: Reader<'de>,
    word: &'de str,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Misfit> {
        let word: StrDeserializer<'_, Misfit> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.reader.node.value {
            Value::Text(_) => Ok(()),
            _ => Err(self.reader.misfit("a word")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Misfit> {
        Err(self.reader.misfit("a word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(self.reader.misfit("a word"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Misfit> {
        Err(self.reader.misfit("a word"))
    }
}

/// Gives an [`At`] the four numbers of its places and then the value, whose errors end here.
struct PlaceAndValue<'de> {
    reader: Reader<'de>,
    step: usize,
}

impl<'de> SeqAccess<'de> for PlaceAndValue<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Reader { node, key, source, .. } = self.reader;
        let places = [node.span.start, node.span.end, key.start, key.end];
        let step = self.step;
        self.step += 1;
        if let Some(place) = places.get(step) {
            return seed.deserialize(place.into_deserializer()).map(Some);
        }
        seed.deserialize(self.reader).map(Some).inspect_err(|misfit| {
            source.problem(misfit.span.unwrap_or(node.span), misfit.message.clone());
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AT, AtVisitor(PhantomData))
    }
}

struct AtVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<At<T>, A::Error> {
        let mut place = || sequence.next_element().map(Option::unwrap_or_default);
        let span = Span { start: place()?, end: place()? };
        let key = Span { start: place()?, end: place()? };
        Ok(At { value: sequence.next_element().unwrap_or(None), span, key })
    }
}
