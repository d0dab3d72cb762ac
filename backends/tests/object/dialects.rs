//! Stores that speak the protocol of S3 with less in it, or otherwise.

use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::object::{ObjectStorage, S3Settings, Tuning};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::played::{Played, answer};

use crate::bucket::{CONDITIONS, Conditions, Dialect, Server, bucket};
use crate::servers::{path, tuning};

#[tokio::test]
async fn who_may_not_overwrite_does_not_whatever_the_store_knows_of_conditions() {
    for conditions in CONDITIONS {
        let (storage, _server) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        for size in [100, 12 << 20] {
            let (theirs, mine) = (pattern(size, 1), pattern(size, 2));
            put(&storage, "/theirs", &theirs, CreateMode::Replace).await.unwrap();
            let error = put(&storage, "/theirs", &mine, CreateMode::New).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{conditions:?}: {error}");
            assert!(contents(&storage, "/theirs").await == theirs, "{conditions:?}");
            put(&storage, &format!("/mine{size}"), &mine, CreateMode::New).await.unwrap();
        }
    }
}

/// Appends to files of one request and of several, and resumes them.
async fn append_and_resume(conditions: Conditions) {
    let (storage, _server) = bucket(Dialect { conditions, ..Dialect::default() }).await;
    for size in [0, 100, 7 << 20] {
        let mut expected = pattern(size, 1);
        put(&storage, "/f", &expected, CreateMode::Replace).await.unwrap();
        for more in [10, 12 << 20] {
            put(&storage, "/f", &pattern(more, 2), CreateMode::Append).await.unwrap();
            expected.extend(pattern(more, 2));
            assert!(contents(&storage, "/f").await == expected, "{conditions:?}: {size}, {more}");
        }
        expected.truncate(expected.len() - 5);
        let kept = expected.len() as u64;
        put(&storage, "/f", b"the end", CreateMode::Resume(kept)).await.unwrap();
        expected.extend(b"the end");
        assert!(contents(&storage, "/f").await == expected, "{conditions:?}: {size}");
    }
}

/// A test for each, because each moves hundreds of MiB.
macro_rules! appends_and_resumes_need_no_conditions {
    ($($conditions:ident as $test:ident),* $(,)?) => {
        mod appends_and_resumes_need_no_conditions {
            use super::*;

            $(
                #[tokio::test]
                async fn $test() {
                    append_and_resume(Conditions::$conditions).await;
                }
            )*

            #[test]
            fn each_kind_has_its_test() {
                assert_eq!([$(Conditions::$conditions),*], CONDITIONS);
            }
        }
    };
}

appends_and_resumes_need_no_conditions! {
    Known as known,
    Bare as bare,
    Never as never,
    NotImplemented as not_implemented,
    Refused as refused,
    Ignored as ignored,
}

