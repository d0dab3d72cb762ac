use super::Ring;

fn put(ring: &mut Ring, bytes: &[u8]) -> usize {
    let room = ring.room(bytes.len());
    let count = room.len();
    room.copy_from_slice(&bytes[..count]);
    ring.keep(count);
    count
}

fn take(ring: &mut Ring, most: usize) -> Vec<u8> {
    let bytes = ring.first(most).to_vec();
    ring.drop_first(bytes.len());
    bytes
}

#[test]
fn a_ring_gives_back_what_was_put_into_it_in_its_order() {
    let mut ring = Ring::new(5);
    assert_eq!(put(&mut ring, b"abcd"), 4);
    assert_eq!(take(&mut ring, 3), b"abc");
    assert_eq!(put(&mut ring, b"efgh"), 1, "up to the end");
    assert_eq!(put(&mut ring, b"fgh"), 3, "and from the beginning again");
    assert_eq!((ring.free(), put(&mut ring, b"i")), (0, 0));
    assert_eq!(take(&mut ring, 9), b"de", "up to the end");
    assert_eq!(take(&mut ring, 2), b"fg");
    assert_eq!(take(&mut ring, 9), b"h");
    assert_eq!(take(&mut ring, 9), b"");
    assert_eq!(ring.free(), 5);
}
