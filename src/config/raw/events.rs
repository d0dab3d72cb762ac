//! Events, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Scalar, Secret};
use crate::config::read::At;

/// Tells other programs what happens: [events](events.md).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Events {
    /// Where events are kept until they are delivered: an existing directory on a disk of this machine, which no other server may use,
    /// or, for servers without a disk, [a path of a backend](events.md#without-a-disk). Example: `spool: /var/lib/wharf/events`.
    #[schemars(required, extend("x-type" = "directory, or `backend` and `path`"))]
    pub(in crate::config) spool: Option<At<EventSpool>>,
    /// How much the spool may hold, from `1MiB`. While it is full, changes are refused (452): their events could be lost. Default:
    /// `256MiB`. Example: `spool_size: 4GiB`.
    #[schemars(with = "Option<String>", extend("x-type" = "size"))]
    pub(in crate::config) spool_size: Option<At<Scalar>>,
    /// Whether what is written to the directory survives the loss of power, too: many changes at a time share one sync of the disk.
    /// Default: `true`. Example: `sync: false`.
    pub(in crate::config) sync: Option<At<bool>>,
    /// The name of this server in events. No two servers whose spools are below one path of a backend may have the same. Default: the
    /// name of the host. Example: `node: ftp-1`.
    #[schemars(extend("x-type" = "text"))]
    pub(in crate::config) node: Option<At<String>>,
    /// Patterns of names that clients give to files which are not complete: [such a file is told of when it gets its
    /// name](events.md#names-of-parts). Default: `["*.part", "*.filepart", "*.partial", "*.tmp"]`. Example: `partial_names: ["*.upl"]`.
    #[schemars(extend("x-type" = "list of patterns"))]
    pub(in crate::config) partial_names: Option<At<Vec<At<String>>>>,
    /// How long such a file waits for its name; then it is told of by the one that it has, if it is still there. Default: `24h`.
    /// Example: `partial_wait: 1h`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) partial_wait: Option<At<Scalar>>,
    /// Who is told; at least one.
    #[schemars(required)]
    pub(in crate::config) to: Option<At<Vec<At<EventTarget>>>>,
}

/// Where events are kept.
#[derive(Debug)]
pub(in crate::config) enum EventSpool {
    /// In a directory.
    Directory(String),
    /// Below a path of a backend.
    Bucket(EventBucket),
}

/// A path of a backend where events are kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct EventBucket {
    /// The name of a backend. Example: `spool: { backend: lake, path: .wharf/events }`.
    #[schemars(required, extend("x-type" = "name"))]
    pub(in crate::config) backend: Option<At<String>>,
    /// A directory there, which no user may reach; several servers may share it. Example: `spool: { backend: lake, path:
    /// .wharf/events }`.
    #[schemars(required, extend("x-type" = "path"))]
    pub(in crate::config) path: Option<At<String>>,
}

impl<'de> Deserialize<'de> for EventSpool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpoolVisitor;
        impl<'de> Visitor<'de> for SpoolVisitor {
            type Value = EventSpool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a directory, or { backend: NAME, path: PATH }")
            }

            fn visit_str<E>(self, value: &str) -> Result<EventSpool, E> {
                Ok(EventSpool::Directory(value.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<EventSpool, A::Error> {
                EventBucket::deserialize(MapAccessDeserializer::new(entries)).map(EventSpool::Bucket)
            }
        }
        deserializer.deserialize_any(SpoolVisitor)
    }
}

impl JsonSchema for EventSpool {
    fn schema_name() -> Cow<'static, str> {
        "EventSpool".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where events are kept: a directory, or { backend: NAME, path: PATH }.",
            "anyOf": [{ "type": "string" }, generator.subschema_for::<EventBucket>()],
        })
    }
}

/// Somebody who is told of events: a `url`, or a `command`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct EventTarget {
    /// A name for metrics, logs and the spool; each once. What waits in the spool waits for this name. Default: the URL, whose path
    /// may be a secret, or the name of the program. Example: `name: billing`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) name: Option<At<String>>,
    /// Where [a request](events.md#webhooks) is sent for each event. Example: `url: "https://hooks.example.com/wharf"`.
    #[schemars(extend("x-type" = "URL"))]
    pub(in crate::config) url: Option<At<String>>,
    /// The program that is run for each event, with its arguments; no shell is between. Example: `command: [/usr/local/bin/arrived]`.
    #[schemars(extend("x-type" = "list of texts"))]
    pub(in crate::config) command: Option<At<Vec<At<String>>>>,
    /// The key of the signature, `whsec_` and 24 to 64 bytes in base64. Default: none, and no signature. Example: `secret: { file:
    /// secrets/hook }`.
    pub(in crate::config) secret: Option<At<Secret>>,
    /// Further keys, while receivers change from one to the other: each request has a signature by all of them. Default: none.
    /// Example: `more_secrets: [{ file: secrets/old }]`.
    pub(in crate::config) more_secrets: Option<At<Vec<At<Secret>>>>,
    /// The bearer token by which the receiver knows Wharf. Default: none. Example: `token: { file: secrets/token }`.
    pub(in crate::config) token: Option<At<Secret>>,
    /// Whether the attributes of an event stand in the body, beside its data, or in headers. Default: `structured`. Example: `mode:
    /// binary`.
    pub(in crate::config) mode: Option<At<Mode>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities. Default: those of the system. Example:
    /// `ca_file: hooks.crt`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) ca_file: Option<At<String>>,
    /// The kinds of events: names, or patterns such as `file.*`. Default: `["file.*", "directory.*"]`. Example: `on: [file.stored]`.
    #[schemars(extend("x-type" = "list of patterns"))]
    pub(in crate::config) on: Option<At<Vec<At<String>>>>,
    /// Patterns of paths in the tree of the user, where `*` stands for a part of one name and `**` for any number of names; of an
    /// event with two paths, one is enough. Default: all. Example: `paths: ["/in/**"]`.
    #[schemars(extend("x-type" = "list of patterns"))]
    pub(in crate::config) paths: Option<At<Vec<At<String>>>>,
    /// Patterns of users. Default: all. Example: `users: ["scanner-*"]`.
    #[schemars(extend("x-type" = "list of patterns"))]
    pub(in crate::config) users: Option<At<Vec<At<String>>>>,
    /// So many events are on their way at once, from 1 to 256. Default: `4`. Example: `at_once: 16`.
    #[schemars(range(min = 1, max = 256))]
    pub(in crate::config) at_once: Option<At<u64>>,
    /// So many are begun in a time. Default: any number. Example: `rate: 100/s`.
    #[schemars(extend("x-type" = "number for `s`, `min`, `h` or a duration"))]
    pub(in crate::config) rate: Option<At<Scalar>>,
    /// How long an answer, or the program, may take, from `100ms` to `1h`. Default: `30s`. Example: `timeout: 5s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) timeout: Option<At<Scalar>>,
    /// The pause before the first repetition; each further one is twice as long, up to ten minutes. From `10ms`. Default: `1s`.
    /// Example: `pause: 10s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) pause: Option<At<Scalar>>,
    /// How long an event is tried; then it becomes [a dead letter](events.md#dead-letters). Default: `72h`. Example: `retry_for: 7d`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) retry_for: Option<At<Scalar>>,
}

/// Where the attributes of an event stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Mode {
    /// In the body.
    Structured,
    /// In headers.
    Binary,
}
