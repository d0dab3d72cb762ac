//! Law 1: all or nothing.

use std::fs::File;
use std::io::Write;

use bytes::Bytes;

use super::Fixture;
use super::support::{contents, directory, missing, names_in, ok, path, pattern, put, refused, stored};
use crate::threads::{OfDisk, Operation};
use crate::{CreateMode, ErrorKind, Intake, Supply};

/// Enough bytes that a backend sends or writes some of them before the end.
const SOME: usize = 3 * 1024 * 1024 + 1;

pub async fn nothing_appears_before_finish(fixture: Fixture) {
    let storage = &*fixture.storage;
    let content = pattern(SOME, 1);
    let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    missing(storage, "/f").await;
    for chunk in content.chunks(100_000) {
        ok(upload.write(Bytes::copy_from_slice(chunk)).await);
    }
    missing(storage, "/f").await;
    assert_eq!(names_in(storage, "/").await, [""; 0], "a temporary is listed");
    ok(upload.finish().await);
    assert_eq!(names_in(storage, "/").await, ["f"]);
    assert!(contents(storage, "/f").await == content);
}

pub async fn an_aborted_upload_leaves_nothing(fixture: Fixture) {
    let storage = &*fixture.storage;
    let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    ok(upload.write(pattern(SOME, 1).into()).await);
    ok(upload.abort().await);
    missing(storage, "/f").await;
    assert_eq!(names_in(storage, "/").await, [""; 0]);
}

pub async fn a_dropped_upload_leaves_nothing(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/d").await;
    let mut upload = ok(storage.create(&path("/d/f"), CreateMode::Replace).await);
    ok(upload.write(pattern(SOME, 1).into()).await);
    drop(upload);
    missing(storage, "/d/f").await;
    ok(storage.remove_directory(&path("/d")).await);
}

pub async fn the_old_file_stays_until_the_new_one_is_finished(fixture: Fixture) {
    let storage = &*fixture.storage;
    let (old, new) = (pattern(70_000, 1), pattern(SOME, 2));
    stored(storage, "/f", &old).await;

    let mut aborted = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    ok(aborted.write(new.clone().into()).await);
    assert!(contents(storage, "/f").await == old);
    ok(aborted.abort().await);
    assert!(contents(storage, "/f").await == old);

    let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    ok(upload.write(new.clone().into()).await);
    assert!(contents(storage, "/f").await == old);
    assert_eq!(ok(storage.stat(&path("/f")).await).size, old.len() as u64);
    ok(upload.finish().await);
    assert!(contents(storage, "/f").await == new);
}

pub async fn an_empty_upload_makes_an_empty_file(fixture: Fixture) {
    let storage = &*fixture.storage;
    let upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    ok(upload.finish().await);
    assert_eq!(ok(storage.stat(&path("/f")).await).size, 0);
    assert_eq!(contents(storage, "/f").await, b"");
    stored(storage, "/f", b"something").await;
    ok(ok(storage.create(&path("/f"), CreateMode::Replace).await).finish().await);
    assert_eq!(contents(storage, "/f").await, b"", "an empty upload truncates");
}

pub async fn uploads_at_once_never_mix(fixture: Fixture) {
    let storage = &*fixture.storage;
    let (a, b) = (pattern(SOME, 1), pattern(SOME / 2, 2));
    let mut first = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    let mut second = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    for (x, y) in a.chunks(200_000).zip(b.chunks(100_000)) {
        ok(first.write(Bytes::copy_from_slice(x)).await);
        ok(second.write(Bytes::copy_from_slice(y)).await);
    }
    let written = a.chunks(200_000).count().min(b.chunks(100_000).count());
    let a = &a[..a.len().min(written * 200_000)];
    let b = &b[..b.len().min(written * 100_000)];
    ok(first.finish().await);
    assert!(contents(storage, "/f").await == a);
    ok(second.finish().await);
    assert!(contents(storage, "/f").await == b);
    assert_eq!(names_in(storage, "/").await, ["f"]);
}

pub async fn new_never_replaces(fixture: Fixture) {
    let storage = &*fixture.storage;
    ok(put(storage, "/f", b"first", CreateMode::New).await);
    refused(storage.create(&path("/f"), CreateMode::New).await.map(drop), ErrorKind::AlreadyExists);
    assert_eq!(contents(storage, "/f").await, b"first");
}

pub async fn new_is_decided_at_finish(fixture: Fixture) {
    let storage = &*fixture.storage;
    let mut first = ok(storage.create(&path("/f"), CreateMode::New).await);
    let mut second = ok(storage.create(&path("/f"), CreateMode::New).await);
    ok(first.write(Bytes::from_static(b"first")).await);
    ok(second.write(Bytes::from_static(b"second")).await);
    ok(second.finish().await);
    refused(first.finish().await, ErrorKind::AlreadyExists);
    assert_eq!(contents(storage, "/f").await, b"second");
    assert_eq!(names_in(storage, "/").await, ["f"]);
}

