//! The keys as their definitions have them: what is made of these (the schema, the tables of the guide, the lists of the chart) is
//! fresh, and the defaults that they tell are those that count.
//!
//! Whoever defines a key makes the files anew with `WHARF_TEST_WRITE_TABLE=1`.

mod defaults;
mod explain;
mod files;

use super::super::keys::{Definitions, Key};
use crate::engine::ENGINES;
use crate::storages::KINDS;

fn definitions() -> Definitions {
    Definitions::new(&KINDS, &ENGINES)
}
