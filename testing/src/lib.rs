//! Shared code of the tests of Wharf and of its backends, and of the benchmarks.
//!
//! | module | what it is for |
//! |---|---|
//! | [`ftp`] | a control connection that speaks FTP line by line, plain or over TLS; replies; data connections |
//! | [`certificates`] | an authority for one test, and clients that trust it |
//! | [`json_schema`] | whether a value fits a JSON Schema |
//! | [`tokens`] | somebody who signs tokens, and the public keys |
//! | [`proxy`] | stands between a backend and a store, counts requests and breaks those that a test names |
//! | [`played`] | stores that a test plays: each request is answered by a function |
//! | [`raw`] | the same with answers that are no good HTTP |
//!
//! [`proxy`], [`played`] and [`raw`] need the feature `stores`. They are asynchronous; a test without a runtime calls them by
//! [`block_on`].

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

pub mod certificates;
pub mod ftp;
pub mod json_schema;
mod noise;
#[cfg(feature = "stores")]
pub mod played;
#[cfg(feature = "stores")]
pub mod proxy;
#[cfg(feature = "stores")]
pub mod raw;
#[cfg(feature = "stores")]
mod runtime;
pub mod tokens;

pub use noise::noise;
#[cfg(feature = "stores")]
pub use runtime::block_on;

/// Locks a mutex, even if a task has panicked while it held the lock.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
