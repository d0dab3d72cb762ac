use std::collections::HashSet;
use std::task::Poll;

use tempfile::TempDir;

use super::lane::Pick;
use super::*;
use crate::events::model::{By, Place, STORED};

const MIB: u64 = 1 << 20;

fn draft(path: &str) -> Draft {
    let peer = std::net::IpAddr::from([127, 0, 0, 1]);
    let by = By { session: 1, user: "anna", peer, engine: "native", node: "here" };
    let (path, backend, mount) = (path.to_owned(), "disk".to_owned(), "/".to_owned());
    let place = Some(Place { key: path.clone(), path, backend, mount });
    Draft { place, ..Draft::new(STORED, &by) }
}

const ASK: Question = Question::Stored { mark: Some(7), before: None, looked: false };

fn open(folder: &TempDir) -> Spool {
    Spool::on_disk(folder.path(), MIB, false, vec!["hook".to_owned(), "other".to_owned()]).unwrap()
}

async fn intend(spool: &Spool, path: &str) -> Result<Id, Refusal> {
    let draft = draft(path);
    let id = draft.id;
    spool.intend(draft, ASK, 1, None).await.map(|()| id)
}

/// Waits until what was asked for before is written.
async fn intend_soon(spool: &Spool, path: &str) -> Id {
    for _ in 0..1000 {
        match intend(spool, path).await {
            Ok(id) => return id,
            Err(refusal) => assert_eq!(refusal, Refusal::Full),
        }
    }
    panic!("there is never any room");
}

fn told() -> End {
    End::Told(Outcome { size: Some(7), ..Outcome::default() })
}

#[tokio::test]
async fn what_is_delivered_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let mut kept = Vec::new();
    let refusal = loop {
        match intend(&spool, &format!("/{}", kept.len())).await {
            Ok(id) => kept.push(id),
            Err(refusal) => break refusal,
        }
        assert!(kept.len() < 10_000);
    };
    assert_eq!(refusal, Refusal::Full);
    for id in kept {
        spool.end(id, told());
        spool.settle(id, 0);
    }
    let id = intend_soon(&spool, "/again").await;
    spool.end(id, End::Dropped);
    spool.close().await;
    assert!(open(&folder).state().events.is_empty());
}

/// What is told takes its name with it until it is delivered, and is not told again and again meanwhile.
#[tokio::test]
async fn what_is_told_waits_for_no_name_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let mut ids = Vec::new();
    for number in 0..4 {
        let id = intend(&spool, &format!("/{number}.part")).await.unwrap();
        spool.end(id, End::Parked(Outcome::default()));
        ids.push(id);
    }
    spool.written().await;
    let none = HashSet::new();
    let oldest = spool.state().oldest_parked(&none);
    assert_eq!(oldest, ids[..2]);
    assert_eq!(
        spool.state().oldest_parked(&HashSet::from([ids[0], ids[1]])),
        ids[2..3],
        "the others come first"
    );
    oldest.iter().for_each(|id| spool.end(*id, told()));
    spool.written().await;
    let state = spool.state();
    assert_eq!((state.parked(), state.parked_before(u64::MAX).len()), (2, 2));
    assert_eq!(state.oldest_parked(&none), ids[2..3]);
}

/// Where little of what is there waits for names, to tell of it makes no room.
#[tokio::test]
async fn a_few_names_are_waited_for_in_a_full_spool() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let id = intend(&spool, "/a.part").await.unwrap();
    spool.end(id, End::Parked(Outcome::default()));
    for number in 0..20 {
        let id = intend(&spool, &format!("/{number}")).await.unwrap();
        spool.end(id, told());
    }
    spool.written().await;
    let state = spool.state();
    assert_eq!((state.parked(), state.oldest_parked(&HashSet::new()).len()), (1, 0));
}

/// One that waits for long does not keep the room of those that came after it, and nothing of it is lost when it is moved.
#[tokio::test]
async fn what_waits_is_written_again_to_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let first = intend(&spool, "/first").await.unwrap();
    spool.end(first, told());
    let open_one = intend(&spool, "/open").await.unwrap();
    for number in 0..10_000 {
        let id = intend_soon(&spool, &format!("/{number}")).await;
        spool.end(id, told());
        spool.settle(id, 0);
    }
    assert!(spool.state().total <= MIB + MIB / 4);
    spool.close().await;
    drop(spool);
    let spool = open(&folder);
    let ids: Vec<Id> = spool.state().events.values().map(|entry| entry.id).collect();
    assert_eq!(ids, [first, open_one]);
    assert_eq!(spool.state().undecided(), [open_one]);
    let (draft, _) = spool.read(first).await.unwrap().unwrap();
    assert_eq!(draft.place.unwrap().path, "/first");
    let pick = spool.state().lanes[0].pick(tokio::time::Instant::now(), 1);
    assert_eq!(pick, Pick::Go(first.number(), 0));
}

#[tokio::test]
async fn only_one_server_uses_a_spool() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let other = Spool::on_disk(folder.path(), MIB, false, Vec::new()).unwrap_err();
    assert!(other.contains("is used by another server"), "{other}");
    spool.close().await;
    drop(spool);
    open(&folder);
}

