//! The files in which a machine's identity at the clouds stands.

use std::path::PathBuf;

use super::{azure, google, s3};

/// The files that credentials of the environment are read from, whether they are there or not.
pub fn ambient_files() -> Vec<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let names = s3::AMBIENT_FILES.into_iter().chain([azure::AMBIENT_FILE, google::CREDENTIALS_FILE]);
    let mut files: Vec<_> = names.filter_map(set).collect();
    files.extend(set("HOME").map(|home| home.join(google::DEFAULT_CREDENTIALS)));
    files
}
