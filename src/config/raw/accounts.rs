//! Users as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Chmod, DefaultType, Jwt, Ldap, PermissionWords, Quota, Scalar, Secret, Sql, Texts, UserLimits};
use crate::config::read::At;

/// A user who may log in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct User {
    /// The login name: at most 64 bytes, no spaces or slashes, not `anonymous`, and not `ftp` if `anonymous.enabled` is
    /// set. Example: `name: partner`.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// The [hash of the password](#passwords), as `wharf hash-password` prints it. Needed unless `login` is `certificate`. Example:
    /// `password: { file: secrets/partner }`.
    pub(in crate::config) password: Option<At<Secret>>,
    /// `password` is the password itself. If it looks like a hash, there is a warning: everybody who has seen the hash could
    /// log in with it. Default: `false`. Example: `plain: true`.
    pub(in crate::config) plain: Option<At<bool>>,
    /// The [certificate](#certificates-of-clients) that the user's clients show. Needs `tls.client_authorities`. Default: none.
    pub(in crate::config) certificate: Option<At<Certificate>>,
    /// The proofs that a login takes: the password, the certificate, or both. Default: what there is of `password` and `certificate`.
    /// Example: `login: certificate`.
    pub(in crate::config) login: Option<At<Login>>,
    /// The networks from which the user may log in; from elsewhere a login fails, as with a wrong password, and the log has the reason.
    /// Default: any. Example: `networks: [10.0.0.0/8, 192.0.2.7]`.
    #[schemars(extend("x-type" = "list of networks"))]
    pub(in crate::config) networks: Option<At<Vec<At<String>>>>,
    /// The [hosts](#virtual-hosts) at which the user may log in, by HOST or the server name of TLS; at others, or if the client names
    /// none, a login fails, as with a wrong password, and the log has the reason. Default: any. Example: `hosts: [ftp.a.example]`.
    #[schemars(extend("x-type" = "list of hosts"))]
    pub(in crate::config) hosts: Option<At<Vec<At<String>>>>,
    /// The end of the account: from this date (its first moment in UTC) or time on, logins fail, as with a wrong password, and
    /// sessions are closed with 421. Default: never. Example: `expires: 2027-01-01T18:00:00+01:00`.
    #[schemars(extend("x-type" = "date or time"))]
    pub(in crate::config) expires: Option<At<String>>,
    /// How the user's client writes names, if not in UTF-8: a label of the WHATWG Encoding Standard. The storage has them in
    /// UTF-8; names that can't be written are not listed. See [below](#names-that-are-not-utf-8). Default: `utf-8`. Example:
    /// `encoding: windows-1252`.
    #[schemars(extend("x-type" = "label"))]
    pub(in crate::config) encoding: Option<At<String>>,
    /// The type in which the user's sessions begin. Default: that of the server. Example: `default_type: image`.
    pub(in crate::config) default_type: Option<At<DefaultType>>,
    /// The effect of the user's SITE CHMOD. Default: that of the server. Example: `chmod: ignore`.
    pub(in crate::config) chmod: Option<At<Chmod>>,
    /// Whether the missing directories of a file that the user stores are made. Default: that of the server. Example: `create_parents:
    /// true`.
    pub(in crate::config) create_parents: Option<At<bool>>,
    /// The time zone of the times in the user's LIST and STAT. Default: that of the server. Example: `listing_time:
    /// America/New_York`.
    #[schemars(extend("x-type" = "`utc`, `local` or a zone"))]
    pub(in crate::config) listing_time: Option<At<String>>,
    /// What the user [may use up](#limits-of-a-user). Default: no limits but those of the server.
    pub(in crate::config) limits: Option<At<UserLimits>>,
    /// How long an upload whose line broke is [kept](#uploads-that-go-on) for this user, who alone sees it and can go on with it: from
    /// 1m to 7d, or `0s`: not at all. Default: `0s`. Example: `resume_uploads: 24h`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) resume_uploads: Option<At<Scalar>>,
    /// The backend that is shown at `/`. Example: `backend: disk`.
    #[schemars(required, extend("x-type" = "name"))]
    pub(in crate::config) backend: Option<At<String>>,
    /// The directory of the backend that is shown as `/`. Default: the whole backend. Example: `path: partners/acme`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) path: Option<At<String>>,
    /// The user's [permissions](#permissions). Default: `full`. Example: `permissions: [list, download]`.
    pub(in crate::config) permissions: Option<At<PermissionWords>>,
    /// How much [may be stored](#quotas) in this directory of the backend, whoever stores it. Default: no quota. Example:
    /// `quota: { bytes: 10GiB, files: 100000 }`.
    pub(in crate::config) quota: Option<At<Quota>>,
    /// Other backends inside of the tree. Default: none.
    pub(in crate::config) mounts: Option<At<Vec<At<Mount>>>>,
}

