//! What may a user see? Mount table, permissions, user view.

mod copy;
mod mounts;
mod permissions;
mod view;

pub use mounts::{Mount, MountTable};
pub use permissions::{Permissions, UnknownPermission};
pub use view::UserView;
