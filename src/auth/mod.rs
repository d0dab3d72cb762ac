//! Who is this? Users, password hashes.

mod password;
mod users;

pub use password::{PasswordHash, PasswordHashError};
pub use users::{ANONYMOUS_NAMES, Identity, LoginError, Users, is_anonymous};
