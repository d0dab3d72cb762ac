//! Who is this? Users, password hashes.

mod password;

pub use password::{PasswordHash, PasswordHashError};
