//! The scanner of uploads, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;
use crate::config::read::At;

/// Has uploads scanned before they become visible. Names one scanner.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Scan {
    /// The daemon of ClamAV, which gets the bytes of each upload while they arrive. `tcp://` takes a name or an address, and port 3310
    /// if it has none; `unix:` the path of a socket. Default: none. Example: `clamd: "unix:/run/clamav/clamd.ctl"`.
    #[schemars(extend("x-type" = "`tcp://HOST:PORT` or `unix:/PATH`"))]
    pub(in crate::config) clamd: Option<At<String>>,
    /// A service of an ICAP server (RFC 3507), in place of `clamd`. The port is 1344 if it has none. Default: none. Example: `icap:
    /// "icap://127.0.0.1:1344/avscan"`.
    #[schemars(extend("x-type" = "`icap://HOST:PORT/SERVICE`"))]
    pub(in crate::config) icap: Option<At<String>>,
    /// The longest wait for each step of the scanner: a free connection, the next bytes, its verdict. From `1s` to `10m`.
    /// Default: `1m`. Example: `timeout: 30s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) timeout: Option<At<Scalar>>,
    /// What becomes of a file of which the scanner says nothing, or nothing that can be understood: it is refused with 451, or it
    /// passes without a verdict. Either way the log tells of it. Default: `refuse`. Example: `unavailable: pass`.
    pub(in crate::config) unavailable: Option<At<Unscanned>>,
    /// Files that are too large to be scanned.
    pub(in crate::config) over: Option<At<ScanOver>>,
    /// How many uploads may be scanned at once; others wait, no longer than `timeout`. At most 10000. Default: `100`. Example:
    /// `connections: 20`.
    #[schemars(range(min = 1, max = 10000))]
    pub(in crate::config) connections: Option<At<u64>>,
    /// Directories of the users' trees: only what is stored below one of them is scanned, and nothing can be renamed into one from
    /// outside. Default: the whole tree. Example: `paths: [/in]`.
    #[schemars(extend("x-type" = "list of paths"))]
    pub(in crate::config) paths: Option<At<Vec<At<String>>>>,
    /// Where copies of infected files are kept. Default: nowhere.
    pub(in crate::config) quarantine: Option<At<ScanQuarantine>>,
}

/// Files that are too large to be scanned.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ScanOver {
    /// The most bytes that are scanned. The scanner has limits of its own, which have to be [at least as
    /// large](scanning.md#large-files). Default: `100MiB`. Example: `size: 1GiB`.
    #[schemars(with = "Option<String>", extend("x-type" = "size"))]
    pub(in crate::config) size: Option<At<Scalar>>,
    /// What becomes of a file that is larger: it is refused with 550, or it passes if its first bytes are clean. If it is larger than
    /// what the scanner itself takes, not even these have a verdict, and it passes only if `unavailable` says so, too. Default:
    /// `refuse`. Example: `then: pass`.
    pub(in crate::config) then: Option<At<Unscanned>>,
}

/// Where copies of infected files are kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ScanQuarantine {
    /// The name of a backend, best one that no user sees. Example: `backend: quarantine`.
    #[schemars(required)]
    pub(in crate::config) backend: Option<At<String>>,
    /// The directory of the backend for these files; it is made if it is missing. Default: the whole backend. Example: `path: /infected`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) path: Option<At<String>>,
}

/// What becomes of a file that was not scanned.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Unscanned {
    /// It is not stored.
    Refuse,
    /// It is stored.
    Pass,
}
