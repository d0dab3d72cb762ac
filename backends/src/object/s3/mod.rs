//! Amazon S3, and what speaks its protocol.
//!
//! Keys are plain strings here. What the library's path type changes, refuses or trims (`dir/`, `a//b`, control
//! characters) is sent as it is.

mod build;
mod conditions;
mod copies;
mod documents;
mod learned;
mod list;
mod made;
mod multipart;
mod objects;
mod options;
mod profile;
mod role;
mod settings;
mod sign;
mod store;
mod sweep;

use http::Method;

#[cfg(test)]
pub(super) use self::build::open_played;
pub(super) use self::build::{AMBIENT_FILES, open};
use self::learned::Learned;
use self::list::Dialects;
use self::options::S3Headers;
pub use self::options::{CustomerKey, S3Options};
pub use self::profile::Profile;
pub use self::role::Role;
pub use self::settings::S3Settings;
use crate::object::store::Traits;
use crate::object::store::failure::Failure;
use crate::object::wire::requests::{Request, Requests, in_path, path_of};
use crate::observe;

/// A bucket, by the requests of its protocol.
#[derive(Debug)]
pub(super) struct S3 {
    pub(super) requests: Requests,
    /// The headers of new objects.
    pub(super) headers: S3Headers,
    pub(super) dialects: Dialects,
    pub(super) learned: Learned,
    /// Whether it is Amazon's own store, which does as its documents say.
    pub(super) is_amazon: bool,
    pub(super) traits: Traits,
}

impl S3 {
    /// `bucket/key` as copies name their source.
    fn source(&self, key: &str) -> String {
        format!("{}/{}", self.requests.bucket, in_path(key))
    }
}

/// A request for an object.
fn on_object(method: Method, key: &str, kind: observe::Request) -> Result<Request, Failure> {
    Ok(Request::new(method, path_of(key)?, kind))
}

/// A request for a listing of the bucket.
fn on_bucket() -> Request {
    Request::new(Method::GET, "/".to_owned(), observe::Request::List)
}
