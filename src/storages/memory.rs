//! `kind: memory`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use wharf_backends::Storage;
use wharf_backends::memory::MemoryStorage;

use crate::config::section::{Around, At, Checker, Scalar, Section, units};
use crate::config::{Backend, OpenError, Shared};

/// Memory of the server: gone when it stops.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// How much may be stored. Default: `64MiB`. Example: `capacity: 1GiB`.
    #[schemars(extend("x-type" = "size"))]
    capacity: Option<At<Scalar>>,
}

const CAPACITY: u64 = 64 << 20;

impl Section for Memory {
    const KIND: &'static str = "memory";

    fn check(self, checker: &Checker<'_>, _: Around) -> Option<Arc<dyn Backend>> {
        let capacity = checker.parsed(self.capacity, |text| match units::size(text)? {
            0 => Err("the capacity can't be zero".to_owned()),
            size => Ok(size),
        });
        Some(Arc::new(Room { capacity: capacity.map_or(CAPACITY, |(size, _)| size) }))
    }
}

/// Memory of this process.
#[derive(Debug)]
struct Room {
    /// How many bytes of content may be held; more than zero.
    capacity: u64,
}

impl Backend for Room {
    fn kind(&self) -> &'static str {
        Memory::KIND
    }

    fn open(&self, _: &str, _: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        Ok(Arc::new(MemoryStorage::new(self.capacity)))
    }
}
