//! `wharf schema`.

use clap::Args;

use super::{Outcome, print};

/// Print the JSON Schema of the configuration file.
///
/// Editors complete and check keys as you type if the file begins with the comment of the shipped files.
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Outcome {
        print(crate::config::schema(&crate::storages::KINDS, &crate::engine::ENGINES).trim_end());
        Outcome::Fine
    }
}
