//! What users may use up.

mod bandwidth;
mod commands;
mod file_size;
mod names;
mod transfers;

use crate::support::Setup;

/// A user `demo` with these limits on a backend.
fn limited(backend: &str, limits: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  store: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, limits: {{ {limits} }} }}
  - {{ name: free, password: free, plain: true, backend: store }}
"
    ))
}

const DISK: &str = "{ kind: local, root: '{folder}/files' }";
const MEMORY: &str = "{ kind: memory, capacity: 64MiB }";
