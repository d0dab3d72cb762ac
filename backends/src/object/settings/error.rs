//! Errors in the settings of a bucket.

/// Why a bucket can't be used as configured; one sentence that names the setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A setting has a value that can't be used.
    #[error("{setting}: {reason}")]
    Invalid {
        /// The setting, as its field is called.
        setting: &'static str,
        /// The error; it never repeats a secret.
        reason: String,
    },
    /// The settings have no credentials. Cloud libraries then ask the cloud's metadata address, which nobody configured.
    #[error(
        "no credentials: set {keys}, or `ambient_credentials` to take those of the machine, \
         or `anonymous` for a public bucket"
    )]
    NoCredentials {
        /// The settings that would do.
        keys: &'static str,
    },
    /// The HTTP client could not be made.
    #[error("the client can't be made: {0}")]
    Client(String),
}

impl SettingsError {
    pub(crate) fn invalid(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { setting, reason: reason.into() }
    }
}
