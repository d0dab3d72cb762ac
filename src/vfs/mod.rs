//! What may a user see? Mount table, permissions, user view.

mod changes;
mod copy;
mod entries;
mod mounts;
mod permissions;
mod storing;
mod upload;
mod view;
mod views;

pub use mounts::{Mount, MountTable};
pub use permissions::{Permissions, UnknownPermission};
pub use view::UserView;
pub use views::{Storages, UnknownBackend, Views};
