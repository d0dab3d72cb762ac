//! A database with users, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Scalar, Secret};
use crate::config::read::At;

/// A database that is asked at each login.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Sql {
    /// The database, a secret: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, `mysql://…`, `mariadb://…` or `sqlite:PATH`. Signs that mean
    /// something there are written as in every URL (`%40` is `@`); a host such as `%2Frun%2Fpostgresql` is a socket. Example: `url: {
    /// file: secrets/database-url }`.
    #[schemars(required)]
    pub(in crate::config) url: Option<At<Secret>>,
    /// The query for one user: the name is its only parameter, `$1`, or `?` for MySQL and MariaDB. Its columns are `name`, `password` and
    /// keys of an entry of `users`. Example: `query: "SELECT name, password, path FROM users WHERE name = $1"`.
    #[schemars(required)]
    pub(in crate::config) query: Option<At<String>>,
    /// The column `password` has the passwords themselves, and no hashes. Default: `false`. Example: `plain: true`.
    pub(in crate::config) plain: Option<At<bool>>,
    /// How long a question may take, with a second attempt, from 100ms to 1m. Default: `5s`. Example: `timeout: 2s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) timeout: Option<At<Scalar>>,
    /// How long the row of a user is known, password and all, without another question; at most a day. Default: `0s`. Example: `cache:
    /// 1m`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) cache: Option<At<Scalar>>,
    /// The most connections at once, from 1 to 64. Default: `4`. Example: `connections: 8`.
    #[schemars(range(min = 1, max = 64))]
    pub(in crate::config) connections: Option<At<u64>>,
    /// A file of PEM certificates of authorities that are trusted beside the public ones. Default: none. Example: `ca_file: db-ca.pem`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) ca_file: Option<At<String>>,
}
