//! The keys as their definitions have them: what is made of these (the schema, the tables of the guide, the lists of the chart) is
//! fresh, and the defaults that they tell are those that count.
//!
//! Whoever defines a key makes the files anew with `WHARF_TEST_WRITE_TABLE=1`.

mod defaults;
mod fields;
mod files;
mod help;

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::help::TYPE;
use super::super::{annotated_schema, raw};
use crate::engine::ENGINES;
use crate::storages::KINDS;
pub(in crate::config) use fields::fields_of;
use help::Help;

/// A key of a section, or the section of another one.
struct Key {
    name: String,
    required: bool,
    is_secret: bool,
    /// Whether each item of its list is one.
    lists_secrets: bool,
    /// As a word or two for people.
    kind: String,
    help: Help,
    /// The definition of its value, or of the items of the list that it is.
    below: Option<String>,
    is_list: bool,
    /// A section whose keys are not those of a definition.
    is_free: bool,
}

/// All that is defined.
struct Definitions {
    schema: Value,
    /// The keys of each definition in the order of their fields, which the schema has not.
    orders: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Definitions {
    fn new() -> Self {
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
        orders.extend(KINDS.iter().map(|kind| (kind.word(), (kind.fields)())));
        Self { schema: annotated_schema(&KINDS, &ENGINES), orders }
    }

    /// The schema of a definition, or of the section of a kind of storage.
    fn schema_of(&self, name: &str) -> &Value {
        let definitions = &self.schema["definitions"];
        let mut kinds = definitions["Backend"]["oneOf"].as_array().unwrap().iter();
        let of_kind = kinds.find(|schema| schema["properties"]["kind"]["const"] == name);
        match name {
            "" => &self.schema,
            _ => of_kind.unwrap_or(&definitions[name]),
        }
    }

    fn keys_of(&self, name: &str) -> Vec<Key> {
        let order = self.orders.get(name).unwrap_or_else(|| panic!("keys/mod.rs lacks {name}"));
        let schema = self.schema_of(name);
        assert!(!order.is_empty(), "{name}");
        order.iter().map(|key| self.key(key, &schema["properties"][key], &schema["required"])).collect()
    }

    fn key(&self, name: &str, schema: &Value, required: &Value) -> Key {
        let below = schema.get("items").or_else(|| schema["anyOf"].get(0)).unwrap_or(schema);
        let target = |schema: &'_ Value| Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned());
        let mut options = schema["anyOf"].as_array().into_iter().flatten().filter_map(target);
        let is_secret = options.any(|name| name == "Secret" || name == "SecretSource");
        let below = if is_secret { Some("Secret".to_owned()) } else { target(below) };
        let below = below.as_deref();
        let description = schema["description"].as_str().unwrap_or_else(|| panic!("{name} has no help"));
        let has_keys = |name: &&str| self.schema["definitions"][name]["properties"].is_object();
        Key {
            name: name.to_owned(),
            required: required.as_array().is_some_and(|list| list.iter().any(|key| key == name)),
            is_secret,
            lists_secrets: schema.get("items").and_then(target).as_deref() == Some("Secret"),
            kind: schema[TYPE].as_str().map_or_else(|| self.type_of(schema, below), str::to_owned),
            help: Help::parse(description),
            below: below.filter(has_keys).map(str::to_owned),
            is_list: schema.get("items").is_some(),
            is_free: schema.get("additionalProperties").is_some(),
        }
    }

    fn type_of(&self, schema: &Value, below: Option<&str>) -> String {
        let words = |list: &[Value]| {
            let words: Vec<_> =
                list.iter().map(|word| format!("`{}`", word["const"].as_str().unwrap())).collect();
            let (last, before) = words.split_last().unwrap();
            if before.is_empty() { last.clone() } else { format!("{} or {last}", before.join(", ")) }
        };
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
            _ => panic!("say `{TYPE}` of this type: {schema}"),
        }
    }
}
