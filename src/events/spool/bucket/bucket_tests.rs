//! The spool in a bucket, with a store that fails as stores do.

use std::sync::atomic::Ordering;

use tokio::sync::Notify;
use wharf_backends::memory::MemoryStorage;

use super::faulty::{Faulty, Way};
use super::*;
use crate::events::model::{By, Draft, Outcome, Place, Question, STORED};
use crate::events::spool::record::End;
use crate::events::spool::state::Stage;
use crate::events::spool::{Refusal, Spool};

const MIB: u64 = 1 << 20;

/// A server, as far as this goes.
pub(super) struct Server {
    pub(super) spool: Spool,
    pub(super) way: Arc<Faulty>,
    node: String,
    tasks: AbortHandle,
    /// What has to be asked of what it took over.
    asked: Arc<Mutex<Vec<Id>>>,
}

impl Server {
    pub(super) async fn start(bucket: &Arc<MemoryStorage>, node: &str) -> Self {
        Self::telling(bucket, node, &["hook"]).await
    }

    pub(super) async fn telling(bucket: &Arc<MemoryStorage>, node: &str, names: &[&str]) -> Self {
        let server = Self::starting_with(&Faulty::new(bucket), node, names);
        server.spool.opened().await;
        server
    }

    pub(super) fn starting(way: &Arc<Faulty>, node: &str) -> Self {
        Self::starting_with(way, node, &["hook"])
    }

    fn starting_with(way: &Arc<Faulty>, node: &str, names: &[&str]) -> Self {
        let path = StoragePath::parse("/.wharf/events").unwrap();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let (spool, opening) = Spool::in_bucket(path, node.to_owned(), MIB, names);
        let storage: Arc<dyn Storage> = Arc::new(Way(Arc::clone(way)));
        let asked = Arc::<Mutex<Vec<Id>>>::default();
        let list = Arc::clone(&asked);
        let adopted = Box::new(move |ids: Vec<Id>, is_over: bool| {
            if !is_over {
                list.lock().unwrap().extend(ids);
            }
        });
        let find = Box::new(move || Some(Arc::clone(&storage)));
        let tasks = opening.begin(find, adopted, CancellationToken::new());
        Self { spool, way: Arc::clone(way), node: node.to_owned(), tasks, asked }
    }

    pub(super) async fn intend(&self, path: &str) -> Result<Id, Refusal> {
        self.intend_for(path, 1).await
    }

    pub(super) async fn intend_for(&self, path: &str, lanes: u64) -> Result<Id, Refusal> {
        let draft = Draft { node: self.node.clone(), ..draft(path) };
        let id = draft.id;
        self.spool.intend(draft, ASK, lanes, None).await.map(|()| id)
    }

    /// As `kill -9` does.
    pub(super) async fn kill(self) {
        self.tasks.abort();
        // So that nothing of it goes on.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Its events, and whether each is known to have happened.
    pub(super) fn events(&self) -> Vec<(Id, bool)> {
        let state = self.spool.state();
        let is_told = |stage: &Stage| matches!(stage, Stage::Told(_));
        state.events.values().map(|entry| (entry.id, is_told(&entry.stage))).collect()
    }
}

const ASK: Question = Question::Stored { mark: Some(7), before: None, looked: false };

fn draft(path: &str) -> Draft {
    let peer = std::net::IpAddr::from([127, 0, 0, 1]);
    let by = By { session: 1, user: "anna", peer, engine: "native", node: "here" };
    let (path, backend, mount) = (path.to_owned(), "lake".to_owned(), "/".to_owned());
    let place = Some(Place { key: path.clone(), path, backend, mount });
    Draft { place, ..Draft::new(STORED, &by) }
}

pub(super) fn told() -> End {
    End::Told(Outcome { size: Some(7), ..Outcome::default() })
}

pub(super) fn bucket() -> Arc<MemoryStorage> {
    Arc::new(MemoryStorage::new(64 << 20))
}

/// All files of the spool.
pub(super) async fn files(bucket: &MemoryStorage) -> Vec<String> {
    let mut files = Vec::new();
    let root = StoragePath::parse("/.wharf/events").unwrap();
    bucket.files_below(&root, &mut |path, _| files.push(path.as_str().to_owned())).await.unwrap();
    files.sort();
    files
}

fn segments(files: &[String]) -> usize {
    files.iter().filter(|name| name.ends_with(SUFFIX)).count()
}

pub(super) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_run_has_what_was_written() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    let (one, two) = (server.intend("/one").await.unwrap(), server.intend("/two").await.unwrap());
    server.spool.end(one, told());
    pass(2).await;
    server.kill().await;
    let server = Server::start(&bucket, "a").await;
    assert_eq!(server.events(), [(one, true), (two, false)]);
    let (draft, _) = server.spool.read(two).await.unwrap().unwrap();
    assert_eq!(draft.place.unwrap().path, "/two");
    assert_eq!(segments(&files(&bucket).await), 1, "both are in one now, and nothing else is left");
}

