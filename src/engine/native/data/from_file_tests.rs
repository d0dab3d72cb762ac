use std::io::Write;

use wharf_backends::threads::DiskThreads;

use super::*;

fn slice(content: &[u8], offset: u64, length: u64) -> FileSlice {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    let threads = DiskThreads::new("a disk", std::time::Duration::from_secs(60));
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

#[test]
fn what_can_not_be_read_at_once_is_left_to_a_thread() {
    // A pipe has no offsets.
    let (reader, _writer) = io::pipe().unwrap();
    let file = File::from(std::os::fd::OwnedFd::from(reader));
    assert_eq!(read_cached(&file, 0, &mut [0; 16]), None);
}
