//! What may a user see? Mount table, permissions, user view.

mod permissions;

pub use permissions::{Permissions, UnknownPermission};
