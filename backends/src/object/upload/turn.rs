//! Turns of the uploads in this process that end with one key.

use std::sync::LazyLock;

use crate::object::bucket::Bucket;
use crate::turns::{Turn, Turns};

/// Waits until all earlier uploads of this process are done with the object under a key.
pub(crate) async fn turn(bucket: &Bucket, key: &str) -> Turn {
    static TURNS: LazyLock<Turns<(String, String)>> = LazyLock::new(Turns::default);
    TURNS.take((bucket.store.address(), key.to_owned())).await
}
