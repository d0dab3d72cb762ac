//! Uploads that are kept for their owners, whose server was killed.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use wharf_backends::contract::{contents, pattern};
use wharf_backends::object::ObjectStorage;
use wharf_backends::{ErrorKind, Partials, Storage, StoragePath};
use wharf_testing::locked;

use crate::bucket::{Dialect, Server, bucket};
use crate::kept_uploads::{PART, aborts, begun, document, resume};
use crate::servers::path;

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn read(server: &Server) -> Value {
    serde_json::from_slice(&server.content(&document(server)).unwrap()).unwrap()
}

fn put(server: &Server, document: &str, content: &Value) {
    server.holds(document, Box::leak(serde_json::to_vec(content).unwrap().into_boxed_slice()));
}

fn nobody() -> Value {
    Value::from("0".repeat(32))
}

/// Two parts of an upload whose server is gone.
async fn two_parts(storage: &ObjectStorage, server: &Server) {
    let upload = begun(storage, &pattern(2 * PART + 10, 16)).await;
    while server.open_parts() < 2 {
        tokio::task::yield_now().await;
    }
    drop(upload);
}

/// A server that was killed says nothing any more: who can see that it is gone does not wait, and tells those who can't see that.
#[tokio::test]
async fn what_a_server_had_that_is_gone_is_left() {
    let (storage, server) = bucket(Dialect::default()).await;
    two_parts(&storage, &server).await;
    let (key, own) = (document(&server), read(&server));
    let writes = |change: &dyn Fn(&mut Value)| {
        let mut other = own.clone();
        change(&mut other);
        put(&server, &key, &other);
    };
    let is_left = || read(&server)["is_left"] == true;

    // This process runs, of others nothing is known, and what is about to be completed may be the file.
    let not_gone: [&dyn Fn(&mut Value); 5] = [
        &|_| {},
        &|other| other["writer"] = Value::Null,
        &|other| other["writer"] = serde_json::json!({ "place": nobody(), "name": nobody() }),
        &|other| other["writer"]["name"] = Value::from("not a name"),
        &|other| {
            other["writer"]["name"] = nobody();
            other["is_completing"] = Value::from(true);
        },
    ];
    for change in not_gone {
        writes(change);
        assert_eq!(storage.find_left(&path("/f"), "ann").await.unwrap(), None);
        storage.sweep().await.unwrap();
        assert!(!is_left());
    }

    writes(&|other| {
        other["writer"]["name"] = nobody();
        other["at"] = Value::from(seconds() - 600);
    });
    let left = storage.find_left(&path("/f"), "ann").await.unwrap().unwrap();
    assert_eq!((left.size, left.under_way), (2 * PART as u64 - 1, false));
    assert_eq!(storage.all().await.unwrap().len(), 1);
    assert!(!is_left(), "a look has changed something");
    storage.sweep().await.unwrap();
    assert!(is_left());
    // Its owner may have been told of it, and its time goes on.
    assert_eq!(storage.find_left(&path("/f"), "ann").await.unwrap().unwrap(), left);
    assert_eq!(storage.find(&path("/f"), "ann").await.unwrap().unwrap(), left);
    let kept = storage.find_in(&StoragePath::root(), "ann").await.unwrap();
    assert_eq!(kept.iter().map(|partial| partial.size).collect::<Vec<_>>(), [2 * PART as u64 - 1]);
    assert_eq!((aborts(&server), server.open_parts()), (0, 2));
}

/// Who goes on with it, and sends nothing of it, leaves it as it was: with the size and the time that others were told of.
#[tokio::test]
async fn who_sends_nothing_changes_nothing() {
    let (storage, server) = bucket(Dialect::default()).await;
    two_parts(&storage, &server).await;
    let (key, mut gone) = (document(&server), read(&server));
    gone["writer"]["name"] = nobody();
    for (at, is_left) in [(100, false), (90, true), (600, false), (500, true)] {
        gone["at"] = Value::from(seconds() - at);
        gone["is_left"] = Value::from(is_left);
        gone["arrived"] = Value::from(2 * PART);
        put(&server, &key, &gone);
        let left = storage.find_left(&path("/f"), "ann").await.unwrap().unwrap();
        for ends_in_good_order in [true, false] {
            let upload = resume(&storage, 2 * PART - 1).await.unwrap();
            match ends_in_good_order {
                true => assert_eq!(upload.finish().await.unwrap_err().kind(), ErrorKind::Conflict),
                false => drop(upload),
            }
            // That is written behind the back of whoever sent nothing.
            while read(&server)["is_left"] != true {
                tokio::task::yield_now().await;
            }
            assert_eq!(storage.find_left(&path("/f"), "ann").await.unwrap().as_ref(), Some(&left));
        }
    }
    assert_eq!((aborts(&server), server.open_parts()), (0, 2));
}

/// The sweep of a server that starts comes between a look and what follows from it.
#[tokio::test]
async fn who_goes_on_meets_the_sweep_and_does_not_notice() {
    // Somebody else has changed more than that.
    for (what, is_another) in [("STOR", false), ("DELE", false), ("STOR", true), ("DELE", true)] {
        let shared: Arc<OnceLock<Server>> = Arc::default();
        let next: Arc<Mutex<Option<Value>>> = Arc::default();
        let (others, writes) = (Arc::clone(&shared), Arc::clone(&next));
        let server = Server::behind(Dialect::default(), move |asked, store| {
            if matches!(&*asked.method, "PUT" | "DELETE")
                && asked.header("if-match").is_some()
                && let Some(next) = locked(&writes).take()
            {
                let server = others.get().unwrap();
                put(server, &document(server), &next);
            }
            store(asked)
        });
        assert!(shared.set(server.await).is_ok());
        let server = shared.get().unwrap();
        let storage = server.storage();
        two_parts(&storage, server).await;
        let (key, mut gone) = (document(server), read(server));
        gone["writer"]["name"] = nobody();
        put(server, &key, &gone);
        let at = gone["at"].clone();
        gone["since"] = at;
        gone["at"] = Value::from(seconds() + 1);
        gone["is_left"] = Value::from(true);
        gone["arrived"] = Value::from(2 * PART);
        if is_another {
            gone["claim"] = nobody();
        }
        *locked(&next) = Some(gone);
        let content = pattern(2 * PART + 10, 16);
        let (at, done) = (2 * PART - 1, what == "DELE");
        let result = match done {
            true => storage.remove(&path("/f"), "ann").await.map(|removed| assert!(removed)),
            false => match resume(&storage, at).await {
                Ok(mut upload) => {
                    upload.write(content[at..].to_vec().into()).await.unwrap();
                    upload.finish().await.map(drop)
                }
                Err(error) => Err(error),
            },
        };
        assert!(locked(&next).is_none(), "{what} has asked for nothing that could meet it");
        match is_another {
            true => assert_eq!(result.unwrap_err().kind(), ErrorKind::Conflict, "{what}"),
            false => result.unwrap(),
        }
        if !is_another && !done {
            assert!(contents(&storage, "/f").await == content);
        }
        assert_eq!(server.keys(".wharf-partial/").len(), usize::from(is_another), "{what}");
    }
}
