//! Requests of the S3 protocol that the library can't send, or not for every key.
//!
//! Keys are plain strings here. What the library's path type changes, refuses or trims (`dir/`, `a//b`, control
//! characters) is sent as it is.

mod conditions;
mod copies;
mod documents;
mod learned;
mod list;
mod multipart;
mod objects;
mod options;
mod profile;
mod role;
mod settings;

use http::Method;

pub(super) use self::learned::Learned;
pub(super) use self::list::Dialects;
pub(super) use self::multipart::{OpenUpload, StoredPart};
pub(super) use self::objects::{COPY_OF, with_mtime};
use self::options::S3Headers;
pub use self::options::{CustomerKey, S3Options};
pub use self::profile::Profile;
pub(super) use self::profile::ProfileKeys;
pub use self::role::Role;
pub(super) use self::role::{AssumedRole, token_service};
pub use self::settings::S3Settings;
use crate::object::store::failure::Failure;
use crate::object::wire::requests::{Request, Requests, in_path, path_of};
use crate::observe;

/// A bucket, by the requests of its protocol.
#[derive(Debug)]
pub(super) struct S3 {
    pub(super) requests: Requests,
    /// What objects get beside their content.
    pub(super) headers: S3Headers,
    pub(super) dialects: Dialects,
    pub(super) learned: Learned,
    /// It is Amazon's own, which does as its documents say.
    pub(super) is_amazon: bool,
    /// Whether all parts of an upload but the last have to have one size, and the last is no larger.
    pub(super) equal_parts: bool,
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
