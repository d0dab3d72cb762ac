//! Laws 2, 3 and 7: stored files can be read at once, in bounded memory.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;

use super::Fixture;
use super::support::{contents, directory, missing, names_in, ok, path, pattern, put, read, refused, stored};
use crate::{ByteRange, CreateMode, DigestAlgorithm, EntryKind, ErrorKind};

pub async fn finish_tells_what_was_stored(fixture: Fixture) {
    let storage = &*fixture.storage;
    for size in [0, 1, 100_000] {
        let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
        ok(upload.write(pattern(size, 1).into()).await);
        let finished = ok(upload.finish().await);
        assert_eq!((finished.kind, finished.size), (EntryKind::File, size as u64));
        let seen = ok(storage.stat(&path("/f")).await);
        assert_eq!((seen.kind, seen.size), (EntryKind::File, size as u64));
        let age = seen.modified.map(|time| time.elapsed().unwrap_or_default());
        assert!(age.is_some_and(|age| age < Duration::from_secs(600)), "{seen:?}");
    }
}

/// Whoever has the mark of an upload can ask any server later whether it was finished.
pub async fn an_upload_is_recognised_by_its_mark(fixture: Fixture) {
    let storage = &*fixture.storage;
    let asked = fixture.second.as_deref().unwrap_or(storage);
    let mut marks = Vec::new();
    // The last one takes several parts.
    for size in [0, 1000, 1000, 13 * 1024 * 1024] {
        let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
        // Not every backend can.
        let Some(mark) = upload.mark() else { return };
        assert_eq!(upload.mark(), Some(mark), "it stays");
        assert!(!marks.contains(&mark), "{mark:x} was another upload's");
        for chunk in pattern(size, 1).chunks(1 << 20) {
            ok(upload.write(Bytes::copy_from_slice(chunk)).await);
        }
        if let Some(before) = marks.last() {
            assert_eq!(ok(asked.stat(&path("/f")).await).mark, Some(*before), "it is not finished");
        }
        ok(upload.prepare(None).await);
        assert_eq!(ok(upload.finish().await).mark, Some(mark));
        assert_eq!(ok(asked.stat(&path("/f")).await).mark, Some(mark));
        marks.push(mark);
    }
    ok(storage.rename(&path("/f"), &path("/g"), true).await);
    assert_eq!(ok(asked.stat(&path("/g")).await).mark, marks.last().copied(), "after a rename");
    // What goes on with a file keeps what its store knows of it, but not its mark.
    let mut upload = ok(storage.create(&path("/g"), CreateMode::Resume(6 << 20)).await);
    let mark = upload.mark();
    assert!(mark.is_some() && mark != marks.last().copied());
    ok(upload.write(Bytes::from_static(b"the end")).await);
    ok(upload.finish().await);
    assert_eq!(ok(asked.stat(&path("/g")).await).mark, mark, "after a resume");
}

pub async fn a_small_file_is_put_at_once(fixture: Fixture) {
    let storage = &*fixture.storage;
    for round in 0..3_u64 {
        let content = pattern(round as usize * 1000, round);
        ok(storage.put(&path("/f"), content.clone().into()).await);
        assert!(contents(storage, "/f").await == content);
        assert_eq!(names_in(storage, "/").await, ["f"]);
    }
}

pub async fn writes_are_read_at_once(fixture: Fixture) {
    let storage = &*fixture.storage;
    for round in 0..5_u64 {
        let content = pattern(1000 + round as usize, round);
        stored(storage, "/f", &content).await;
        assert_eq!(ok(storage.stat(&path("/f")).await).size, content.len() as u64);
        assert_eq!(names_in(storage, "/").await, ["f"]);
        assert!(contents(storage, "/f").await == content);
        let body = ok(storage.open(&path("/f"), ByteRange::ALL).await);
        assert_eq!(body.metadata.size, content.len() as u64);
    }
    ok(storage.remove_file(&path("/f")).await);
    missing(storage, "/f").await;
    stored(storage, "/f", b"again").await;
    assert_eq!(contents(storage, "/f").await, b"again");
}

pub async fn files_come_back_byte_for_byte(fixture: Fixture) {
    let storage = &*fixture.storage;
    let content = pattern(13 * 1024 * 1024 + 77, 1);
    for chunk_size in [1 << 20, 65_537, 13 * 1024 * 1024] {
        let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
        for chunk in content.chunks(chunk_size) {
            ok(upload.write(Bytes::copy_from_slice(chunk)).await);
        }
        ok(upload.finish().await);
        assert!(contents(storage, "/f").await == content, "in chunks of {chunk_size}");
    }
    let many: Vec<_> = (0..32_u64).map(|n| (format!("/m{n}"), pattern(10_000, n))).collect();
    let stored_at_once = many.iter().map(|(name, bytes)| put(storage, name, bytes, CreateMode::New));
    for result in futures_util::future::join_all(stored_at_once).await {
        ok(result);
    }
    for (name, bytes) in &many {
        assert!(contents(storage, name).await == *bytes, "{name}");
    }
}

