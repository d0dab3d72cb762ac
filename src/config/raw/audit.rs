//! The record of who did what, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::Scalar;
use crate::config::read::{At, WORD_OR_KEYS};

/// Somewhere that the record of who did what goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Audit {
    /// Where the lines go: `stdout`, `{ file: PATH }` or `{ syslog: ADDRESS }`, whose address is `unix:PATH`, `udp://HOST:PORT` or
    /// `tcp://HOST:PORT`. Example: `to: { file: /var/log/wharf/audit.jsonl }`.
    #[schemars(required, extend("x-type" = "`stdout`, `file` or `syslog`"))]
    pub(in crate::config) to: Option<At<AuditTo>>,
    /// What a line is: a JSON object, whose [schema](audit.md#the-records) has a version, for everything; or a line of an `xferlog`, as
    /// wu-ftpd wrote it, for transfers and removed files. Default: `json`. Example: `format: xferlog`.
    pub(in crate::config) format: Option<At<AuditFormat>>,
    /// When the server itself gives a file another name, and begins a new one. Default: never.
    pub(in crate::config) rotate: Option<At<Rotate>>,
    /// Whether [nothing happens that can't be written down](audit.md#what-must-not-be-lost): while the lines go nowhere, logins, transfers
    /// and changes are refused. Default: `false`. Example: `required: true`.
    pub(in crate::config) required: Option<At<bool>>,
    /// Whether lines of whole files have the SHA-256 of their content, which takes [processor time](audit.md#what-it-costs) for each byte.
    /// Default: `false`. Example: `sha256: true`.
    pub(in crate::config) sha256: Option<At<bool>>,
}

/// When a file is full.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Rotate {
    /// A file that would be larger is given the name with `.1` at its end; at least `64KiB`. Example: `size: 100MiB`.
    #[schemars(required, with = "Option<String>", extend("x-type" = "size"))]
    pub(in crate::config) size: Option<At<Scalar>>,
    /// How many of these are kept, from 1 to 1000; the oldest has the highest number. Default: `10`. Example: `keep: 30`.
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::config) keep: Option<At<u64>>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum AuditFormat {
    /// A JSON object.
    Json,
    /// As wu-ftpd wrote them.
    Xferlog,
}

/// Where lines go.
#[derive(Debug)]
pub(in crate::config) enum AuditTo {
    /// To standard output.
    Stdout,
    /// Elsewhere.
    Place(AuditPlace),
}

/// Where lines go beside standard output: one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::config) struct AuditPlace {
    /// A file, which is made if it is not there. Example: `to: { file: /var/log/wharf/audit.jsonl }`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) file: Option<At<String>>,
    /// A system log (RFC 5424). Example: `to: { syslog: "unix:/dev/log" }`.
    #[schemars(extend("x-type" = "address"))]
    pub(in crate::config) syslog: Option<At<String>>,
}

impl<'de> Deserialize<'de> for AuditTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ToVisitor;
        impl<'de> Visitor<'de> for ToVisitor {
            type Value = AuditTo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("stdout, { file: PATH } or { syslog: ADDRESS }")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<AuditTo, E> {
                match value {
                    "stdout" => Ok(AuditTo::Stdout),
                    other => Err(E::invalid_value(Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<AuditTo, A::Error> {
                AuditPlace::deserialize(MapAccessDeserializer::new(entries)).map(AuditTo::Place)
            }
        }
        deserializer.deserialize_struct(WORD_OR_KEYS, &["file", "syslog"], ToVisitor)
    }
}

impl JsonSchema for AuditTo {
    fn schema_name() -> Cow<'static, str> {
        "AuditTo".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where lines go: stdout, { file: PATH } or { syslog: ADDRESS }.",
            "anyOf": [{ "enum": ["stdout"] }, generator.subschema_for::<AuditPlace>()],
        })
    }
}