#[tokio::test(start_paused = true)]
async fn an_upload_by_itself_takes_one_object_which_is_removed_again() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    for turn in 1..=3 {
        let id = server.intend("/one").await.unwrap();
        server.spool.end(id, told());
        server.spool.settle(id, 0);
        pass(5).await;
        assert_eq!(server.way.segments.load(Ordering::Relaxed), turn, "notes of what is gone are written");
        assert_eq!(server.way.removals.load(Ordering::Relaxed), turn);
    }
    server.spool.close().await;
    assert_eq!(files(&bucket).await, [""; 0], "nothing is left by a server that has stopped");
}

#[tokio::test(start_paused = true)]
async fn an_intent_does_not_wait_for_a_slow_request_that_began_before_it() {
    let bucket = bucket();
    let server = Arc::new(Server::start(&bucket, "a").await);
    let slow = Arc::new(Notify::new());
    *server.way.holds.lock().unwrap() = Some(Arc::clone(&slow));
    let first = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.intend("/slow").await.unwrap() }
    });
    pass(1).await;
    let second = server.intend("/fast").await.unwrap();
    server.spool.end(second, told());
    pass(3).await;
    assert!(!first.is_finished());
    slow.notify_one();
    let first = first.await.unwrap();
    Arc::into_inner(server).unwrap().kill().await;
    let server = Server::start(&bucket, "a").await;
    assert_eq!(server.events(), [(first, false), (second, true)]);
}

/// A request whose answer is lost may have been carried out: its intents are refused, and nobody asks for them later.
#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_asked_for_later() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    server.way.lost_answers.store(1, Ordering::Relaxed);
    assert!(matches!(server.intend("/refused").await, Err(Refusal::Failed(_))));
    assert_eq!(server.spool.trouble(), Some("it can't be written"));
    assert_eq!(segments(&files(&bucket).await), 1, "it was carried out");
    assert!(server.intend("/at once").await.is_err(), "there is a pause after a failure");
    pass(2).await;
    let accepted = server.intend("/accepted").await.unwrap();
    assert_eq!(server.spool.trouble(), None);
    pass(2).await;
    server.kill().await;
    let server = Server::start(&bucket, "a").await;
    assert_eq!(server.events(), [(accepted, false)]);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_there_is_removed_in_the_end() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    server.way.lost_answers.store(1, Ordering::Relaxed);
    server.intend("/refused").await.unwrap_err();
    pass(2).await;
    let id = server.intend("/accepted").await.unwrap();
    server.spool.end(id, told());
    server.spool.settle(id, 0);
    pass(50).await;
    assert!(segments(&files(&bucket).await) > 0, "something may still be on its way");
    pass(30).await;
    assert_eq!(segments(&files(&bucket).await), 0);
}

/// Notes that could not be written are written again, in their order.
#[tokio::test(start_paused = true)]
async fn notes_outlive_a_failure() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    let (one, two) = (server.intend("/one").await.unwrap(), server.intend("/two").await.unwrap());
    server.way.is_down.store(true, Ordering::Relaxed);
    server.spool.end(one, told());
    server.spool.end(two, End::Dropped);
    pass(10).await;
    server.way.is_down.store(false, Ordering::Relaxed);
    pass(10).await;
    server.kill().await;
    assert_eq!(Server::start(&bucket, "a").await.events(), [(one, true)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_accepted_before_the_spool_was_read() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    let id = server.intend("/one").await.unwrap();
    server.kill().await;
    let way = Faulty::new(&bucket);
    way.no_lists.store(true, Ordering::Relaxed);
    let server = Server::starting(&way, "a");
    pass(5).await;
    let refusal = server.intend("/two").await.unwrap_err();
    assert_eq!(refusal, Refusal::Failed("it could not be read yet".to_owned()));
    assert_eq!(server.spool.trouble(), Some("it could not be read yet"));
    way.no_lists.store(false, Ordering::Relaxed);
    server.spool.opened().await;
    assert_eq!(server.events(), [(id, false)]);
    server.intend("/two").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_server_takes_over_what_one_that_is_gone_has_left() {
    let bucket = bucket();
    let gone = Server::start(&bucket, "a").await;
    let (one, two) = (gone.intend("/one").await.unwrap(), gone.intend("/two").await.unwrap());
    gone.spool.end(one, told());
    pass(2).await;
    let other = Server::start(&bucket, "b").await;
    assert_eq!(other.events(), [], "its owner may live");
    pass(300).await;
    assert_eq!(other.events(), [], "its owner lives");
    gone.kill().await;
    pass(50).await;
    assert_eq!(other.events(), []);
    pass(60).await;
    assert_eq!(other.events(), [(one, true), (two, false)]);
    assert_eq!(*other.asked.lock().unwrap(), [two]);
    assert_eq!(other.spool.adopted(), 2);
    pass(1200).await;
    let left = files(&bucket).await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|name| name.contains("/b.")), "{left:?}");
}

