//! Uploads of which the store does not say what became of them: it was asked to complete them, and the answer is missing. On some
//! stores an abort would then take the bytes of the object that the completion has made, or is about to make.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use wharf_backends::contract::{contents, pattern, put};
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::played::{Answer, Asked, Played, answer};

use crate::azure_played::{Azure, Blob};
use crate::bucket::{Behind, Dialect, Server};
use crate::cloud::PlayedCloud;
use crate::google_played::{Google, Object};
use crate::servers::{path, tuning};

const LARGE: usize = 12 << 20;

/// What becomes of a completion.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// It is carried out when somebody looks for the object the third time, and answered with 504 whenever it is sent.
    Later,
    /// It never is, and answered in the same way.
    Never,
    /// It is refused.
    Refused,
    /// It is carried out at once, and no answer to it ever comes.
    Unanswered,
}

fn completes(asked: &Asked) -> bool {
    let is_s3 = asked.method == "POST" && asked.query("uploadId").is_some();
    is_s3 || (asked.method == "PUT" && asked.query("comp") == Some("blocklist"))
}

fn looks(asked: &Asked) -> bool {
    let is_google = asked.path.contains("/storage/v1/b/bucket/o/");
    asked.method == "HEAD" || (asked.method == "GET" && is_google)
}

fn plays(fate: Fate) -> impl FnMut(&Asked, Behind<'_>) -> Option<Answer> + Send + 'static {
    let (mut pending, mut looked) = (None, 0);
    move |asked, store| {
        if completes(asked) {
            return match fate {
                Fate::Refused => {
                    let body = "<Error><Code>InvalidPart</Code><Message>No.</Message></Error>";
                    Some(answer(400, &[], body))
                }
                Fate::Unanswered => {
                    let _ = store(asked);
                    None
                }
                Fate::Later | Fate::Never => {
                    pending.get_or_insert_with(|| asked.clone());
                    Some(answer(504, &[], "upstream timed out"))
                }
            };
        }
        if looks(asked) && fate == Fate::Later && pending.is_some() {
            looked += 1;
            if looked == 3 {
                let _ = store(&pending.take().unwrap());
            }
        }
        store(asked)
    }
}

/// A cloud, and a server in front of it.
enum Cloud {
    S3(Server),
    Azure(Azure, Played),
    Google(Google, Played),
}

impl Cloud {
    async fn all(fate: Fate) -> [Self; 3] {
        let (azure, google) = (Azure::default(), Google::default());
        let mut play = plays(fate);
        let azure_played =
            azure.played(move |asked, store| play(asked, &mut |asked| Some(store.answer(asked)))).await;
        let mut play = plays(fate);
        let google_played =
            google.played(move |asked, store| play(asked, &mut |asked| Some(store.answer(asked)))).await;
        [
            Self::S3(Server::behind(Dialect::default(), plays(fate)).await),
            Self::Azure(azure, azure_played),
            Self::Google(google, google_played),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::S3(_) => "S3",
            Self::Azure(..) => "Azure",
            Self::Google(..) => "Google",
        }
    }

    fn storage(&self, retry_timeout: Duration) -> ObjectStorage {
        let tuning = Tuning { part_size: 5 << 20, retries: 1, retry_timeout, ..tuning() };
        match self {
            Self::S3(server) => {
                let mut settings = server.settings();
                settings.tuning = tuning;
                ObjectStorage::s3(settings).unwrap()
            }
            Self::Azure(_, played) => Azure::storage(played, tuning),
            Self::Google(_, played) => Google::storage(played, tuning),
        }
    }

    /// Another program has stored the file.
    fn holds(&self, content: &'static [u8]) {
        match self {
            Self::S3(server) => server.holds("f", content),
            Self::Azure(azure, _) => {
                azure.state().put("f", Blob { content: Bytes::from_static(content), ..Blob::default() });
            }
            Self::Google(google, _) => {
                google.state().put("f", Object { content: Bytes::from_static(content), ..Object::default() });
            }
        }
    }

    fn content(&self) -> Option<Bytes> {
        match self {
            Self::S3(server) => server.content("f"),
            Self::Azure(azure, _) => azure.state().blobs.get("f").map(|blob| blob.content.clone()),
            Self::Google(google, _) => google.state().objects.get("f").map(|object| object.content.clone()),
        }
    }

    fn asked(&self) -> Vec<String> {
        match self {
            Self::S3(server) => server.asked(),
            Self::Azure(_, played) | Self::Google(_, played) => played.asked(),
        }
    }

    /// Nothing else of these clouds is removed here.
    fn aborts(&self) -> usize {
        self.asked().iter().filter(|line| line.starts_with("DELETE ")).count()
    }
}

/// Longer than any of these tests takes: the look ends when it finds something.
const LONG: Duration = Duration::from_secs(600);
/// Only a look or two.
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn what_the_store_completes_later_is_stored() {
    for mode in [CreateMode::Replace, CreateMode::New, CreateMode::Append] {
        for cloud in Cloud::all(Fate::Later).await {
            let storage = cloud.storage(LONG);
            let content = pattern(LARGE, 1);
            put(&storage, "/f", &content, mode).await.unwrap();
            assert!(cloud.content().unwrap() == content, "{} {mode:?}", cloud.name());
            assert_eq!(cloud.aborts(), 0, "{} {mode:?}", cloud.name());
        }
    }
}

#[tokio::test]
async fn what_was_completed_without_an_answer_is_stored() {
    for cloud in Cloud::all(Fate::Unanswered).await {
        let storage = cloud.storage(LONG);
        let content = pattern(LARGE, 1);
        put(&storage, "/f", &content, CreateMode::Replace).await.unwrap();
        assert!(cloud.content().unwrap() == content, "{}", cloud.name());
        assert_eq!(cloud.aborts(), 0, "{}", cloud.name());
    }
}

#[tokio::test]
async fn what_nobody_knows_of_is_left_as_it_is() {
    for cloud in Cloud::all(Fate::Never).await {
        let storage = cloud.storage(SHORT);
        cloud.holds(b"old");
        let error = put(&storage, "/f", &pattern(LARGE, 1), CreateMode::Replace).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}: {error}", cloud.name());
        assert_eq!(cloud.content().unwrap(), "old", "{}", cloud.name());
        assert_eq!(cloud.aborts(), 0, "{}", cloud.name());
    }
    // What is appended is not put behind it a second time.
    for fate in [Fate::Never, Fate::Later] {
        let server = Server::behind(Dialect::default(), plays(fate)).await;
        server.holds("f", b"old");
        let cloud = Cloud::S3(server);
        let storage = cloud.storage(if fate == Fate::Later { LONG } else { SHORT });
        let (tail, old) = (pattern(LARGE, 1), Bytes::from_static(b"old"));
        let appended = put(&storage, "/f", &tail, CreateMode::Append).await;
        let expected = match fate {
            Fate::Later => [&old[..], &tail].concat(),
            _ => old.to_vec(),
        };
        assert_eq!(appended.is_ok(), fate == Fate::Later, "{appended:?}");
        assert!(cloud.content().unwrap() == expected, "{fate:?}");
        assert_eq!(cloud.aborts(), 0, "{fate:?}");
    }
}

