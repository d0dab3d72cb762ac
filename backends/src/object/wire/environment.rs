//! What the environment says of this machine's identity at the clouds.
//!
//! It is read only if the settings say so: this is how containers and functions are told who they are. (The HTTP client reads
//! `HTTPS_PROXY` and its kin by itself.)

/// Sets what the environment says.
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