/// A file that is not complete is told of once, when it has its name.
#[tokio::test]
async fn what_waits_for_a_name_is_forgotten_when_it_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let part = intend(&spool, "/a.part").await.unwrap();
    spool.end(part, End::Parked(Outcome::default()));
    let place = draft("/a.part").place;
    assert_eq!(spool.state().parked_at(place.as_ref().unwrap()), Some(part));
    let renamed = Draft { from: place, ..draft("/a") };
    let id = renamed.id;
    spool.intend(renamed, ASK, 1, None).await.unwrap();
    spool.end(id, told());
    spool.close().await;
    drop(spool);
    let spool = open(&folder);
    assert_eq!(spool.state().events.values().map(|entry| entry.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn dead_letters_are_kept_for_each_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let draft = draft("/a");
    let id = draft.id;
    spool.intend(draft, ASK, 0b11, None).await.unwrap();
    spool.end(id, told());
    spool.settle(id, 0);
    spool.bury(id, 1, "status 410");
    spool.close().await;
    drop(spool);
    let spool = open(&folder);
    let letters = |lane| spool.state().dead_letters(lane);
    assert_eq!((letters(0), letters(1)), (0, 1));
    spool.revive(id, 1);
    assert_eq!(spool.state().dead_letters(1), 0);
    let pick = spool.state().lanes[1].pick(tokio::time::Instant::now(), 1);
    assert_eq!(pick, Pick::Go(id.number(), 0));
    spool.settle(id, 1);
    assert!(spool.state().events.is_empty());
}

/// A session may be ended while it waits: its change is not made, and nothing waits for that.
#[tokio::test]
async fn an_intent_that_nobody_waits_for_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    for _ in 0..100 {
        let mut given_up = Box::pin(intend(&spool, "/a"));
        match futures_util::poll!(&mut given_up) {
            // It was written in that very moment.
            Poll::Ready(id) => spool.end(id.unwrap(), End::Dropped),
            Poll::Pending => drop(given_up),
        }
        let next = intend(&spool, "/a").await.unwrap();
        assert_eq!(spool.state().events.len(), 1, "the answers come in the order of the questions");
        spool.settle(next, 0);
    }
    spool.close().await;
    assert!(open(&folder).state().events.is_empty());
}

/// Begins to write an intent, and leaves it for somebody who syncs a file.
fn leave<'a>(spool: &'a Spool, slot: &'a Slot) -> impl Future<Output = Result<(), Refusal>> + 'a {
    spool.intend(draft("/a"), ASK, 1, Some(slot))
}

#[tokio::test]
async fn an_intent_is_written_by_whoever_syncs_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let Orders::Thread(writing) = &spool.orders else { panic!("it is on a disk") };
    while !writing.is_at_rest() {
        tokio::task::yield_now().await;
    }
    let slot = Slot::default();
    let mut intent = Box::pin(leave(&spool, &slot));
    assert!(futures_util::poll!(&mut intent).is_pending());
    let mut beside = slot.close().unwrap();
    beside.before();
    let answer = futures_util::poll!(&mut intent);
    assert_eq!(answer, Poll::Ready(Ok(())), "nobody else was told of it");
    drop((intent, beside));
    spool.close().await;
    assert_eq!(open(&folder).state().events.len(), 1);
}

#[tokio::test]
async fn an_intent_that_nobody_takes_is_written_by_the_thread() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    // It was taken, and the disk has not come to it.
    let slot = Slot::default();
    let mut intent = Box::pin(leave(&spool, &slot));
    let answer = futures_util::poll!(&mut intent);
    drop(slot.close());
    match answer {
        // The thread has looked in that very moment.
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => intent.await.unwrap(),
    }
    // Nobody takes anything any more.
    leave(&spool, &slot).await.unwrap();
    spool.close().await;
    assert_eq!(open(&folder).state().events.len(), 2);
}

#[tokio::test]
async fn nothing_is_left_for_others_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    spool.close().await;
    let slot = Slot::default();
    let refusal = leave(&spool, &slot).await.unwrap_err();
    assert_eq!(refusal, Refusal::Failed("it is closed".to_owned()));
    assert!(slot.close().is_none());
}

/// What was moved stands behind what came after it.
#[tokio::test]
async fn an_older_rename_takes_no_newer_part_away() {
    let mut state = State::new(vec!["hook".to_owned()]);
    let at = At { segment: 1, offset: 0, length: 1 };
    let rename = Draft { from: draft("/a.part").place, ..draft("/a") };
    let part = draft("/a.part");
    let whole = |event: &Draft, end| Record::Whole {
        event: Box::new(event.clone()),
        ask: None,
        to: vec!["hook".to_owned()],
        dead: Vec::new(),
        end: Some(end),
    };
    state.replay(whole(&part, End::Parked(Outcome::default())), at);
    state.replay(whole(&rename, told()), at);
    assert_eq!(state.parked_at(part.place.as_ref().unwrap()), Some(part.id));
    // The other way round, it has its name.
    let newer = Draft { id: draft("/b").id, ..rename };
    state.replay(whole(&newer, told()), at);
    assert_eq!(state.parked_at(part.place.as_ref().unwrap()), None);
}
