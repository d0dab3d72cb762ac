//! What may a user see? Mount table, permissions, user view; and what a visit is counted and written down as.

mod changes;
mod copy;
mod entries;
pub(crate) mod failure;
pub(crate) mod journal;
mod mounts;
mod storing;
mod upload;
mod user_limits;
mod view;
mod views;

pub use crate::config::{Permissions, UnknownPermission};
pub use mounts::{Mount, MountTable};
pub use user_limits::{UserLimits, UserPermit};
pub use view::UserView;
pub use views::{Storages, UnknownBackend, Views};
