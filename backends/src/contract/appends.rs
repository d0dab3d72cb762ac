//! Law 2: appends to one file take turns.

use bytes::Bytes;
use futures_util::future::join_all;

use super::Fixture;
use super::support::{contents, names_in, ok, path, pattern, put, stored};
use crate::{CreateMode, Storage, Upload};

/// More than the test stores accept in one request.
const LARGE: usize = 9 * 1024 * 1024 + 1;

/// Before the append, the file is missing, or empty, or has bytes.
const BEFORE: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"old ")];

async fn prepare(storage: &dyn Storage, before: Option<&[u8]>) {
    let _ = storage.remove_file(&path("/f")).await;
    if let Some(before) = before {
        stored(storage, "/f", before).await;
    }
}

async fn appending(storage: &dyn Storage, bytes: Bytes) -> Box<dyn Upload> {
    let mut upload = ok(storage.create(&path("/f"), CreateMode::Append).await);
    ok(upload.write(bytes).await);
    upload
}

pub async fn appends_take_turns(fixture: Fixture) {
    let storage = &*fixture.storage;
    let tails = ["first ", "second ", "third "];
    for before in BEFORE {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            prepare(storage, before).await;
            let mut uploads = Vec::new();
            for tail in tails {
                uploads.push(Some(appending(storage, tail.into()).await));
            }
            let mut expected = before.unwrap_or_default().to_vec();
            for number in order {
                let Some(upload) = uploads[number].take() else { panic!("each ends once") };
                let finished = ok(upload.finish().await);
                expected.extend_from_slice(tails[number].as_bytes());
                assert_eq!(finished.size, expected.len() as u64, "what is told is what is there");
                assert_eq!(contents(storage, "/f").await, expected, "{before:?}, {order:?}");
            }
        }
    }
    assert_eq!(names_in(storage, "/").await, ["f"]);
}

pub async fn appends_of_many_take_turns(fixture: Fixture) {
    let storage = &*fixture.storage;
    for before in BEFORE {
        prepare(storage, before).await;
        let tails: Vec<String> = (0..10).map(|number| format!("<line {number}>")).collect();
        let begun = tails.iter().map(|tail| appending(storage, Bytes::copy_from_slice(tail.as_bytes())));
        let uploads = join_all(begun).await;
        for finished in join_all(uploads.into_iter().map(Upload::finish)).await {
            ok(finished);
        }
        let content = contents(storage, "/f").await;
        let mut rest = String::from_utf8_lossy(&content).into_owned();
        for tail in &tails {
            assert_eq!(rest.matches(tail.as_str()).count(), 1, "{tail} in {rest:?}");
            rest = rest.replace(tail.as_str(), "");
        }
        assert_eq!(rest.as_bytes(), before.unwrap_or_default(), "nothing is mixed");
    }
}

pub async fn large_appends_take_turns(fixture: Fixture) {
    let storage = &*fixture.storage;
    let (first, second) = (pattern(LARGE, 1), pattern(LARGE + 7, 2));
    let old = pattern(LARGE / 2, 3);
    for before in [None, Some(old.as_slice())] {
        prepare(storage, before).await;
        let one = appending(storage, first.clone().into()).await;
        let other = appending(storage, second.clone().into()).await;
        ok(other.finish().await);
        ok(one.finish().await);
        let expected = [before.unwrap_or_default(), &second, &first].concat();
        assert!(contents(storage, "/f").await == expected, "behind {} bytes", before.map_or(0, <[u8]>::len));
    }
}

pub async fn an_append_goes_on_from_what_is_there_in_the_end(fixture: Fixture) {
    let storage = &*fixture.storage;
    for before in BEFORE {
        prepare(storage, before).await;
        let upload = appending(storage, Bytes::from_static(b"tail")).await;
        stored(storage, "/f", b"a new day ").await;
        ok(upload.finish().await);
        assert_eq!(contents(storage, "/f").await, b"a new day tail", "{before:?}");

        // As in a log rotation: the old file has another name, and is not extended any more.
        prepare(storage, before).await;
        let upload = appending(storage, Bytes::from_static(b"tail")).await;
        if before.is_some() {
            ok(storage.rename(&path("/f"), &path("/f.1"), true).await);
        }
        ok(upload.finish().await);
        assert_eq!(contents(storage, "/f").await, b"tail", "{before:?}");
        if let Some(before) = before {
            assert_eq!(contents(storage, "/f.1").await, before);
            ok(storage.remove_file(&path("/f.1")).await);
        }
    }
}

/// The other way round: the whole upload is stored, followed by the bytes of the append that ends after it.
pub async fn an_append_is_no_reason_to_lose_an_upload(fixture: Fixture) {
    let storage = &*fixture.storage;
    stored(storage, "/f", b"old").await;
    let mut whole = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    ok(whole.write(Bytes::from_static(b"whole")).await);
    ok(put(storage, "/f", b" and more", CreateMode::Append).await);
    assert_eq!(contents(storage, "/f").await, b"old and more");
    ok(whole.finish().await);
    assert_eq!(contents(storage, "/f").await, b"whole");
    ok(put(storage, "/f", b" and more", CreateMode::Append).await);
    assert_eq!(contents(storage, "/f").await, b"whole and more");
}
