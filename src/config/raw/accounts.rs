//! Users as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Chmod, DefaultType, PermissionWords, Secret};
use crate::config::read::At;

/// Someone who may log in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct User {
    /// The login name.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// The password's hash, as `wharf hash-password` prints it.
    #[schemars(required)]
    pub(in crate::config) password: Option<At<Secret>>,
    /// `password` is not a hash but the password itself. Default: `false`.
    pub(in crate::config) plain: Option<At<bool>>,
    /// How the user's client writes names, if not in UTF-8: `windows-1252`, or another label of the WHATWG Encoding
    /// Standard. The storage has them in UTF-8. Default: `utf-8`.
    pub(in crate::config) encoding: Option<At<String>>,
    /// The type in which the user's sessions begin: `ascii` or `image`. Default: that of `server.default_type`.
    pub(in crate::config) default_type: Option<At<DefaultType>>,
    /// What SITE CHMOD of the user does: `apply` the mode, or `ignore` it. Default: that of `server.chmod`.
    pub(in crate::config) chmod: Option<At<Chmod>>,
    /// Make the directories that the user stores a file in where they are missing. Default: that of `server.create_parents`.
    pub(in crate::config) create_parents: Option<At<bool>>,
    /// The time zone of the times in the user's LIST and STAT. Default: that of `server.listing_time`.
    pub(in crate::config) listing_time: Option<At<String>>,
    /// The name of the backend that the user finds at `/`.
    #[schemars(required)]
    pub(in crate::config) backend: Option<At<String>>,
    /// The directory of the backend that is shown as `/`. Default: the whole backend.
    pub(in crate::config) path: Option<At<String>>,
    /// What the user may do. Default: `full`.
    pub(in crate::config) permissions: Option<At<PermissionWords>>,
    /// Other backends at other places of the user's tree.
    pub(in crate::config) mounts: Option<At<Vec<At<Mount>>>>,
}

/// A directory of a backend at a place of a user's tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Mount {
    /// Where it stands in the user's tree, such as `/archive`. Mounts may lie inside of others.
    #[schemars(required)]
    pub(in crate::config) at: Option<At<String>>,
    /// The backend's name.
    #[schemars(required)]
    pub(in crate::config) backend: Option<At<String>>,
    /// The directory of the backend that is shown there. Default: the whole backend.
    pub(in crate::config) path: Option<At<String>>,
    /// What the user may do there. Default: the user's permissions.
    pub(in crate::config) permissions: Option<At<PermissionWords>>,
}

/// The login without a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Anonymous {
    /// Whether it is allowed. Default: `false`.
    pub(in crate::config) enabled: Option<At<bool>>,
    /// The name of the backend that stands at `/`. Needed if it is enabled.
    pub(in crate::config) backend: Option<At<String>>,
    /// The directory of the backend that is shown as `/`. Default: the whole backend.
    pub(in crate::config) path: Option<At<String>>,
    /// What anybody may do. Default: `read-only`.
    pub(in crate::config) permissions: Option<At<PermissionWords>>,
    /// Other backends at other places of the tree.
    pub(in crate::config) mounts: Option<At<Vec<At<Mount>>>>,
}
