//! A directory service that knows users, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Scalar, Secret};
use crate::config::read::At;

/// A directory service: how it is reached, how a user is found there, and what groups make of the user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Ldap {
    /// Where it is: `ldaps://` is encrypted from the beginning, `ldap://` is not, or by `start_tls`. The usual ports are 636 and 389.
    /// Example: `url: "ldaps://ldap.example.com"`.
    #[schemars(required, extend("x-type" = "URL"))]
    pub(in crate::config) url: Option<At<String>>,
    /// Whether connections to `ldap://` are encrypted before anything else is said; if that fails, they are not used. Default: `false`.
    /// Example: `start_tls: true`.
    pub(in crate::config) start_tls: Option<At<bool>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the directory's authority, or its own.
    /// Default: those of the system. Example: `ca_file: ldap-ca.pem`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) ca_file: Option<At<String>>,
    /// How long a login may take at the directory, with a second attempt, from 100ms to 1m. Default: `5s`. Example: `timeout: 2s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) timeout: Option<At<Scalar>>,
    /// How long a password that was right, and what was found out about its user, is known without a question; at most a day. Default:
    /// `0s`. Example: `cache: 1m`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) cache: Option<At<Scalar>>,
    /// As whom Wharf searches. Default: none. Example: `bind_dn: "cn=wharf,ou=services,dc=example,dc=com"`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) bind_dn: Option<At<String>>,
    /// The password of `bind_dn`. Default: none; needed with `bind_dn`. Example: `bind_password: { file: secrets/ldap }`.
    pub(in crate::config) bind_password: Option<At<Secret>>,
    /// Whether Wharf searches without a name and a password. Default: `false`. Example: `anonymous: true`.
    pub(in crate::config) anonymous: Option<At<bool>>,
    /// Below which entry users are searched. Default: none; needed with `filter`. Example: `base: "ou=people,dc=example,dc=com"`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) base: Option<At<String>>,
    /// The entry of a user (RFC 4515): `{name}` is the name at the login, and an attribute has to be compared with it. Default: none;
    /// this or `user_dn` is needed. Example: `filter: "(uid={name})"`.
    #[schemars(extend("x-type" = "filter"))]
    pub(in crate::config) filter: Option<At<String>>,
    /// The name of a user's entry (RFC 4514), if it follows from the name at the login: then nothing is searched before the password
    /// is checked. Default: none. Example: `user_dn: "uid={name},ou=people,dc=example,dc=com"`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) user_dn: Option<At<String>>,
    /// How the groups of a user are found. Default: none. Example: `groups: { base: "ou=groups,dc=example,dc=com" }`.
    pub(in crate::config) groups: Option<At<LdapGroups>>,
    /// What becomes of members of groups: the first item whose group the user is in counts. Default: none. Example: `map: [{ group: staff,
    /// entry: { permissions: full } }]`.
    pub(in crate::config) map: Option<At<Vec<At<LdapEntry>>>>,
    /// Whether a user who is in none of the groups of `map` is refused. Default: `false`. Example: `require_group: true`.
    pub(in crate::config) require_group: Option<At<bool>>,
}

/// How the groups of a user are found.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LdapGroups {
    /// Below which entry groups are searched. Default: none; then they stand in an attribute of the user. Example: `base:
    /// "ou=groups,dc=example,dc=com"`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) base: Option<At<String>>,
    /// The groups of a user: `{dn}` is the name of the user's entry, `{name}` the name at the login. Default: `"(member={dn})"`.
    /// Example: `filter: "(memberUid={name})"`.
    #[schemars(extend("x-type" = "filter"))]
    pub(in crate::config) filter: Option<At<String>>,
    /// With `base` the attribute of a group by which `map` names it; without, the attribute of a user that lists the names of the
    /// entries of groups. Default: `cn` with `base`, `memberOf` without. Example: `attribute: cn`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) attribute: Option<At<String>>,
}

/// What becomes of the members of a group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LdapEntry {
    /// The group: the value of its attribute, or the whole name of its entry where `groups` has no `base`. Capital letters don't
    /// matter. Example: `group: partners`.
    #[schemars(required, extend("x-type" = "name"))]
    pub(in crate::config) group: Option<At<String>>,
    /// Keys as in `defaults`, in place of those. Default: none. Example: `entry: { path: "partners/{name}" }`.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>", extend("x-type" = "section"))]
    pub(in crate::config) entry: Option<At<serde_json::Map<String, serde_json::Value>>>,
}
