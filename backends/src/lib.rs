//! Storage backends for Wharf: local directories, memory and buckets behind one trait.
//!
//! A backend is anything that implements [`Storage`]: an object-safe trait with one [error type](Error), one
//! [path type](StoragePath) that can't hold a bad path, and laws that say how a backend behaves. The laws are tests in the module
//! `contract` (feature `contract`); every backend here, and every decorator of a backend, passes them. Nothing in this crate knows
//! of FTP.
//!
//! # Storing and reading
//! An upload is visible when it is finished, and not before:
//! ```
//! use bytes::Bytes;
//! use futures_util::TryStreamExt;
//! use wharf_backends::memory::MemoryStorage;
//! use wharf_backends::{ByteRange, CreateMode, ErrorKind, Storage, StoragePath};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = MemoryStorage::new(1 << 20);
//! let path = StoragePath::parse("/report.csv")?;
//! let mut upload = storage.create(&path, CreateMode::Replace).await?;
//! upload.write(Bytes::from_static(b"1,2,3\n")).await?;
//! assert_eq!(storage.stat(&path).await.unwrap_err().kind(), ErrorKind::NotFound);
//! upload.finish().await?;
//!
//! let body = storage.open(&path, ByteRange::from_offset(2)).await?;
//! assert_eq!(body.metadata.size, 6);
//! let chunks: Vec<Bytes> = body.into_stream().try_collect().await?;
//! assert_eq!(chunks.concat(), b"2,3\n");
//! # Ok(())
//! # }
//! ```
//!
//! # Paths
//! A path is absolute and normalised; `..` ends at the root:
//! ```
//! use wharf_backends::StoragePath;
//!
//! let path = StoragePath::parse("/in/../../out/./a.txt")?;
//! assert_eq!(path.as_str(), "/out/a.txt");
//! assert_eq!(path.join("../b.txt")?.as_str(), "/out/b.txt");
//! assert!(StoragePath::parse("/a\nb").is_err());
//! # Ok::<(), wharf_backends::PathError>(())
//! ```
//!
//! # A backend of one's own
//! `examples/shelf.rs` is one in a single file, and a test for each case of the contract comes with one line
//! (`wharf_backends::contract_tests!`). The cases are also a list, here those on renames:
//! ```
//! use wharf_backends::contract::{CASES, Fixture};
//! use wharf_backends::memory::MemoryStorage;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! for case in CASES.iter().filter(|case| case.law == 6) {
//!     (case.run)(Fixture::new(MemoryStorage::new(64 << 20))).await;
//! }
//! # }
//! ```
//!
//! # Where things are
//! | | |
//! |---|---|
//! | [`Storage`], [`Upload`] | the trait, and the laws |
//! | `contract` | the laws as tests |
//! | [`local`] | a directory of this machine; its threads and time limits are in [`threads`] |
//! | [`object`] | buckets: S3 and what speaks it, Google Cloud Storage, Azure Blob Storage |
//! | [`memory`] | a tree in memory with a limit |
//! | [`tree`] | the names of a tree with the rules of the contract, for backends that keep names in memory |
//! | [`observe`] | observers of the requests to a store |
//! | [`turns`] | tasks that work on one thing, one after the other |
//! | [`Buffers`] | memory and a disk for what is on its way to a store |

mod below;
mod buffers;
mod digest;
mod entry;
mod error;
mod partial;
mod path;
mod storage;
mod stream;
pub mod threads;
pub mod tree;
pub mod turns;
mod upload;

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
pub use entry::{Entry, EntryKind, EntryStream, Metadata};
pub use error::{Error, ErrorKind, Result};
pub use partial::{Keeping, Partial, Partials};
pub use path::{PathError, StoragePath};
pub use storage::{Body, ByteRange, Capabilities, Content, CreateMode, EachFile, Storage};
pub use stream::{ByteStream, CHUNK_SIZE, FileSlice};
pub use upload::{Beside, Intake, Supply, Upload};
