use std::io::Write;

use wharf_backends::threads::DiskThreads;

use super::*;

fn slice(content: &[u8], offset: u64, length: u64) -> FileSlice {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    slice_of(file, offset, length)
}

fn slice_of(file: File, offset: u64, length: u64) -> FileSlice {
    let threads = DiskThreads::new("a disk", Duration::from_secs(60));
    FileSlice { file: OfDisk::new(file, &threads), offset, length }
}

async fn all(mut from: FromFile) -> Result<Vec<u8>, TransferError> {
    let mut bytes = Vec::new();
    loop {
        let piece = from.next().await?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(piece);
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[tokio::test]
async fn every_part_of_a_file_is_read_to_its_end() {
    let content = pattern(3 * PIECE + 17);
    for (offset, length) in [
        (0, content.len()),
        (0, 0),
        (0, 1),
        (1, PIECE),
        (5, PIECE + 1),
        (PIECE, 2 * PIECE),
        (3 * PIECE, 17),
        (content.len(), 0),
    ] {
        let bytes = all(FromFile::new(slice(&content, offset as u64, length as u64))).await.unwrap();
        assert!(bytes == content[offset..offset + length], "{offset} {length}");
    }
}

#[tokio::test]
async fn a_file_that_becomes_shorter_has_no_end() {
    let content = pattern(PIECE);
    let slice = slice(&content, 0, content.len() as u64 + 1);
    let mut from = FromFile::new(slice);
    assert_eq!(from.next().await.unwrap().len(), PIECE);
    assert!(
        matches!(from.next().await, Err(TransferError::Storage(error)) if error.kind() == ErrorKind::Conflict)
    );
}

#[tokio::test]
async fn what_is_not_in_memory_is_read_all_the_same() {
    let content = pattern(2 * PIECE);
    let slice = slice(&content, 0, content.len() as u64);
    slice.file.sync_all().unwrap();
    rustix::fs::fadvise(&*slice.file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    assert!(all(FromFile::new(slice)).await.unwrap() == content);
}

#[tokio::test]
async fn the_next_piece_is_read_ahead() {
    let content = pattern(5 * PIECE_AHEAD + 17);
    let mut from = FromFile::new(slice(&content, 0, content.len() as u64));
    (from.way, from.quick) = (Way::AlwaysAhead, Duration::MAX);
    let mut bytes = Vec::new();
    while let piece = from.next().await.unwrap()
        && !piece.is_empty()
    {
        bytes.extend_from_slice(piece);
        assert_eq!(from.ahead.is_some(), bytes.len() < content.len());
    }
    assert!(bytes == content);
}

#[tokio::test]
async fn for_a_slow_client_nothing_is_read_ahead() {
    let content = pattern(5 * PIECE_AHEAD + 17);
    let mut from = FromFile::new(slice(&content, 0, content.len() as u64));
    (from.way, from.quick) = (Way::AlwaysAhead, Duration::MAX);
    let mut bytes = from.next().await.unwrap().to_vec();
    assert!(from.ahead.is_some());
    // From now on each piece takes too long; the one that was read ahead is the last.
    from.quick = Duration::ZERO;
    bytes.extend_from_slice(from.next().await.unwrap());
    assert!(from.ahead.is_none() && from.place.is_none());
    let piece = from.next().await.unwrap();
    assert_eq!(piece.len(), PIECE);
    bytes.extend_from_slice(piece);
    assert!(from.buffer.capacity() < PIECE_AHEAD);
    bytes.extend_from_slice(&all(from).await.unwrap());
    assert!(bytes == content);
}

#[tokio::test]
async fn a_file_system_that_can_not_tell_is_asked_only_once() {
    let content = pattern(5 * PIECE_AHEAD + 17);
    // tmpfs; up to Linux 6.18 at least, it does not know what is in memory.
    let mut file = tempfile::tempfile_in("/dev/shm").unwrap();
    file.write_all(&content).unwrap();
    let is_told = read_cached(&file, 0, &mut [0; 16]) != Cached::Unsupported;
    let mut from = FromFile::new(slice_of(file, 0, content.len() as u64));
    let mut bytes = from.next().await.unwrap().to_vec();
    bytes.extend_from_slice(from.next().await.unwrap());
    assert_eq!(from.way, if is_told { Way::Cached } else { Way::AlwaysAhead });
    bytes.extend_from_slice(&all(from).await.unwrap());
    assert!(bytes == content);
}

#[tokio::test]
async fn after_some_pieces_read_ahead_the_memory_is_tried_again() {
    let content = pattern((AHEAD as usize + 2) * PIECE_AHEAD);
    let mut from = FromFile::new(slice(&content, 0, content.len() as u64));
    (from.way, from.quick) = (Way::Ahead(AHEAD), Duration::MAX);
    let mut bytes = Vec::new();
    for _ in 0..=AHEAD {
        bytes.extend_from_slice(from.next().await.unwrap());
    }
    assert_eq!((from.way, from.ahead.is_some()), (Way::Cached, false));
    bytes.extend_from_slice(&all(from).await.unwrap());
    assert!(bytes == content);
}

#[tokio::test]
async fn a_file_that_becomes_shorter_ends_reading_ahead() {
    let content = pattern(PIECE_AHEAD);
    let mut from = FromFile::new(slice(&content, 0, content.len() as u64 + 1));
    (from.way, from.quick) = (Way::AlwaysAhead, Duration::MAX);
    assert_eq!(from.next().await.unwrap().len(), PIECE_AHEAD);
    assert!(from.next().await.is_err());
}

#[test]
fn what_can_not_be_read_at_once_is_left_to_a_thread() {
    // A pipe has no offsets.
    let (reader, _writer) = io::pipe().unwrap();
    let file = File::from(std::os::fd::OwnedFd::from(reader));
    assert_eq!(read_cached(&file, 0, &mut [0; 16]), Cached::Elsewhere);
}
