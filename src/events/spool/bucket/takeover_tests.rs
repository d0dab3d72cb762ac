//! Servers that take over what others have left, while these live or die at bad moments.

use std::sync::atomic::Ordering;

use wharf_backends::memory::MemoryStorage;

use super::faulty::Faulty;
use super::tests::{Server, bucket, files, pass, told};
use super::*;
use crate::events::spool::record::{End, Record};

/// More than are read at once, and fewer than are written together.
const MANY: usize = 40;

/// Many events, each in an object of its own.
async fn intend_many(server: &Server) -> Vec<(Id, bool)> {
    let mut all = Vec::new();
    for number in 0..MANY {
        all.push((server.intend(&format!("/{number}")).await.unwrap(), false));
    }
    all
}

/// What stands beside the folders.
async fn owners(bucket: &MemoryStorage) -> Vec<String> {
    let names = files(bucket).await;
    names.iter().filter_map(|name| name.strip_prefix("/.wharf/events/owners/").map(str::to_owned)).collect()
}

/// The only folder of a node.
async fn folder_of(bucket: &MemoryStorage, node: &str) -> String {
    let mut all = owners(bucket).await;
    all.retain(|name| node_of(name) == Some(node));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn write(bucket: &MemoryStorage, path: &str, content: impl Into<Bytes>) {
    let path = StoragePath::parse(&format!("/.wharf/events/{path}")).unwrap();
    bucket.put(&path, content.into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_has_happened_is_written_down_soon() {
    let bucket = bucket();
    let server = Server::start(&bucket, "a").await;
    let id = server.intend("/one").await.unwrap();
    server.spool.end(id, told());
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.kill().await;
    assert_eq!(Server::start(&bucket, "a").await.events(), [(id, true)]);
}

/// To copy much takes longer than others wait before they take a claim for one of nobody.
#[tokio::test(start_paused = true)]
async fn nobody_takes_over_what_another_one_is_copying() {
    let bucket = bucket();
    let gone = Server::start(&bucket, "a").await;
    let all = intend_many(&gone).await;
    gone.kill().await;
    let slow = Server::start(&bucket, "b").await;
    slow.way.is_slow.store(true, Ordering::Relaxed);
    pass(100).await;
    let other = Server::start(&bucket, "c").await;
    for _ in 0..20 {
        pass(10).await;
        assert_eq!(other.events(), []);
    }
    assert_eq!(slow.events(), all);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_taken_over_while_it_started_begins_anew() {
    let bucket = bucket();
    let gone = Server::start(&bucket, "a").await;
    let all = intend_many(&gone).await;
    gone.kill().await;
    let before = folder_of(&bucket, "a").await;
    let way = Faulty::new(&bucket);
    way.is_slow.store(true, Ordering::Relaxed);
    let server = Server::starting(&way, "a");
    pass(20).await;
    let mut lost = owners(&bucket).await;
    lost.retain(|name| node_of(name) == Some("a") && *name != before);
    write(&bucket, &format!("owners/{}.claim", lost[0]), "b.0123456789abcdef").await;
    server.spool.opened().await;
    way.is_slow.store(false, Ordering::Relaxed);
    assert_eq!(server.events(), all);
    // At once: it has looked before it accepts anything.
    let new = server.intend("/new").await.unwrap();
    let segment = server.spool.state().get(new).unwrap().1.at.segment;
    let names = files(&bucket).await;
    let of_it: Vec<_> =
        names.iter().filter(|name| name.ends_with(&format!("/{segment:016x}{SUFFIX}"))).collect();
    assert!(
        of_it.len() == 1 && !of_it[0].contains(&lost[0]),
        "it writes where somebody else removes: {names:?}"
    );
}

/// A server that was cut off knows the events, but what stands there of them is what the other one has copied.
#[tokio::test(start_paused = true)]
async fn what_is_known_and_stands_nowhere_else_is_copied() {
    let bucket = bucket();
    let away = Server::start(&bucket, "a").await;
    let one = away.intend("/one").await.unwrap();
    away.spool.end(one, told());
    pass(2).await;
    let other = Server::start(&bucket, "b").await;
    away.way.is_down.store(true, Ordering::Relaxed);
    pass(120).await;
    assert_eq!(other.events(), [(one, true)]);
    other.kill().await;
    away.way.no_segments.store(true, Ordering::Relaxed);
    away.way.is_down.store(false, Ordering::Relaxed);
    // It finds what the other one has left, before it could write again what it has.
    pass(200).await;
    away.kill().await;
    let last = Server::start(&bucket, "c").await;
    pass(200).await;
    assert_eq!(last.events(), [(one, true)]);
}

/// It comes back, has its folder copied by nobody, and goes on with all it knows.
#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_takes_over_what_was_copied_from_it() {
    let bucket = bucket();
    let away = Server::start(&bucket, "a").await;
    let (one, two) = (away.intend("/one").await.unwrap(), away.intend("/two").await.unwrap());
    let other = Server::start(&bucket, "b").await;
    away.way.is_down.store(true, Ordering::Relaxed);
    pass(120).await;
    assert_eq!(other.events(), [(one, false), (two, false)]);
    other.kill().await;
    away.way.no_segments.store(true, Ordering::Relaxed);
    away.way.is_down.store(false, Ordering::Relaxed);
    pass(100).await;
    away.spool.end(one, told());
    away.way.no_segments.store(false, Ordering::Relaxed);
    pass(200).await;
    away.kill().await;
    assert_eq!(Server::start(&bucket, "a").await.events(), [(one, true), (two, false)]);
}

#[tokio::test(start_paused = true)]
async fn what_has_happened_after_a_take_over_is_learnt_from_the_next() {
    let bucket = bucket();
    let away = Server::start(&bucket, "a").await;
    let (one, two) = (away.intend("/one").await.unwrap(), away.intend("/two").await.unwrap());
    let other = Server::start(&bucket, "b").await;
    away.way.is_down.store(true, Ordering::Relaxed);
    pass(120).await;
    assert_eq!(other.events(), [(one, false), (two, false)]);
    away.way.is_down.store(false, Ordering::Relaxed);
    pass(20).await;
    // It begins a new folder, with what it knows.
    away.spool.end(one, told());
    away.spool.end(two, End::Dropped);
    pass(20).await;
    away.kill().await;
    pass(120).await;
    assert_eq!(other.events(), [(one, true)]);
    pass(5).await;
    other.kill().await;
    assert_eq!(Server::start(&bucket, "b").await.events(), [(one, true)], "it is written down as well");
}

/// What a server that was killed has sent may arrive while its folder is copied.
#[tokio::test(start_paused = true)]
async fn a_note_that_arrives_late_counts() {
    let bucket = bucket();
    let gone = Server::start(&bucket, "a").await;
    let (one, two) = (gone.intend("/one").await.unwrap(), gone.intend("/two").await.unwrap());
    gone.kill().await;
    let folder = folder_of(&bucket, "a").await;
    let other = Server::start(&bucket, "b").await;
    other.way.is_slow.store(true, Ordering::Relaxed);
    while other.way.reads.load(Ordering::Relaxed) == 0 {
        pass(1).await;
    }
    let notes = [Record::Ended { id: one, end: told() }, Record::Ended { id: two, end: End::Dropped }];
    let bytes: Vec<u8> = notes.iter().flat_map(Record::framed).collect();
    write(&bucket, &format!("{folder}/00000000000000ff.events"), bytes).await;
    pass(120).await;
    assert_eq!(other.events(), [(one, true)]);
    other.kill().await;
    assert_eq!(Server::start(&bucket, "b").await.events(), [(one, true)]);
}

#[tokio::test(start_paused = true)]
async fn of_two_servers_with_one_name_the_first_one_notices() {
    let bucket = bucket();
    let first = Server::start(&bucket, "a").await;
    let one = first.intend("/one").await.unwrap();
    let folder = folder_of(&bucket, "a").await;
    let second = Server::start(&bucket, "a").await;
    assert_eq!(second.events(), [(one, false)]);
    pass(40).await;
    first.spool.end(one, told());
    let two = first.intend("/two").await.unwrap();
    pass(5).await;
    second.kill().await;
    let names = files(&bucket).await;
    assert!(!names.iter().any(|name| name.contains(&format!("{folder}/"))), "it is still there: {names:?}");
    first.kill().await;
    let next = Server::start(&bucket, "a").await;
    assert_eq!(next.events(), [(one, true), (two, false)]);
    pass(1000).await;
    let left = owners(&bucket).await;
    assert_eq!(left.len(), 1, "claims are forgotten: {left:?}");
}

/// None of these lives for long enough to see that nothing changes.
#[tokio::test(start_paused = true)]
async fn claims_are_forgotten_by_servers_that_are_killed_again_and_again() {
    let bucket = bucket();
    for _ in 0..3 {
        Server::start(&bucket, "a").await.kill().await;
    }
    let mut before = owners(&bucket).await;
    before.retain(|name| name.ends_with(CLAIM));
    assert_eq!(before.len(), 2, "{before:?}");
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(660);
    let old = StoragePath::parse(&format!("/.wharf/events/owners/{}", before[0])).unwrap();
    bucket.set_modified(&old, long_ago).await.unwrap();
    let _server = Server::start(&bucket, "a").await;
    let after = owners(&bucket).await;
    assert!(!after.contains(&before[0]) && after.contains(&before[1]), "{before:?} {after:?}");
}

/// A rollout brings a receiver; a server without it takes over.
#[tokio::test(start_paused = true)]
async fn receivers_that_only_others_have_keep_their_events() {
    let bucket = bucket();
    let new = Server::telling(&bucket, "new-1", &["billing", "hook"]).await;
    let (both, billing) =
        (new.intend_for("/both", 3).await.unwrap(), new.intend_for("/billing", 1).await.unwrap());
    new.spool.end(both, told());
    new.spool.end(billing, told());
    pass(5).await;
    new.kill().await;
    let old = Server::telling(&bucket, "old-1", &["hook"]).await;
    pass(120).await;
    assert_eq!(old.events(), [(both, true), (billing, true)]);
    assert_eq!(old.spool.state().lanes[0].len(), 1);
    old.spool.settle(both, 0);
    pass(5).await;
    assert_eq!(old.events(), [(both, true), (billing, true)]);
    old.kill().await;
    // The next run of the same node has them as well.
    let old = Server::telling(&bucket, "old-1", &["hook"]).await;
    assert_eq!(old.events(), [(both, true), (billing, true)]);
    old.kill().await;
    let new = Server::telling(&bucket, "new-2", &["hook", "billing"]).await;
    pass(120).await;
    assert_eq!(new.events(), [(both, true), (billing, true)]);
    assert_eq!([0, 1].map(|lane| new.spool.state().lanes[lane].len()), [0, 2]);
    assert_eq!(new.spool.drop_of_strangers(Duration::ZERO), 0);
}

#[tokio::test(start_paused = true)]
async fn receivers_that_nobody_comes_for_are_given_up_in_the_end() {
    let bucket = bucket();
    let new = Server::telling(&bucket, "new", &["billing"]).await;
    let id = new.intend("/one").await.unwrap();
    new.spool.end(id, told());
    pass(5).await;
    new.kill().await;
    let old = Server::start(&bucket, "old").await;
    pass(120).await;
    assert_eq!(old.spool.drop_of_strangers(Duration::from_secs(60)), 0);
    assert_eq!(old.events(), [(id, true)]);
    assert_eq!(old.spool.drop_of_strangers(Duration::ZERO), 1);
    assert_eq!(old.events(), []);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_the_own_node_had_is_dropped() {
    let bucket = bucket();
    let before = Server::telling(&bucket, "a", &["hook", "billing"]).await;
    let (both, billing) =
        (before.intend_for("/both", 3).await.unwrap(), before.intend_for("/billing", 2).await.unwrap());
    before.spool.end(billing, told());
    pass(5).await;
    before.kill().await;
    let after = Server::telling(&bucket, "a", &["hook"]).await;
    assert_eq!(after.events(), [(both, false)]);
    after.spool.settle(both, 0);
    assert_eq!(after.events(), []);
}
