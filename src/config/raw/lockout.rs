//! Locks after failed logins, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;
use crate::config::read::At;

/// Locks out addresses and names after failed logins.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Lockout {
    /// So many failed logins of an address or a name lock it, from 1 to 100. Default: `10`. Example: `failures: 5`.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::config) failures: Option<At<u64>>,
    /// Within this time, at least a second. Default: `10m`. Example: `within: 1h`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) within: Option<At<Scalar>>,
    /// How long they are locked, at least a second. Default: `30m`. Example: `for: 24h`.
    #[serde(rename = "for")]
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) lasting: Option<At<Scalar>>,
    /// Networks whose clients are never locked out, such as a gateway that many share. Default: none. Example: `never:
    /// [192.0.2.0/24]`.
    #[schemars(extend("x-type" = "list of networks"))]
    pub(in crate::config) never: Option<At<Vec<At<String>>>>,
    /// Networks whose clients are always locked out, unless they are in `never`. Default: none. Example: `always: [198.51.100.0/24]`.
    #[schemars(extend("x-type" = "list of networks"))]
    pub(in crate::config) always: Option<At<Vec<At<String>>>>,
}
