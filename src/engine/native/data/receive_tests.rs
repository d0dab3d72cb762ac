use super::*;

#[test]
fn only_fast_clients_have_a_large_room() {
    let mut room = FIRST_ROOM;
    for expected in [64 * 1024, CHUNK_SIZE, CHUNK_SIZE] {
        room = next_room(room, room, false);
        assert_eq!(room, expected);
    }
    assert_eq!(next_room(room, room, true), LARGE_ROOM);
    assert_eq!(next_room(LARGE_ROOM, LARGE_ROOM, true), LARGE_ROOM);
    // A client that has become slower loses it, even if it fills it.
    assert_eq!(next_room(LARGE_ROOM, LARGE_ROOM, false), CHUNK_SIZE);
    assert_eq!(next_room(room, room - 1, true), room);
}

#[test]
fn speed_is_that_of_the_whole_room() {
    assert!(is_fast(CHUNK_SIZE, FAST));
    assert!(!is_fast(CHUNK_SIZE, FAST * 2));
    assert!(is_fast(LARGE_ROOM, FAST * 4));
    assert!(!is_fast(LARGE_ROOM, FAST * 5));
    assert!(!is_fast(FIRST_ROOM, Duration::ZERO));
}

/// A client that sends a byte a second has no room of a fast one for each of them.
#[test]
fn few_bytes_take_little_room() {
    for (bytes, most) in
        [(1, 64), (1000, 1024), (CHUNK_SIZE / 4, CHUNK_SIZE / 4), (CHUNK_SIZE / 2, CHUNK_SIZE / 2), (0, 64)]
    {
        let mut buffer = BytesMut::with_capacity(CHUNK_SIZE);
        buffer.extend_from_slice(&vec![7; bytes]);
        let fitting = fitting(buffer);
        assert_eq!(fitting, vec![7; bytes]);
        let room = fitting.try_into_mut().map_or(0, |buffer| buffer.capacity());
        assert!(room <= most, "{bytes} bytes take {room}");
    }
}
