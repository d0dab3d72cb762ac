//! Those in this process who end with one key take turns.

use std::sync::LazyLock;

use crate::object::bucket::Bucket;
use crate::turns::{Turn, Turns};

/// Waits until everybody in this process who came before is done with what stands under a key.
pub(crate) async fn turn(bucket: &Bucket, key: &str) -> Turn {
    static TURNS: LazyLock<Turns<(String, String)>> = LazyLock::new(Turns::default);
    TURNS.take((bucket.store.address(), key.to_owned())).await
}
