//! Appends and resumed uploads.

use super::*;

async fn world() -> (World, Played) {
    let played = Played::new(Play::Honest).await;
    // Whoever may not read it may add to it.
    let may = Permissions::FULL - Permissions::DOWNLOAD - Permissions::LIST;
    let mut scan = scan_by(played.port);
    scan.connections = 3;
    (World::with(&scan, may, memory()), played)
}

async fn left(played: &Played) {
    // Every upload that is over has given its connection back.
    played.open.clone().wait_for(|open| *open == 0).await.unwrap();
}

#[tokio::test]
async fn nothing_gets_in() {
    let (world, played) = world().await;
    let (first, second) = MARK.split_at(10);
    for at in 0..2 {
        let name = format!("/f{at}");
        world.replace(&name, first).await.unwrap();
        let mode = if at == 0 { CreateMode::Append } else { CreateMode::Resume(10) };
        let error = world.store(&name, mode, second).await.unwrap_err();
        assert_eq!(error.advice(), Some("the scanner found Wharf.Mark in it"), "{mode:?}");
        assert_eq!(played.files().last().unwrap(), MARK);
        world.store(&name, mode, b" is fine").await.unwrap();
        assert_eq!(played.files().last().unwrap(), b"wharf-find is fine");
    }
    // An append of nothing changes nothing; a resume may cut off what made it harmless.
    let files = played.files().len();
    world.store("/f0", CreateMode::Append, b"").await.unwrap();
    assert_eq!(played.files().len(), files);
    world.store("/f1", CreateMode::Resume(10), b"").await.unwrap();
    assert_eq!(played.files().last().unwrap(), b"wharf-find");
    left(&played).await;
}

#[tokio::test]
async fn an_append_makes_a_file_and_begins_an_empty_one() {
    let (world, played) = world().await;
    world.replace("/empty", b"").await.unwrap();
    for name in ["/empty", "/new"] {
        world.store(name, CreateMode::Append, b"one").await.unwrap();
        world.store(name, CreateMode::Append, b"two").await.unwrap();
        assert_eq!(played.files().last().unwrap(), b"onetwo");
        world.store(name, CreateMode::Append, MARK).await.unwrap_err();
    }
}

/// Each of two that append at once has seen its own bytes alone.
#[tokio::test]
async fn appends_at_once_are_one_at_a_time() {
    let (world, played) = world().await;
    world.replace("/empty", b"").await.unwrap();
    world.replace("/full", b"begin ").await.unwrap();
    let (first, second) = MARK.split_at(10);
    for name in ["/empty", "/full", "/new"] {
        let name = path(name);
        let mut one = world.visit.create(&name, CreateMode::Append, 0).await.unwrap();
        let mut two = world.visit.create(&name, CreateMode::Append, 0).await.unwrap();
        one.write(Bytes::from_static(first)).await.unwrap();
        two.write(Bytes::from_static(second)).await.unwrap();
        one.finish().await.unwrap();
        let error = two.finish().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{name}: {error}");
        let error = world.store(name.as_str(), CreateMode::Append, second).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name}: {error}");
    }
    left(&played).await;
}

/// Both look before either of them has finished.
#[tokio::test]
async fn appends_to_an_empty_file_that_end_at_once_lose_nothing() {
    let played = Played::new(Play::Honest).await;
    let odd = Arc::new(Odd::new(Way::PausesBehindLooks));
    let world = World::of(&scan_by(played.port), Permissions::FULL, odd, memory());
    world.replace("/f", b"").await.unwrap();
    let mut one = world.visit.create(&path("/f"), CreateMode::Append, 0).await.unwrap();
    let mut two = world.visit.create(&path("/f"), CreateMode::Append, 0).await.unwrap();
    one.write(Bytes::from_static(b"one")).await.unwrap();
    two.write(Bytes::from_static(b"two")).await.unwrap();
    let (one, two) = tokio::join!(one.finish(), two.finish());
    let (kept, refused) = match (one, two) {
        (Ok(_), Err(refused)) => (b"one", refused),
        (Err(refused), Ok(_)) => (b"two", refused),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    assert_eq!(world.content("/f").await.unwrap(), kept);
}

/// Nobody has looked at what a resume would go on from.
#[tokio::test]
async fn a_resume_goes_on_from_nothing_that_comes_behind_the_look() {
    let played = Played::new(Play::Honest).await;
    let odd = Arc::new(Odd::new(Way::ComesBehindLooks(b"0123456789")));
    let world = World::of(&scan_by(played.port), Permissions::FULL, odd, memory());
    let error = world.store("/f", CreateMode::Resume(10), b"more").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// What is put in its place for as long as it is read is not what it goes on from.
#[tokio::test]
async fn what_is_read_is_what_it_goes_on_from() {
    let (world, played) = world().await;
    let (first, second) = MARK.split_at(10);
    for mode in [CreateMode::Append, CreateMode::Resume(10)] {
        world.replace("/f", first).await.unwrap();
        world.replace("/good", b"0123456789").await.unwrap();
        let rename = async |from, to| world.visit.rename(&path(from), &path(to)).await.unwrap();
        let mut upload = world.visit.create(&path("/f"), mode, 0).await.unwrap();
        rename("/f", "/aside").await;
        rename("/good", "/f").await;
        let error = upload.write(Bytes::from_static(second)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        rename("/f", "/good").await;
        rename("/aside", "/f").await;
        upload.abort().await.unwrap();
    }
    left(&played).await;
}

#[tokio::test]
async fn what_stands_there_counts_as_a_part_of_the_size() {
    let (world, played) = world().await;
    world.replace("/f", &vec![b'a'; 1 << 20]).await.unwrap();
    let error = world.store("/f", CreateMode::Append, b"b").await.unwrap_err();
    assert_eq!(error.advice(), Some("it is larger than what can be scanned"));
    left(&played).await;
}
