//! Why something could not be measured, for people to read.

use std::fmt;

/// A sentence. Nothing here is acted upon, so nothing but its text is kept.
#[derive(Debug, Clone)]
pub struct Problem(String);

pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says what was being done when something failed.
pub trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Problem(format!("{}: {error}", what())))
    }
}
