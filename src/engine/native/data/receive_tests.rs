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
