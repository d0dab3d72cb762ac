//! Uploads that are kept for their owners, whose server was killed.

use serde_json::Value;
use wharf_backends::contract::pattern;
use wharf_backends::{Partials, Storage, StoragePath};

use crate::bucket::{Dialect, bucket};
use crate::kept_uploads::{PART, aborts, begun, document};
use crate::servers::path;

/// A server that was killed says nothing any more: who can see that it is gone does not wait, and tells those who can't see that.
#[tokio::test]
async fn what_a_server_had_that_is_gone_is_left() {
    let (storage, server) = bucket(Dialect::default()).await;
    let upload = begun(&storage, &pattern(2 * PART + 10, 16)).await;
    while server.open_parts() < 2 {
        tokio::task::yield_now().await;
    }
    drop(upload);
    let key = document(&server);
    let own: Value = serde_json::from_slice(&server.content(&key).unwrap()).unwrap();
    let writes = |change: &dyn Fn(&mut Value)| {
        let mut other = own.clone();
        change(&mut other);
        server.holds(&key, Box::leak(serde_json::to_vec(&other).unwrap().into_boxed_slice()));
    };
    let is_left = || {
        let now: Value = serde_json::from_slice(&server.content(&key).unwrap()).unwrap();
        now["is_left"] == true
    };
    let nobody = Value::from("0".repeat(32));

    // This process runs, of others nothing is known, and what is about to be completed may be the file.
    let not_gone: [&dyn Fn(&mut Value); 5] = [
        &|_| {},
        &|other| other["writer"] = Value::Null,
        &|other| other["writer"] = serde_json::json!({ "place": nobody, "name": nobody }),
        &|other| other["writer"]["name"] = Value::from("not a name"),
        &|other| {
            other["writer"]["name"] = nobody.clone();
            other["is_completing"] = Value::from(true);
        },
    ];
    for change in not_gone {
        writes(change);
        assert_eq!(storage.find_left(&path("/f"), "ann").await.unwrap(), None);
        storage.sweep().await.unwrap();
        assert!(!is_left());
    }

    writes(&|other| other["writer"]["name"] = nobody.clone());
    let left = storage.find_left(&path("/f"), "ann").await.unwrap().unwrap();
    assert_eq!((left.size, left.under_way), (2 * PART as u64 - 1, false));
    assert_eq!(storage.all().await.unwrap().len(), 1);
    assert!(!is_left(), "a look has changed something");
    storage.sweep().await.unwrap();
    assert!(is_left());
    let kept = storage.find_in(&StoragePath::root(), "ann").await.unwrap();
    assert_eq!(kept.iter().map(|partial| partial.size).collect::<Vec<_>>(), [2 * PART as u64 - 1]);
    assert_eq!((aborts(&server), server.open_parts()), (0, 2));
}
