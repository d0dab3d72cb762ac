//! `wharf schema`.

use clap::Args;

use super::{Outcome, print};

/// Print the JSON Schema of the configuration file.
///
/// Editors that know it (by the comment at the head of the shipped files) complete and check keys as you type.
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Outcome {
        print(crate::config::schema().trim_end());
        Outcome::Fine
    }
}
