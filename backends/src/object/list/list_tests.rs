use std::time::Duration;

use super::*;
use crate::object::s3::{self, S3Settings};

fn listing(prefix: &str) -> Listing {
    let mut settings = S3Settings::new("bucket");
    settings.access_key_id = Some("id".to_owned());
    settings.secret_access_key = Some("secret".to_owned());
    Listing {
        bucket: Arc::new(Bucket::new(s3::open(settings).unwrap()).unwrap()),
        path: StoragePath::parse(prefix).unwrap(),
        prefix: prefix.to_owned(),
        ready: VecDeque::new(),
        waiting: BTreeMap::new(),
        hidden: 0,
        asked: Instant::now(),
        next: Next::End,
    }
}

fn page(objects: &[(&str, u64)], prefixes: &[&str]) -> Page {
    let objects = objects.iter().map(|(key, size)| Object {
        key: (*key).to_owned(),
        size: *size,
        e_tag: None,
        version: None,
        md5: None,
        stored: Some(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        set: None,
        mark: None,
        is_folder: false,
    });
    Page {
        objects: objects.collect(),
        prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
        next: None,
    }
}

/// The names of the entries so far, directories with a slash.
fn names(listing: &mut Listing) -> Vec<String> {
    let mut names: Vec<String> = listing
        .ready
        .drain(..)
        .map(|entry| if entry.metadata.is_directory() { entry.name + "/" } else { entry.name })
        .collect();
    names.sort();
    names
}

#[test]
fn the_own_marker_is_not_an_entry() {
    let mut listing = listing("d/");
    listing.take(page(&[("d/", 0), ("d/f", 5)], &["d/e/"]), true);
    assert_eq!(names(&mut listing), ["e/", "f"]);
    assert_eq!(listing.hidden, 0);
}

#[test]
fn a_file_and_a_prefix_of_one_name_meet_across_pages() {
    let mut listing = listing("");
    listing.take(page(&[("empty", 0), ("empty-1", 1), ("empty-2", 1)], &[]), false);
    assert_eq!(
        names(&mut listing),
        ["empty-1"],
        "the last key, and what it starts with, may still be prefixes"
    );
    listing.take(page(&[("empty-3", 1)], &[]), false);
    assert_eq!(names(&mut listing), ["empty-2"]);
    listing.take(page(&[("full", 9), ("full-1", 1)], &["empty/"]), false);
    assert_eq!(names(&mut listing), ["empty-3", "empty/"]);
    listing.take(page(&[("last", 0)], &["full/"]), true);
    assert_eq!(names(&mut listing), ["full", "full-1", "last"]);
    assert_eq!(listing.hidden, 0, "what is below the file can be reached");
}

#[test]
fn what_waits_is_shown_when_its_prefix_can_not_come_any_more() {
    let mut listing = listing("");
    listing.take(page(&[("a", 0), ("a-1", 1)], &[]), false);
    assert_eq!(names(&mut listing), [""; 0]);
    listing.take(page(&[("b", 1), ("c", 1), ("c.txt", 1)], &[]), false);
    assert_eq!(names(&mut listing), ["a", "a-1", "b"]);
    let mut waiting: Vec<_> = listing.waiting.keys().collect();
    waiting.sort();
    assert_eq!(waiting, ["c", "c.txt"]);
}

#[test]
fn a_marker_beside_its_directory_is_the_directory() {
    let mut listing = listing("");
    let mut first = page(&[("a", 1), ("marked", 0), ("marked-1", 1), ("marked-2", 1)], &[]);
    first.objects[1].is_folder = true;
    listing.take(first, false);
    assert_eq!(names(&mut listing), ["a", "marked-1"], "the prefix may still come, and is listed once");
    let mut last = page(&[("only", 0)], &["marked/"]);
    last.objects[0].is_folder = true;
    listing.take(last, true);
    assert_eq!(names(&mut listing), ["marked-2", "marked/", "only/"]);
    assert!(listing.bucket.known.is_directory(&StoragePath::parse("/only").unwrap()));
}

#[test]
fn names_that_no_path_has_are_counted() {
    let mut listing = listing("");
    listing.take(page(&[("good", 1), ("back\\slash", 1)], &["/"]), true);
    assert_eq!(names(&mut listing), ["good"]);
    assert_eq!(listing.hidden, 2);
}