/// A server that could not reach the bucket for long accepts nothing until it knows whether it was taken over.
#[tokio::test(start_paused = true)]
async fn a_server_that_was_taken_over_begins_anew_with_all_it_has() {
    let bucket = bucket();
    let away = Server::start(&bucket, "a").await;
    let one = away.intend("/one").await.unwrap();
    let other = Server::start(&bucket, "b").await;
    away.way.is_down.store(true, Ordering::Relaxed);
    pass(40).await;
    away.spool.end(one, told());
    pass(100).await;
    assert_eq!(other.events(), [(one, false)]);
    away.way.is_down.store(false, Ordering::Relaxed);
    assert!(away.intend("/two").await.is_err(), "it is not known yet whose this is");
    pass(20).await;
    let two = away.intend("/two").await.unwrap();
    pass(5).await;
    other.kill().await;
    away.kill().await;
    let server = Server::start(&bucket, "a").await;
    assert_eq!(server.events(), [(one, true), (two, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_take_over_that_breaks_off_loses_nothing() {
    let bucket = bucket();
    let gone = Server::start(&bucket, "a").await;
    let one = gone.intend("/one").await.unwrap();
    gone.spool.end(one, told());
    pass(2).await;
    gone.kill().await;
    let half = Server::start(&bucket, "b").await;
    half.way.no_removals.store(true, Ordering::Relaxed);
    pass(120).await;
    assert_eq!(half.events(), [(one, true)]);
    half.kill().await;
    let last = Server::start(&bucket, "c").await;
    pass(120).await;
    assert_eq!(last.events(), [(one, true)]);
    pass(1200).await;
    let left = files(&bucket).await;
    assert!(left.iter().all(|name| name.contains("/c.")), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn many_objects_that_hold_little_are_written_together() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    let mut ids = Vec::new();
    for number in 0..400 {
        let id = server.intend(&format!("/{number}")).await.unwrap();
        server.spool.end(id, told());
        ids.push((id, true));
    }
    pass(5).await;
    let count = segments(&files(&bucket).await);
    assert!(count < 150, "{count}");
    server.kill().await;
    let server = Server::start(&bucket, "a").await;
    assert_eq!(server.events(), ids);
    for (id, _) in ids {
        server.spool.settle(id, 0);
    }
    pass(5).await;
    assert_eq!(segments(&files(&bucket).await), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_makes_room() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    let mut kept = Vec::new();
    let refusal = loop {
        match server.intend(&format!("/{}", kept.len())).await {
            Ok(id) => kept.push(id),
            Err(refusal) => break refusal,
        }
        assert!(kept.len() < 10_000);
    };
    assert_eq!(refusal, Refusal::Full);
    for id in kept {
        server.spool.end(id, told());
        server.spool.settle(id, 0);
    }
    pass(5).await;
    server.intend("/again").await.unwrap();
}

#[test]
fn folders_are_those_of_runs() {
    let folder = run_of("ftp-1.example.com");
    assert_eq!(node_of(&folder), Some("ftp-1.example.com"));
    assert_ne!(folder, run_of("ftp-1.example.com"));
    for other in ["owners", "ftp-1", "ftp-1.0123", ".0123456789abcdef", "a.0123456789abcdeg"] {
        assert_eq!(node_of(other), None, "{other}");
    }
    assert_eq!(number_of("00000000000000ff.events"), Some(255));
    assert_eq!(number_of("ff.events"), None);
}
