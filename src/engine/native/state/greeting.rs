//! Before the login.

/// Nobody is logged in.
#[derive(Debug, Default)]
pub(in super::super) struct Greeting {
    /// What USER said, until PASS takes it.
    pub(in super::super) name: Option<String>,
}