/// The certificate of a user's clients: one of these keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::config) struct Certificate {
    /// The SHA-256 fingerprint of the certificate, or a list of several: 64 hexadecimal digits, with colons or without. Example:
    /// `sha256: "3f:9c:…"`.
    #[schemars(extend("x-type" = "fingerprint, or a list of these"))]
    pub(in crate::config) sha256: Option<At<Texts>>,
    /// The whole subject of the certificate in the form of RFC 4514, its last field first. Example: `subject:
    /// "CN=scanner-7,O=ACME"`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) subject: Option<At<String>>,
}

/// The proofs that a login takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Login {
    /// The password alone.
    Password,
    /// The certificate alone: the reply to USER is 232, and no password is needed.
    Certificate,
    /// Both.
    Both,
}

/// Where other users stand: `directory`, `http`, `ldap`, `sql` or `jwt`; the other keys belong to one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UsersFrom {
    /// A directory with [a file for each user](#users-in-files-of-their-own); files that are new, changed or removed count within
    /// seconds. Example: `directory: users.d`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) directory: Option<At<String>>,
    /// A URL that [is asked at each login](#users-of-a-service-that-is-asked). Example: `http: "https://idp.example.com/ftp"`.
    #[schemars(extend("x-type" = "URL"))]
    pub(in crate::config) http: Option<At<String>>,
    /// Somebody who signs tokens (JWT): [a user's token is the password](#users-with-tokens).
    pub(in crate::config) jwt: Option<At<Jwt>>,
    /// A directory service that [is asked at each login](#users-of-a-directory-service).
    pub(in crate::config) ldap: Option<At<Ldap>>,
    /// A database that [is asked at each login](#users-of-a-database).
    pub(in crate::config) sql: Option<At<Sql>>,
    /// The bearer token by which the service there knows Wharf. Default: none. Example: `token: { file: secrets/idp }`.
    pub(in crate::config) token: Option<At<Secret>>,
    /// How long a question may take, with a second attempt, from 100ms to 1m. Default: `5s`. Example: `timeout: 2s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) timeout: Option<At<Scalar>>,
    /// How long an answer that lets a user in is known at most, if it says for how long it holds; at most a day.
    /// Default: `0s`. Example: `cache: 1m`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) cache: Option<At<Scalar>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities: that of the service's authority, or its own.
    /// Default: those of the system. Example: `ca_file: idp.crt`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) ca_file: Option<At<String>>,
    /// The keys that the entries of these users have in common, as in an entry of `users` without its name and proof. In its texts,
    /// `{name}` stands for the user's name; a brace itself is written twice. Default: none. Example: `defaults: { backend: lake, path:
    /// "homes/{name}" }`.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>", extend("x-type" = "section"))]
    pub(in crate::config) defaults: Option<At<serde_json::Map<String, serde_json::Value>>>,
}

/// A directory of a backend at a place of a user's tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Mount {
    /// Its path in the user's tree; not `/`, and each path once. Example: `at: /archive`.
    #[schemars(required, extend("x-type" = "path"))]
    pub(in crate::config) at: Option<At<String>>,
    /// The backend's name. Example: `backend: archive`.
    #[schemars(required, extend("x-type" = "name"))]
    pub(in crate::config) backend: Option<At<String>>,
    /// The directory of the backend that is shown. Default: the whole backend. Example: `path: acme`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) path: Option<At<String>>,
    /// The permissions there. Default: those of the user. Example: `permissions: read-only`.
    pub(in crate::config) permissions: Option<At<PermissionWords>>,
    /// How long uploads whose line broke are [kept](#uploads-that-go-on) there. Default: that of the user. Example: `resume_uploads:
    /// 0s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) resume_uploads: Option<At<Scalar>>,
    /// How much [may be stored](#quotas) there; that of the user does not count there. Default: no quota. Example: `quota: { bytes:
    /// 1GiB }`.
    pub(in crate::config) quota: Option<At<Quota>>,
}

/// The login without a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Anonymous {
    /// Whether `anonymous` and `ftp`, in capitals or not, may log in, with any password. Default: `false`. Example: `enabled:
    /// true`.
    pub(in crate::config) enabled: Option<At<bool>>,
    /// The backend that is shown at `/`. Default: none; needed if anonymous logins are enabled. Example: `backend: scratch`.
    #[schemars(extend("x-type" = "name"))]
    pub(in crate::config) backend: Option<At<String>>,
    /// The directory that is shown as `/`. Default: the whole backend. Example: `path: public`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) path: Option<At<String>>,
    /// The permissions of everybody who logs in so. Default: `read-only`. Example: `permissions: upload-only`.
    pub(in crate::config) permissions: Option<At<PermissionWords>>,
    /// How much [may be stored](#quotas) in this directory. Default: no quota. Example: `quota: { bytes: 1GiB }`.
    pub(in crate::config) quota: Option<At<Quota>>,
    /// Other backends at other places of the tree. Default: none. Example: `mounts: []`.
    pub(in crate::config) mounts: Option<At<Vec<At<Mount>>>>,
}