#[tokio::test]
async fn two_appends_that_end_at_once_are_both_there_whatever_the_store_knows() {
    for conditions in CONDITIONS {
        let (storage, _server) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        for size in [10, 12 << 20] {
            let _ = storage.remove_file(&path("/f")).await;
            let (a, b) = (pattern(size, 1), pattern(size + 1, 2));
            let mut uploads = Vec::new();
            for content in [&a, &b] {
                let mut upload = storage.create(&path("/f"), CreateMode::Append).await.unwrap();
                upload.write(content.clone().into()).await.unwrap();
                uploads.push(upload.finish());
            }
            for done in futures_util::future::join_all(uploads).await {
                done.unwrap();
            }
            let found = contents(&storage, "/f").await;
            assert!(
                found == [&a[..], &b].concat() || found == [&b[..], &a].concat(),
                "{conditions:?}: {size}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_store_does_not_know_is_asked_once() {
    for conditions in [Conditions::NotImplemented, Conditions::Refused] {
        let (storage, server) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        put(&storage, "/f", b"one", CreateMode::New).await.unwrap();
        let puts = || server.asked().iter().filter(|line| line.starts_with("PUT")).count();
        assert_eq!(puts(), 2, "{:?}", server.asked());
        put(&storage, "/f", b"two", CreateMode::Append).await.unwrap();
        put(&storage, "/g", b"one", CreateMode::New).await.unwrap();
        assert_eq!(puts(), 4, "{:?}", server.asked());
    }
}

#[tokio::test]
async fn a_removal_finds_what_was_looked_at_whatever_the_store_knows() {
    for conditions in [Conditions::Bare, Conditions::Never, Conditions::NotImplemented] {
        let (storage, _server) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        put(&storage, "/f", b"content", CreateMode::Replace).await.unwrap();
        storage.remove_file(&path("/f")).await.unwrap();
        assert_eq!(
            storage.stat(&path("/f")).await.unwrap_err().kind(),
            ErrorKind::NotFound,
            "{conditions:?}"
        );
    }
}

#[tokio::test]
async fn who_may_do_nothing_but_store_stores_files_of_any_size() {
    let (storage, _server) = bucket(Dialect { denies_looks: true, ..Dialect::default() }).await;
    for size in [0, 100, 12 << 20] {
        let name = format!("/{size}");
        put(&storage, &name, &pattern(size, 1), CreateMode::New).await.unwrap();
        let error = put(&storage, &name, &pattern(size, 1), CreateMode::New).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{size}: {error}");
    }
}

#[tokio::test]
async fn a_store_that_demands_digests_gets_them() {
    let (storage, server) = bucket(Dialect { wants_digest: true, ..Dialect::default() }).await;
    storage.create_directory(&path("/d")).await.unwrap();
    for size in [100, 12 << 20] {
        put(&storage, "/f", &pattern(size, 1), CreateMode::Replace).await.unwrap();
        assert!(contents(&storage, "/f").await == pattern(size, 1));
    }
    // The marker was refused once, and nothing after it.
    let puts = server.asked().iter().filter(|line| line.starts_with("PUT")).count();
    assert_eq!(puts, 2 + 1 + 3, "{:?}", server.asked());
}

#[tokio::test]
async fn a_name_that_was_deleted_can_be_stored_and_appended_to() {
    for mode in [CreateMode::New, CreateMode::Append] {
        let (storage, _server) = bucket(Dialect { keeps_versions: true, ..Dialect::default() }).await;
        for size in [100, 12 << 20] {
            let name = format!("/{size}");
            put(&storage, &name, &pattern(size, 1), mode).await.unwrap();
            assert!(contents(&storage, &name).await == pattern(size, 1), "{mode:?}: {size}");
        }
    }
}

/// Markers of directories are kept by some stores with Object Lock, while files get other versions.
#[tokio::test]
async fn a_directory_whose_marker_is_locked_is_not_half_renamed() {
    let (storage, server) = bucket(Dialect { denies_removal: Some("/"), ..Dialect::default() }).await;
    storage.create_directory(&path("/d")).await.unwrap();
    put(&storage, "/d/f", b"content", CreateMode::New).await.unwrap();
    let error = storage.rename(&path("/d"), &path("/e"), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("WORM"), "{error}");
    assert_eq!(names_in(&storage, "/").await, ["d"]);
    storage.remove_file(&path("/d/f")).await.unwrap();
    let error = storage.remove_directory(&path("/d")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.advice().is_some_and(|advice| advice.contains("keeps it")), "{error:?}");
    // Until the lock ends.
    server.becomes(Dialect::default());
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["e"]);
}

#[tokio::test]
async fn who_may_not_remove_is_told_that_both_names_are_there() {
    let (storage, _server) = bucket(Dialect { denies_removal: Some("f"), ..Dialect::default() }).await;
    put(&storage, "/f", b"content", CreateMode::New).await.unwrap();
    let error = storage.rename(&path("/f"), &path("/g"), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.advice().is_some_and(|advice| advice.contains("both are there")), "{error:?}");
    assert_eq!(names_in(&storage, "/").await, ["f", "g"]);
}

#[tokio::test]
async fn what_fails_inside_the_store_for_good_is_given_up_soon() {
    let refusal = "<Error><Code>InternalError</Code><Message>no</Message></Error>";
    let played = Played::new(move |_| Some(answer(500, &[], refusal))).await;
    let settings = S3Settings {
        endpoint: Some(played.url.clone()),
        anonymous: true,
        tuning: Tuning { retries: 10, ..tuning() },
        ..S3Settings::new("bucket")
    };
    let storage = ObjectStorage::s3(settings).unwrap();
    assert_eq!(storage.stat(&path("/f")).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(played.asked().len(), 7, "{:?}", played.asked());
}

#[tokio::test]
async fn a_rename_that_was_broken_off_is_completed_where_no_digest_tells() {
    let encrypts = Dialect { encrypts: true, ..Dialect::default() };
    let server = Server::new(encrypts).await;
    let mut settings = server.settings();
    settings.options.server_side_encryption = Some("aws:kms".to_owned());
    let storage = ObjectStorage::s3(settings).unwrap();
    for name in ["/d/first", "/d/second"] {
        put(&storage, name, name.as_bytes(), CreateMode::New).await.unwrap();
    }
    server.becomes(Dialect { denies_removal: Some("second"), ..encrypts });
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap_err();
    server.becomes(encrypts);
    // Another directory of that name is not taken for a part of it.
    put(&storage, "/f/second", b"/d/SECOND", CreateMode::New).await.unwrap();
    let error = storage.rename(&path("/d"), &path("/f"), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["e", "f"]);
    assert_eq!(contents(&storage, "/e/second").await, b"/d/second");
}
