//! Values that a table reads: which keys or words are right is known to the row, and not to the types of the file.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::config::read::UNREAD;

/// What stands in such a place.
pub(in crate::config) trait Tabled {
    /// The name of its definition in the schema.
    const DEFINITION: &'static str;
}

/// The section of a backend, which a kind of storage reads.
#[derive(Debug)]
pub(in crate::config) struct Backend;

impl Tabled for Backend {
    const DEFINITION: &'static str = "Backend";
}

/// The name of an engine.
#[derive(Debug)]
pub(in crate::config) struct Engine;

impl Tabled for Engine {
    const DEFINITION: &'static str = "Engine";
}

/// A value in its place among the types of the file, which is read later.
#[derive(Debug)]
pub(in crate::config) struct Unread<T>(PhantomData<T>);

impl<'de, T> Deserialize<'de> for Unread<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnreadVisitor<T>(PhantomData<T>);
        impl<T> Visitor<'_> for UnreadVisitor<T> {
            type Value = Unread<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value that is read later")
            }

            fn visit_unit<E>(self) -> Result<Unread<T>, E> {
                Ok(Unread(PhantomData))
            }
        }
        deserializer.deserialize_unit_struct(UNREAD, UnreadVisitor(PhantomData))
    }
}

impl<T: Tabled> JsonSchema for Unread<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::DEFINITION.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "$ref": format!("#/definitions/{}", T::DEFINITION) })
    }
}
