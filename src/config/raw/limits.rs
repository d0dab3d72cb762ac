//! Limits of users as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;
use crate::config::read::At;

/// What a user may use up.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UserLimits {
    /// Sessions at once; more get 530. Default: that of the server (`sessions_per_user`). Example: `sessions: 4`.
    #[schemars(range(min = 1))]
    pub(in crate::config) sessions: Option<At<u64>>,
    /// Uploads and downloads at once, in all sessions together; more are refused with 450. Default: none. Example: `transfers:
    /// 2`.
    #[schemars(range(min = 1))]
    pub(in crate::config) transfers: Option<At<u64>>,
    /// The bandwidth of all uploads of the user together, in bytes a second, from `8KiB/s`. Default: none. Example:
    /// `upload: 5MiB/s`.
    #[schemars(with = "Option<String>", extend("x-type" = "rate"))]
    pub(in crate::config) upload: Option<At<Scalar>>,
    /// The bandwidth of all downloads and listings of the user together, as for `upload`. Default: none. Example: `download:
    /// 10MiB/s`.
    #[schemars(with = "Option<String>", extend("x-type" = "rate"))]
    pub(in crate::config) download: Option<At<Scalar>>,
    /// The largest size of a file that the user stores; an upload that passes it is refused (552). Default: none. Example:
    /// `file_size: 2GiB`.
    #[schemars(with = "Option<String>", extend("x-type" = "size"))]
    pub(in crate::config) file_size: Option<At<Scalar>>,
    /// Names that the user may give to no file and no directory (553): patterns with `*`, `?` and `[a-z]`, whose upper and
    /// lower case are the same. Default: none. Example: `refuse_names: ["*.exe", "~$*"]`.
    #[schemars(extend("x-type" = "list of patterns"))]
    pub(in crate::config) refuse_names: Option<At<Vec<At<String>>>>,
    /// How long the user's sessions may be idle, and a transfer may stand still; at least a second. Default:
    /// that of the server (`idle_timeout`). Example: `idle: 30m`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) idle: Option<At<Scalar>>,
    /// Commands in a second, in all sessions together; more wait. Default: none. Example: `commands: 20`.
    #[schemars(range(min = 1))]
    pub(in crate::config) commands: Option<At<u64>>,
}

/// How much may be stored in a directory of a backend: one of these keys, or both.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(in crate::config) struct Quota {
    /// The bytes of all files together. An upload with which there would be more is refused (552). Default: any. Example: `bytes:
    /// 10GiB`.
    #[schemars(with = "Option<String>", extend("x-type" = "size"))]
    pub(in crate::config) bytes: Option<At<Scalar>>,
    /// The number of files; directories don't count. Default: any. Example: `files: 100000`.
    #[schemars(range(min = 1))]
    pub(in crate::config) files: Option<At<u64>>,
}
