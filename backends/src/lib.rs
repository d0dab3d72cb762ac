//! Storage backends for Wharf.
//!
//! A backend is anything that implements [`Storage`]: an object-safe trait with one
//! [error type](Error), one [path type](StoragePath) and laws that say how a backend must behave.
//! The laws are written down as tests in the `contract` module (feature `contract`); every backend here,
//! and every decorator of a backend, passes them.
//!
//! Nothing in this crate knows of FTP.

mod buffers;
mod digest;
mod error;
mod path;
mod storage;
mod stream;
pub mod threads;
mod turns;

#[cfg(feature = "contract")]
pub mod contract;
pub mod local;
pub mod memory;
pub mod object;
pub mod observe;
#[cfg(feature = "unftp-backends")]
pub mod unftp;

pub use buffers::Buffers;
pub use digest::{Digest, DigestAlgorithm};
pub use error::{Error, ErrorKind, Result};
pub use path::{PathError, StoragePath};
pub use storage::{
    Body, ByteRange, Capabilities, Content, CreateMode, Entry, EntryKind, EntryStream, FileSlice, Intake,
    Metadata, Storage, Supply, Upload,
};
pub use stream::{ByteStream, CHUNK_SIZE};