#[tokio::test]
async fn what_the_store_refuses_is_given_up() {
    for cloud in Cloud::all(Fate::Refused).await {
        let storage = cloud.storage(LONG);
        let error = put(&storage, "/f", &pattern(LARGE, 1), CreateMode::Replace).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::Unavailable, "{}: {error}", cloud.name());
        assert!(cloud.content().is_none(), "{}", cloud.name());
        // Azure forgets blocks by itself.
        let expected = usize::from(!matches!(cloud, Cloud::Azure(..)));
        assert_eq!(cloud.aborts(), expected, "{}: {:?}", cloud.name(), cloud.asked());
    }
}

/// Who waits for the end goes away when it is asked for.
#[tokio::test]
async fn whoever_goes_away_at_the_end_takes_nothing_along() {
    for cloud in Cloud::all(Fate::Never).await {
        let storage = cloud.storage(LONG);
        let is_asked = async {
            let completes = |line: &String| {
                let is_post = line.starts_with("POST ") && line.contains("uploadId=");
                is_post || line.contains("comp=blocklist")
            };
            while !cloud.asked().iter().any(completes) {
                tokio::task::yield_now().await;
            }
        };
        let content = pattern(LARGE, 1);
        tokio::select! {
            stored = put(&storage, "/f", &content, CreateMode::Replace) => panic!("{stored:?}"),
            () = is_asked => {}
        }
        // What is left of it would go now.
        for _ in 0..3 {
            let _ = storage.stat(&path("/g")).await;
        }
        assert_eq!(cloud.aborts(), 0, "{}", cloud.name());
    }
}

/// One request for everything: it may be there, too.
#[tokio::test]
async fn a_small_file_that_was_stored_without_an_answer_is_stored() {
    let lost = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lost);
    let server = Server::behind(Dialect::default(), move |asked, store| {
        let answer = store(asked);
        if asked.method == "PUT" {
            counted.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        answer
    });
    let server = server.await;
    let mut settings = server.settings();
    settings.tuning = Tuning { retries: 1, retry_timeout: SHORT, ..settings.tuning };
    let storage = ObjectStorage::s3(settings).unwrap();
    put(&storage, "/f", b"content", CreateMode::Replace).await.unwrap();
    assert_eq!(contents(&storage, "/f").await, b"content");
    assert!(lost.load(Ordering::Relaxed) >= 1);
}

/// Where digests are hidden, it is looked at before what is there; who may not look stores all the same.
#[tokio::test]
async fn who_may_not_look_stores_where_digests_are_hidden() {
    let server = Server::new(Dialect { denies_looks: true, encrypts: true, ..Dialect::default() }).await;
    let mut settings = server.settings();
    settings.options.server_side_encryption = Some("aws:kms".to_owned());
    let storage = ObjectStorage::s3(settings).unwrap();
    let content = pattern(LARGE, 1);
    put(&storage, "/f", &content, CreateMode::Replace).await.unwrap();
    assert!(server.content("f").unwrap() == content);
}

/// The answer is lost, the second request meets what the first has made, and then nobody may look.
#[tokio::test]
async fn what_met_itself_and_can_not_be_looked_at_is_not_aborted() {
    let mut is_made = false;
    let server = Server::behind(Dialect::default(), move |asked, store| {
        if completes(asked) && !is_made {
            is_made = true;
            let _ = store(asked);
            return None;
        }
        match asked.method.as_str() {
            "POST" if completes(asked) => {
                let body = "<Error><Code>PreconditionFailed</Code><Message>No.</Message></Error>";
                Some(answer(412, &[], body))
            }
            "HEAD" if is_made => Some(answer(403, &[], "")),
            _ => store(asked),
        }
    });
    let cloud = Cloud::S3(server.await);
    let storage = cloud.storage(SHORT);
    let content = pattern(LARGE, 1);
    assert!(put(&storage, "/f", &content, CreateMode::New).await.is_err());
    assert!(cloud.content().unwrap() == content);
    assert_eq!(cloud.aborts(), 0);
}
