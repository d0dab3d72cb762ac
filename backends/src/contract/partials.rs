//! Law 1 for uploads that are kept for their owners: nobody else sees them, and what is gone on with becomes whole.
//!
//! A storage that keeps none has no [`partials`](crate::Storage::partials), and passes.

use std::time::Duration;

use bytes::Bytes;

use super::Fixture;
use super::support::{contents, directory, missing, names_in, ok, path, pattern, refused, stored};
use crate::{ByteRange, CreateMode, Digest, DigestAlgorithm, ErrorKind, Keeping, Partials, Upload};

/// Fewer bytes than a part of a store, and more.
const FEW: usize = 300_001;
const MANY: usize = 18 * 1024 * 1024 + 77;

fn keeping(owner: &str) -> Keeping {
    Keeping { owner: owner.to_owned(), keep_for: Duration::from_secs(3600) }
}

async fn write(upload: &mut Box<dyn Upload>, content: &[u8]) {
    for chunk in content.chunks(200_000) {
        ok(upload.write(Bytes::copy_from_slice(chunk)).await);
    }
}

/// Waits until what is found of an upload is so.
async fn soon(partials: &dyn Partials, at: &str, owner: &str, is_so: fn(Option<u64>) -> bool) {
    for _ in 0..6000 {
        if is_so(ok(partials.find(&path(at), owner).await).map(|kept| kept.size)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never becomes so");
}

/// Begins an upload, and leaves it.
async fn left(partials: &dyn Partials, at: &str, owner: &str, content: &[u8]) -> Option<u64> {
    let mut upload = ok(partials.begin(&path(at), &keeping(owner), CreateMode::Replace).await);
    write(&mut upload, content).await;
    ok(upload.leave().await)
}

pub async fn what_was_broken_off_is_gone_on_with(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    // Whoever comes back may come to another server.
    let other = fixture.second.as_deref().unwrap_or(storage);
    let elsewhere = other.partials().unwrap_or(partials);
    directory(storage, "/d").await;
    for (length, cuts) in [(FEW, [1_000, 200_000]), (MANY, [9_000_000, 17_000_000])] {
        let content = pattern(length, length as u64);
        let told = left(partials, "/d/f", "ann", &content[..cuts[0]]).await;
        assert_eq!(told, Some(cuts[0] as u64 - 1), "a client always has something left to send");
        missing(storage, "/d/f").await;
        missing(other, "/d/f").await;
        assert_eq!(names_in(other, "/").await, ["d"], "what is kept is listed");
        assert_eq!(names_in(other, "/d").await, [""; 0], "what is kept is listed");
        let kept = ok(elsewhere.find(&path("/d/f"), "ann").await);
        assert_eq!(kept.map(|kept| kept.size), told);

        let mut upload = ok(elsewhere
            .resume(&path("/d/f"), &keeping("ann"), cuts[0] as u64 - 1, CreateMode::Replace)
            .await);
        write(&mut upload, &content[cuts[0] - 1..cuts[1]]).await;
        assert_eq!(ok(upload.leave().await), Some(cuts[1] as u64 - 1));
        let from = cuts[1] as u64 - 1;
        let mut upload = ok(partials.resume(&path("/d/f"), &keeping("ann"), from, CreateMode::Replace).await);
        write(&mut upload, &content[cuts[1] - 1..]).await;
        missing(storage, "/d/f").await;
        assert_eq!(ok(upload.finish().await).size, length as u64);
        assert!(contents(storage, "/d/f").await == content);
        assert!(ok(elsewhere.find(&path("/d/f"), "ann").await).is_none());
        assert_eq!(ok(elsewhere.all().await), []);
        ok(storage.remove_file(&path("/d/f")).await);
    }
}

pub async fn only_its_owner_hears_of_what_is_kept(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    stored(storage, "/f", b"old").await;
    directory(storage, "/d").await;
    let content = pattern(FEW, 3);
    assert!(left(partials, "/f", "ann", &content).await.is_some());
    assert!(left(partials, "/d/f", "ann", &content[..5000]).await.is_some());
    assert!(left(partials, "/f", "bob", &content[..7000]).await.is_some());
    assert_eq!(contents(storage, "/f").await, b"old");
    assert_eq!(names_in(storage, "/").await, ["d", "f"]);

    let size = |kept: Option<crate::Partial>| kept.map(|kept| kept.size);
    assert_eq!(size(ok(partials.find(&path("/f"), "ann").await)), Some(FEW as u64 - 1));
    assert_eq!(size(ok(partials.find(&path("/f"), "bob").await)), Some(6999));
    assert_eq!(size(ok(partials.find(&path("/f"), "eve").await)), None);
    assert_eq!(size(ok(partials.find(&path("/g"), "ann").await)), None);
    let here = ok(partials.find_in(&path("/d"), "ann").await);
    assert_eq!(here.iter().map(|kept| (kept.path.as_str(), kept.size)).collect::<Vec<_>>(), [("/d/f", 4999)]);
    assert_eq!(ok(partials.find_in(&path("/"), "ann").await).len(), 1);
    assert_eq!(ok(partials.find_in(&path("/missing"), "ann").await), []);
    assert_eq!(ok(partials.all().await).len(), 3);

    assert!(ok(partials.remove(&path("/f"), "ann").await));
    assert!(!ok(partials.remove(&path("/f"), "ann").await));
    assert_eq!(size(ok(partials.find(&path("/f"), "ann").await)), None);
    assert_eq!(size(ok(partials.find(&path("/f"), "bob").await)), Some(6999));
    assert_eq!(contents(storage, "/f").await, b"old");
}

pub async fn its_owner_may_go_on_before_its_end(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    for (length, offset) in [(FEW, 150_000), (MANY, 17_000_000), (MANY, 9_000_000), (MANY, 0), (FEW, 0)] {
        let content = pattern(length, 4);
        let cut = length - 100;
        assert!(left(partials, "/f", "ann", &content[..cut]).await.is_some());
        let behind = partials.resume(&path("/f"), &keeping("ann"), cut as u64 + 1, CreateMode::Replace).await;
        refused(behind.map(drop), ErrorKind::InvalidRange);
        let resumed = partials.resume(&path("/f"), &keeping("ann"), offset as u64, CreateMode::Replace).await;
        let mut upload = match resumed {
            // What a store has in parts can't be cut anywhere: then nothing has changed.
            Err(error) if error.kind() == ErrorKind::InvalidRange && !partials.can_read() => {
                let kept = ok(partials.find(&path("/f"), "ann").await);
                assert_eq!(kept.map(|kept| kept.size), Some(cut as u64 - 1));
                let from = cut as u64 - 1;
                let mut upload =
                    ok(partials.resume(&path("/f"), &keeping("ann"), from, CreateMode::Replace).await);
                write(&mut upload, &content[cut - 1..]).await;
                upload
            }
            resumed => {
                let mut upload = ok(resumed);
                write(&mut upload, &content[offset..]).await;
                upload
            }
        };
        // Bytes that are sent anew count, and not those that were there.
        ok(upload.write(Bytes::from_static(b"end")).await);
        assert_eq!(ok(upload.finish().await).size, length as u64 + 3);
        let expected = [&content[..], b"end"].concat();
        assert!(contents(storage, "/f").await == expected, "{length} bytes from {offset} on");
    }
    let none = partials.resume(&path("/f"), &keeping("ann"), 1, CreateMode::Replace).await;
    refused(none.map(drop), ErrorKind::NotFound);
}

pub async fn what_is_under_way_is_not_shown(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    let other = fixture.second.as_deref().unwrap_or(storage);
    let elsewhere = other.partials().unwrap_or(partials);
    let root = path("/");
    stored(storage, "/f", b"old").await;
    let shown = async |expected: usize| {
        assert_eq!(usize::from(ok(elsewhere.find_left(&path("/f"), "ann").await).is_some()), expected);
        for listed in [ok(elsewhere.find_in(&root, "ann").await), ok(elsewhere.all().await)] {
            // On a slow machine nothing may have come for a while.
            assert_eq!(listed.iter().filter(|partial| !partial.under_way).count(), expected);
        }
    };
    let content = pattern(MANY, 11);
    let mut upload = ok(partials.begin(&path("/f"), &keeping("ann"), CreateMode::Replace).await);
    write(&mut upload, &content[..MANY - 5]).await;
    shown(0).await;
    // Whoever wants to go on with it hears of it all the same.
    let found = ok(elsewhere.find(&path("/f"), "ann").await);
    assert!(found.is_none_or(|found| found.under_way), "it is taken for one that was left");
    ok(upload.leave().await);
    shown(1).await;
    let from = MANY as u64 - 6;
    let mut upload = ok(partials.resume(&path("/f"), &keeping("ann"), from, CreateMode::Replace).await);
    write(&mut upload, &content[MANY - 6..]).await;
    shown(0).await;
    assert_eq!(contents(other, "/f").await, b"old");
    ok(upload.finish().await);
    shown(0).await;
    assert!(contents(other, "/f").await == content);
}

pub async fn another_beginning_throws_away_what_is_kept(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    let content = pattern(FEW, 5);
    assert!(left(partials, "/f", "ann", &content).await.is_some());
    let mut upload = ok(partials.begin(&path("/f"), &keeping("ann"), CreateMode::Replace).await);
    write(&mut upload, b"another").await;
    ok(upload.finish().await);
    assert_eq!(contents(storage, "/f").await, b"another");
    assert!(ok(partials.find(&path("/f"), "ann").await).is_none());

    assert!(left(partials, "/f", "ann", &content).await.is_some());
    let mut upload = ok(partials.begin(&path("/f"), &keeping("ann"), CreateMode::Replace).await);
    write(&mut upload, &content[..100]).await;
    ok(upload.abort().await);
    assert!(ok(partials.find(&path("/f"), "ann").await).is_none());
    // There is nothing to go on from behind one byte.
    assert_eq!(left(partials, "/f", "ann", b"x").await, None);
    assert!(ok(partials.find(&path("/f"), "ann").await).is_none());
    assert_eq!(contents(storage, "/f").await, b"another");
    assert_eq!(ok(partials.all().await), []);
}

pub async fn what_is_gone_on_with_replaces_only_what_it_may(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    let content = pattern(FEW, 6);
    let mut upload = ok(partials.begin(&path("/f"), &keeping("ann"), CreateMode::New).await);
    write(&mut upload, &content[..1000]).await;
    assert_eq!(ok(upload.leave().await), Some(999));
    let mut upload = ok(partials.resume(&path("/f"), &keeping("ann"), 999, CreateMode::New).await);
    write(&mut upload, &content[999..]).await;
    stored(storage, "/f", b"somebody else's").await;
    refused(upload.finish().await, ErrorKind::AlreadyExists);
    assert_eq!(contents(storage, "/f").await, b"somebody else's");
}

pub async fn what_is_kept_ends_in_its_time(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    let content = pattern(FEW, 7);
    assert!(left(partials, "/kept", "ann", &content).await.is_some());
    let short = Keeping { owner: "ann".to_owned(), keep_for: Duration::ZERO };
    let mut upload = ok(partials.begin(&path("/over"), &short, CreateMode::Replace).await);
    write(&mut upload, &content).await;
    ok(upload.leave().await);
    // Some stores round times up, to whole seconds.
    soon(partials, "/over", "ann", |kept| kept.is_none()).await;
    assert_eq!(ok(storage.sweep().await), 1);
    assert_eq!(ok(storage.sweep().await), 0);
    let kept = ok(partials.all().await);
    assert_eq!(kept.iter().map(|kept| kept.path.as_str()).collect::<Vec<_>>(), ["/kept"]);
    let from = FEW as u64 - 1;
    let mut upload = ok(partials.resume(&path("/kept"), &keeping("ann"), from, CreateMode::Replace).await);
    write(&mut upload, &content[FEW - 1..]).await;
    ok(upload.finish().await);
    assert!(contents(storage, "/kept").await == content);
}

pub async fn what_is_kept_can_be_read_or_is_refused(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    let content = pattern(FEW, 8);
    assert!(left(partials, "/f", "ann", &content).await.is_some());
    let range = ByteRange { offset: 100, length: Some(200_000) };
    let opened = partials.read(&path("/f"), "ann", range).await;
    if !partials.can_read() {
        refused(opened.map(drop), ErrorKind::Unsupported);
        return;
    }
    let digest = Digest::of_stream(DigestAlgorithm::Sha256, ok(opened).into_stream()).await;
    let mut expected = Digest::new(DigestAlgorithm::Sha256);
    expected.update(&content[100..200_100]);
    assert_eq!(ok(digest), expected.finish());
    refused(partials.read(&path("/f"), "bob", range).await.map(drop), ErrorKind::NotFound);
}

/// A server that is killed drops its uploads: what the store has confirmed is there.
pub async fn what_the_store_has_confirmed_survives_the_server(fixture: Fixture) {
    let storage = &*fixture.storage;
    let Some(partials) = storage.partials() else { return };
    // Another server opens it: what is in the memory of this one ends with it.
    let Some(other) = &fixture.second else { return };
    let Some(elsewhere) = other.partials() else { panic!("the other server keeps nothing") };
    let content = pattern(2 * MANY, 10);
    let mut upload = ok(partials.begin(&path("/f"), &keeping("ann"), CreateMode::Replace).await);
    write(&mut upload, &content[..2 * MANY - 5]).await;
    // Parts are on their way while the next bytes are taken.
    soon(elsewhere, "/f", "ann", |kept| kept.is_some_and(|size| size > 0)).await;
    drop(upload);
    let kept = ok(elsewhere.find(&path("/f"), "ann").await);
    let from = kept.map_or(0, |kept| kept.size);
    assert!(from > 0 && from < 2 * MANY as u64, "{from}");
    let mut upload = ok(elsewhere.resume(&path("/f"), &keeping("ann"), from, CreateMode::Replace).await);
    write(&mut upload, &content[usize::try_from(from).unwrap_or_default()..]).await;
    assert_eq!(ok(upload.finish().await).size, 2 * MANY as u64);
    assert!(contents(&**other, "/f").await == content);
    assert_eq!(ok(elsewhere.all().await), []);
}
