//! This machine's identity at the clouds, from the environment.
//!
//! It is read only if the settings say so: containers and functions get their identity this way. (The HTTP client reads
//! `HTTPS_PROXY` and similar variables by itself.)

/// Passes the variables on to the library.
pub(crate) fn from_environment<B, K: Copy>(
    names: &[(&str, K)],
    builder: B,
    set: impl Fn(B, K, String) -> B,
) -> B {
    names.iter().fold(builder, |builder, (name, key)| match std::env::var(name) {
        Ok(value) => set(builder, *key, value),
        Err(_) => builder,
    })
}
