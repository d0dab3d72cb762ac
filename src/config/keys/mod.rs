//! The keys as their definitions have them, for whoever tells of them: `wharf explain`, the tables of the guide, the lists of the
//! chart.

mod explain;
mod fields;

use std::collections::BTreeMap;

use serde_json::Value;

use super::engines::Engine;
use super::help::{Help, TYPE};
use super::kinds::Kind;
use super::{annotated_schema, raw};
pub use explain::{Change, Explanation, SubKey, explain, explain_all};
pub(super) use fields::fields_of;

/// A key of a section, or the section of another one.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) is_secret: bool,
    /// Whether each item of its list is one.
    #[cfg(test)]
    pub(super) lists_secrets: bool,
    /// As a word or two for people.
    pub(super) kind: String,
    pub(super) help: Help,
    /// The definition of its value, or of the items of the list that it is.
    pub(super) below: Option<String>,
    /// The definition of a section that may stand in its place, or in that of each item: `spool: PATH`, or `spool: { backend: …, path: … }`.
    pub(super) alternative: Option<String>,
    pub(super) is_list: bool,
    /// A section whose keys are not those of a definition.
    #[cfg(test)]
    pub(super) is_free: bool,
}

/// All that is defined.
pub(super) struct Definitions {
    pub(super) schema: Value,
    /// The keys of each definition in the order of their fields, which the schema has not.
    orders: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Definitions {
    pub(super) fn new(kinds: &[Kind], engines: &'static [Engine]) -> Self {
        let mut orders = BTreeMap::from([
            ("", fields_of::<raw::Config>()),
            ("AddressFor", fields_of::<raw::AddressFor>()),
            ("Anonymous", fields_of::<raw::Anonymous>()),
            ("EventTarget", fields_of::<raw::EventTarget>()),
            ("Events", fields_of::<raw::Events>()),
            ("HostCertificate", fields_of::<raw::HostCertificate>()),
            ("Http", fields_of::<raw::Http>()),
            ("Lockout", fields_of::<raw::Lockout>()),
            ("Jwt", fields_of::<raw::Jwt>()),
            ("JwtEntry", fields_of::<raw::JwtEntry>()),
            ("JwtKeys", fields_of::<raw::JwtKeys>()),
            ("Ldap", fields_of::<raw::Ldap>()),
            ("LdapEntry", fields_of::<raw::LdapEntry>()),
            ("LdapGroups", fields_of::<raw::LdapGroups>()),
            ("Limits", fields_of::<raw::Limits>()),
            ("Log", fields_of::<raw::Log>()),
            ("Header", fields_of::<raw::Header>()),
            ("Mount", fields_of::<raw::Mount>()),
            ("Passive", fields_of::<raw::Passive>()),
            ("Quota", fields_of::<raw::Quota>()),
            ("ProxyProtocol", fields_of::<raw::ProxyProtocol>()),
            ("Scan", fields_of::<raw::Scan>()),
            ("ScanOver", fields_of::<raw::ScanOver>()),
            ("ScanQuarantine", fields_of::<raw::ScanQuarantine>()),
            ("SecretSource", fields_of::<raw::SecretSource>()),
            ("Audit", fields_of::<raw::Audit>()),
            ("AuditPlace", fields_of::<raw::AuditPlace>()),
            ("EventBucket", fields_of::<raw::EventBucket>()),
            ("Rotate", fields_of::<raw::Rotate>()),
            ("Certificate", fields_of::<raw::Certificate>()),
            ("Admin", fields_of::<raw::Admin>()),
            ("AdminTls", fields_of::<raw::AdminTls>()),
            ("Server", fields_of::<raw::Server>()),
            ("Sql", fields_of::<raw::Sql>()),
            ("Tls", fields_of::<raw::Tls>()),
            ("Cluster", fields_of::<raw::Cluster>()),
            ("Traces", fields_of::<raw::Traces>()),
            ("User", fields_of::<raw::User>()),
            ("UsersFrom", fields_of::<raw::UsersFrom>()),
            ("UserLimits", fields_of::<raw::UserLimits>()),
        ]);
        orders.extend(kinds.iter().map(|kind| (kind.word(), (kind.fields)())));
        Self { schema: annotated_schema(kinds, engines), orders }
    }

    /// The schema of a definition, or of the section of a kind of storage.
    pub(super) fn schema_of(&self, name: &str) -> &Value {
        let definitions = &self.schema["definitions"];
        let mut kinds = definitions["Backend"]["oneOf"].as_array().into_iter().flatten();
        let of_kind = kinds.find(|schema| schema["properties"]["kind"]["const"] == name);
        match name {
            "" => &self.schema,
            _ => of_kind.unwrap_or(&definitions[name]),
        }
    }

    /// Its keys in their order; none, if there is no such definition.
    pub(super) fn keys_of(&self, name: &str) -> Vec<Key> {
        let schema = self.schema_of(name);
        let order = self.orders.get(name).into_iter().flatten();
        order.map(|key| self.key(key, &schema["properties"][key], &schema["required"])).collect()
    }

    fn key(&self, name: &str, schema: &Value, required: &Value) -> Key {
        let below = schema.get("items").or_else(|| schema["anyOf"].get(0)).unwrap_or(schema);
        let mut options = schema["anyOf"].as_array().into_iter().flatten().filter_map(target);
        let is_secret = options.any(|name| name == "Secret" || name == "SecretSource");
        let below = if is_secret { Some("Secret") } else { target(below) };
        let has_keys = |name: &&str| self.schema["definitions"][name]["properties"].is_object();
        let lists_secrets = schema.get("items").and_then(target) == Some("Secret");
        let mut options = schema["anyOf"].as_array().into_iter().flatten().filter_map(target);
        let alternative = if lists_secrets { Some("SecretSource") } else { options.find(has_keys) };
        Key {
            name: name.to_owned(),
            required: required.as_array().is_some_and(|list| list.iter().any(|key| key == name)),
            is_secret,
            #[cfg(test)]
            lists_secrets,
            kind: schema[TYPE].as_str().map_or_else(|| self.type_of(schema, below), str::to_owned),
            help: Help::parse(schema["description"].as_str().unwrap_or_default()),
            below: below.filter(has_keys).map(str::to_owned),
            alternative: alternative.map(str::to_owned),
            is_list: schema.get("items").is_some(),
            #[cfg(test)]
            is_free: schema.get("additionalProperties").is_some(),
        }
    }

    /// A word for it; empty if the attribute `x-type` has to say one.
    fn type_of(&self, schema: &Value, below: Option<&str>) -> String {
        if let Some(list) = schema["oneOf"].as_array() {
            return words(list);
        }
        let types =
            schema["type"].as_array().map_or_else(|| vec![&schema["type"]], |list| list.iter().collect());
        let types: Vec<_> =
            types.into_iter().filter_map(Value::as_str).filter(|word| *word != "null").collect();
        match (types.as_slice(), below) {
            (["boolean"], _) => "`true` or `false`".to_owned(),
            (["integer"], _) => "number".to_owned(),
            (["string"], _) => "text".to_owned(),
            (["array"], _) => "list".to_owned(),
            (["object"], None) => "keys and texts".to_owned(),
            (_, Some("Secret")) => "secret".to_owned(),
            (_, Some("Permissions")) => "words".to_owned(),
            (_, Some(name)) => match self.schema["definitions"][name]["oneOf"].as_array() {
                Some(list) => words(list),
                None => "section".to_owned(),
            },
            _ => String::new(),
        }
    }
}

/// The definition that a schema refers to.
fn target(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn words(list: &[Value]) -> String {
    let words: Vec<_> =
        list.iter().filter_map(|word| word["const"].as_str()).map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}