pub async fn ranges_are_cut_from_the_file(fixture: Fixture) {
    let storage = &*fixture.storage;
    let content = pattern(1_000_000, 1);
    stored(storage, "/f", &content).await;
    for (offset, length) in [
        (0, Some(1)),
        (0, Some(0)),
        (1, Some(262_144)),
        (262_143, Some(2)),
        (999_999, Some(1)),
        (999_999, Some(500)),
        (1_000_000, None),
        (1_000_000, Some(5)),
        (0, None),
        (700_000, None),
        (3, Some(u64::MAX)),
    ] {
        let range = ByteRange { offset, length };
        let to = length.map_or(1_000_000, |length| length.saturating_add(offset).min(1_000_000));
        let part = ok(read(storage, "/f", range).await);
        assert!(part == content[offset as usize..to as usize], "{range:?} gave {} bytes", part.len());
        assert_eq!(ok(storage.open(&path("/f"), range).await).metadata.size, 1_000_000, "{range:?}");
    }
    refused(read(storage, "/f", ByteRange::from_offset(1_000_001)).await, ErrorKind::InvalidRange);
    stored(storage, "/empty", b"").await;
    assert_eq!(ok(read(storage, "/empty", ByteRange::ALL).await), b"");
    refused(read(storage, "/empty", ByteRange::from_offset(1)).await, ErrorKind::InvalidRange);
}

pub async fn modification_times_can_be_set(fixture: Fixture) {
    let storage = &*fixture.storage;
    stored(storage, "/f", b"content").await;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let result = storage.set_modified(&path("/f"), time).await;
    if storage.capabilities().set_modified {
        ok(result);
        assert_eq!(ok(storage.stat(&path("/f")).await).modified, Some(time));
        assert_eq!(contents(storage, "/f").await, b"content");
        refused(storage.set_modified(&path("/none"), time).await, ErrorKind::NotFound);
    } else {
        refused(result, ErrorKind::Unsupported);
    }
}

pub async fn digests_are_those_of_the_content(fixture: Fixture) {
    let storage = &*fixture.storage;
    stored(storage, "/f", b"The quick brown fox jumps over the lazy dog").await;
    for (algorithm, expected) in [
        (DigestAlgorithm::Crc32, "414fa339"),
        (DigestAlgorithm::Md5, "9e107d9d372bb6826bd81d3542a419d6"),
        (DigestAlgorithm::Sha1, "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
        (DigestAlgorithm::Sha256, "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592"),
    ] {
        let digest = ok(storage.digest(&path("/f"), algorithm, ByteRange::ALL).await);
        let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, expected, "{algorithm:?}");
    }
    let part = ByteRange { offset: 4, length: Some(5) };
    let digest = ok(storage.digest(&path("/f"), DigestAlgorithm::Crc32, part).await);
    assert_eq!(digest, crc32fast::hash(b"quick").to_be_bytes());
    directory(storage, "/d").await;
    let of_directory = storage.digest(&path("/d"), DigestAlgorithm::Md5, ByteRange::ALL).await;
    refused(of_directory, ErrorKind::IsADirectory);
}

/// How much the memory of the process may grow, in KiB, whatever the size of the file.
const ALLOWED_GROWTH_KIB: u64 = 96 * 1024;

pub async fn a_large_file_takes_little_memory(fixture: Fixture) {
    if fixture.in_memory {
        return;
    }
    let storage = &*fixture.storage;
    let chunk = Bytes::from(pattern(1 << 20, 1));
    let size: u64 = 256 << 20;
    let before = peak_memory_kib();
    let mut upload = ok(storage.create(&path("/f"), CreateMode::Replace).await);
    for _ in 0..size >> 20 {
        ok(upload.write(chunk.clone()).await);
    }
    ok(upload.finish().await);
    let mut stream = ok(storage.open(&path("/f"), ByteRange::ALL).await).into_stream();
    let mut read = 0;
    while let Some(part) = stream.next().await {
        read += ok(part).len() as u64;
    }
    assert_eq!(read, size);
    let grown = peak_memory_kib() - before;
    assert!(grown < ALLOWED_GROWTH_KIB, "the process grew by {grown} KiB for a file of {size} bytes");
}

/// The highest memory of this process so far (`VmHWM` of proc(5)).
fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