pub async fn resume_keeps_the_beginning(fixture: Fixture) {
    let storage = &*fixture.storage;
    let content = pattern(SOME, 1);
    for offset in [0, 1, 4096, 1_000_000, SOME] {
        stored(storage, "/f", &content).await;
        let tail = pattern(5000, 2);
        ok(put(storage, "/f", &tail, CreateMode::Resume(offset as u64)).await);
        let mut expected = content[..offset].to_vec();
        expected.extend_from_slice(&tail);
        assert!(contents(storage, "/f").await == expected, "offset {offset}");
    }
    stored(storage, "/f", &content).await;
    ok(put(storage, "/f", b"", CreateMode::Resume(10)).await);
    assert!(contents(storage, "/f").await == content[..10], "what follows the offset is cut");
}

pub async fn resume_needs_what_it_goes_on_from(fixture: Fixture) {
    let storage = &*fixture.storage;
    let resumed = storage.create(&path("/f"), CreateMode::Resume(1)).await;
    refused(resumed.map(drop), ErrorKind::NotFound);
    stored(storage, "/f", b"12345").await;
    let resumed = storage.create(&path("/f"), CreateMode::Resume(6)).await;
    refused(resumed.map(drop), ErrorKind::InvalidRange);
    assert_eq!(contents(storage, "/f").await, b"12345");
}

pub async fn append_goes_on_at_the_end(fixture: Fixture) {
    let storage = &*fixture.storage;
    ok(put(storage, "/f", b"one", CreateMode::Append).await);
    assert_eq!(contents(storage, "/f").await, b"one");
    ok(put(storage, "/f", b" two", CreateMode::Append).await);
    ok(put(storage, "/f", b"", CreateMode::Append).await);
    ok(put(storage, "/f", b" three", CreateMode::Append).await);
    assert_eq!(contents(storage, "/f").await, b"one two three");
}

pub async fn an_aborted_append_changes_nothing(fixture: Fixture) {
    let storage = &*fixture.storage;
    let content = pattern(SOME, 1);
    stored(storage, "/f", &content).await;
    for mode in [CreateMode::Append, CreateMode::Resume(1000)] {
        let mut upload = ok(storage.create(&path("/f"), mode).await);
        ok(upload.write(pattern(SOME, 2).into()).await);
        assert!(contents(storage, "/f").await == content);
        ok(upload.abort().await);
        assert!(contents(storage, "/f").await == content);
    }
    assert_eq!(names_in(storage, "/").await, ["f"]);
}

pub async fn a_resume_never_loses_what_others_stored(fixture: Fixture) {
    let storage = &*fixture.storage;
    // At the end and before it, in conflict with another resume, an append, a whole upload and a removal.
    for offset in [3, 1] {
        for other in [CreateMode::Resume(offset), CreateMode::Append, CreateMode::Replace] {
            stored(storage, "/f", b"old").await;
            let mut resume = ok(storage.create(&path("/f"), CreateMode::Resume(offset)).await);
            ok(resume.write(Bytes::from_static(b" mine")).await);
            ok(put(storage, "/f", b" theirs", other).await);
            let theirs = contents(storage, "/f").await;
            refused(resume.finish().await, ErrorKind::Conflict);
            assert_eq!(contents(storage, "/f").await, theirs, "offset {offset}, {other:?}");
        }
        stored(storage, "/f", b"old").await;
        let mut resume = ok(storage.create(&path("/f"), CreateMode::Resume(offset)).await);
        ok(resume.write(Bytes::from_static(b" more")).await);
        ok(storage.remove_file(&path("/f")).await);
        refused(resume.finish().await, ErrorKind::Conflict);
        missing(storage, "/f").await;
    }
}

/// Bytes come in by `write` and by a file in turns, as from a client that pauses now and then.
pub async fn every_intake_takes_the_next_bytes(fixture: Fixture) {
    let storage = &*fixture.storage;
    let content = pattern(SOME, 3);
    let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    let mut rest = Bytes::from(content.clone());
    for supply in [Supply::Bytes, Supply::File].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let intake = ok(upload.intake(supply).await);
        let room = if let Intake::Reserved(room) = intake { room } else { 200_000 };
        assert!(room > 0, "there is never room");
        let some = rest.split_to(rest.len().min(room));
        match intake {
            Intake::File(file) => {
                assert_eq!(supply, Supply::File, "a file for somebody who has to see the bytes");
                write_to(file, some).await;
            }
            Intake::Bytes | Intake::Reserved(_) => ok(upload.write(some).await),
        }
    }
    missing(storage, "/f").await;
    assert_eq!(ok(upload.finish().await).size, content.len() as u64);
    assert!(contents(storage, "/f").await == content);
}

async fn write_to(mut file: OfDisk<File>, bytes: Bytes) {
    let threads = file.threads().clone();
    let written = ok(threads.run(Operation::Write, move || file.write_all(&bytes)).await);
    assert!(written.is_ok(), "{written:?}");
}
