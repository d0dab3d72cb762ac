use super::*;
use crate::object::store::marks::is_marked;

const MAX_PARTS: u64 = Tuning::MAX_PARTS as u64;

fn payload(parts: &PutPayload) -> Vec<u8> {
    parts.iter().flat_map(|bytes| bytes.to_vec()).collect()
}

#[test]
fn parts_are_cut_at_the_byte() {
    let mut gathered = Gathered::default();
    let all: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    // Small and large chunks in turn.
    for (n, chunk) in all.chunks(20_000).enumerate() {
        match n % 2 {
            0 => gathered.push(Bytes::copy_from_slice(chunk)),
            _ => chunk.chunks(7).for_each(|few| gathered.push(Bytes::copy_from_slice(few))),
        }
    }
    assert_eq!(gathered.len(), 200_000);
    let mut together = Vec::new();
    for length in [1, 19_999, 30_001, 100_000] {
        let part = gathered.take(length);
        assert_eq!(part.content_length() as u64, length);
        together.extend(payload(&part));
    }
    assert_eq!(gathered.len(), 49_999);
    together.extend(payload(&gathered.take(u64::MAX)));
    assert!(together == all);
    assert_eq!(gathered.len(), 0);
    assert_eq!(gathered.take(u64::MAX).content_length(), 0);
}

#[test]
fn large_chunks_are_not_copied() {
    let mut gathered = Gathered::default();
    let chunk = Bytes::from(vec![1; 1 << 20]);
    gathered.push(chunk.clone());
    let part = gathered.take(1 << 19);
    assert_eq!(part.iter().next().map(|bytes| bytes.as_ptr()), Some(chunk.as_ptr()));
}

#[test]
fn ten_thousand_parts_hold_the_largest_object() {
    for mebibytes in [5, 8, 64, 525, 1024, 5 * 1024] {
        let plain = PartSizes::new(MAX_PARTS, mebibytes << 20, Tuning::MAX_PART_SIZE);
        for (mut sizes, marks) in [
            (plain, false),
            (PartSizes::new(MAX_PARTS, mebibytes << 20, Tuning::MAX_PART_SIZE).marked(), true),
        ] {
            let mut total = 0_u64;
            for _ in 0..10_000 {
                assert!(((5 << 20)..=5 << 30).contains(&sizes.next()));
                assert_eq!(is_marked(sizes.next()), marks);
                total += sizes.next();
                sizes.advance();
            }
            assert!(total >= 5 << 40, "parts of {mebibytes} MiB reach {total} bytes");
        }
    }
}

#[test]
fn equal_parts_stay_as_they_are() {
    let mut sizes = PartSizes::equal(MAX_PARTS, 8 << 20);
    sizes.shrink();
    sizes.skip(3, 3 * (8 << 20));
    for _ in 3..MAX_PARTS {
        assert_eq!(sizes.next(), 8 << 20);
        sizes.advance();
    }
    assert_eq!(sizes.left(), 0);
}

#[test]
fn parts_of_ordinary_files_are_equal() {
    let mut sizes = PartSizes::new(MAX_PARTS, 8 << 20, Tuning::MAX_PART_SIZE);
    for _ in 0..800 {
        sizes.advance();
        assert_eq!(sizes.next(), 8 << 20);
    }
    let mut large = PartSizes::new(MAX_PARTS, 600 << 20, Tuning::MAX_PART_SIZE);
    (0..9999).for_each(|_| large.advance());
    assert_eq!(large.next(), 600 << 20, "large enough from the start");
}

#[test]
fn fewer_parts_grow_sooner() {
    let mut sizes = PartSizes::new(1000, 8 << 20, Tuning::MAX_PART_SIZE).marked();
    let mut total = 0;
    while sizes.left() > 0 {
        total += sizes.next();
        sizes.advance();
    }
    assert!(total > 1 << 40, "{total}");
}

#[test]
fn an_upload_that_goes_on_keeps_the_sizes_of_its_parts() {
    let mut sizes = PartSizes::new(12, 8 << 20, 64 << 20);
    assert_eq!(sizes.first(), 8 << 20);
    sizes.shrink();
    let first = sizes.first();
    assert_eq!(first, Tuning::MIN_PART_SIZE);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(sizes.next());
        sizes.advance();
    }
    assert!(all[3] > all[0], "they don't grow: {all:?}");
    assert_eq!(sizes.first(), first);
    let mut again = PartSizes::new(12, 8 << 20, 64 << 20);
    again.restore(first);
    // None of them may be there yet.
    again.shrink();
    for size in all {
        assert_eq!(again.next(), size);
        again.advance();
    }
}
