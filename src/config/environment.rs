//! What the environment says of this machine, beside the configuration.

use std::path::PathBuf;

/// The variables that name authorities which are trusted beside those of the system, as libraries of TLS read them; the second one
/// is a list.
const AUTHORITIES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The files and directories that the environment names for authorities.
pub fn authorities() -> Vec<PathBuf> {
    let named = AUTHORITIES.map(|variable| std::env::var_os(variable).unwrap_or_default());
    let paths = named.iter().flat_map(std::env::split_paths);
    paths.filter(|path| path.is_absolute()).collect()
}
