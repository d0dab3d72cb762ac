//! Settings of any bucket, and their errors.

pub(crate) mod authorities;
pub(crate) mod error;
pub(crate) mod options;
pub(crate) mod tuning;

use std::fmt;

pub use self::authorities::Authorities;
pub use self::error::SettingsError;
pub use self::options::{ContentType, ObjectOptions};
pub use self::tuning::Tuning;

/// Shows that a secret is there, and no more.
pub(crate) fn hidden(secret: Option<&String>) -> Option<fmt::Arguments<'static>> {
    secret.map(|_| format_args!("<hidden>"))
}
