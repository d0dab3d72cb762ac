//! Who is this? Users, password hashes, and what a login may cost others.

mod decoys;
mod guesses;
mod remembered;
mod session_limits;
mod turns;
mod users;

pub use crate::config::{PasswordHash, PasswordHashError};
pub use session_limits::{SessionLimits, SessionPermit, TooManySessions};
pub use users::{ANONYMOUS_NAMES, Failed, Identity, LoginError, Settings, Users, is_anonymous};
