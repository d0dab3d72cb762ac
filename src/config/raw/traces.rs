//! Traces, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use super::{Scalar, Secret};
use crate::config::read::At;

/// Traces of commands, for a collector that speaks OTLP.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Traces {
    /// The collector: a URL of OTLP over HTTP, to which `/v1/traces` is added. Example: `otlp: "http://127.0.0.1:4318"`.
    #[schemars(required, extend("x-type" = "URL"))]
    pub(in crate::config) otlp: Option<At<String>>,
    /// The share of commands that is traced, from `0` to `1`, or in percent. Default: `1`. Example: `sample: 0.01`.
    #[schemars(extend("x-type" = "share"))]
    pub(in crate::config) sample: Option<At<Share>>,
    /// Headers of the requests to the collector, such as that of its key. Default: none. Example: `headers: [{ name: api-key, value: {
    /// file: secrets/collector } }]`.
    pub(in crate::config) headers: Option<At<Vec<At<Header>>>>,
    /// How long the collector may take for an answer, from 100ms to 1m. Default: `5s`. Example: `timeout: 2s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) timeout: Option<At<Scalar>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the collector's authority, or its
    /// own. Default: those of the system. Example: `ca_file: collector.crt`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) ca_file: Option<At<String>>,
    /// Send stores the header `traceparent` of the W3C with requests that are traced. Default: `false`. Example: `to_stores: true`.
    pub(in crate::config) to_stores: Option<At<bool>>,
}

/// A header of requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Header {
    /// Its name. Example: `name: api-key`.
    #[schemars(required, extend("x-type" = "name"))]
    pub(in crate::config) name: Option<At<String>>,
    /// What it says. Example: `value: { file: secrets/collector }`.
    #[schemars(required)]
    pub(in crate::config) value: Option<At<Secret>>,
}

/// A number from 0 to 1, or a text with a percentage.
#[derive(Debug, Clone)]
pub(in crate::config) struct Share(pub(in crate::config) String);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShareVisitor;
        impl Visitor<'_> for ShareVisitor {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 0 to 1, or a percentage")
            }

            fn visit_u64<E>(self, value: u64) -> Result<Share, E> {
                Ok(Share(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Share, E> {
                Ok(Share(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Share, E> {
                Ok(Share(value.to_owned()))
            }
        }
        deserializer.deserialize_any(ShareVisitor)
    }
}

impl JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "minimum": 0, "maximum": 1 })
    }
}
