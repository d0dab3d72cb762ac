use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

#[test]
fn what_was_stored_makes_directories() {
    let known = Known::new();
    known.stored(&path("/a/b/f"), 5, Some("\"tag\""));
    assert!(known.is_directory(&path("/a")) && known.is_directory(&path("/a/b")));
    assert!(known.is_file(&path("/a/b/f")) && !known.is_file(&path("/a/b")));
    let found = known.fresh_file(&path("/a/b/f"), "a/b/f").unwrap();
    assert_eq!((found.size, found.e_tag.as_deref()), (5, Some("\"tag\"")));
    known.gone(&path("/a/b/f"));
    assert!(known.fresh_file(&path("/a/b/f"), "a/b/f").is_none());
}

#[test]
fn it_stays_small() {
    let known = Known::new();
    for number in 0..2 * MOST {
        known.file(&path(&format!("/{number}")), 0, None);
    }
    let facts = known.facts();
    assert_eq!((facts.facts.len(), facts.order.len()), (MOST, MOST));
    drop(facts);
    assert!(known.is_file(&path(&format!("/{}", 2 * MOST - 1))) && !known.is_file(&path("/0")));
}

#[test]
fn a_listing_that_was_asked_for_earlier_says_less_than_what_this_server_did() {
    let known = Known::new();
    let asked = Instant::now();
    let [new, stored, removed, made] = ["/d/new", "/d/stored", "/d/removed", "/d/made"].map(path);
    known.stored(&stored, 7, Some("\"newer\""));
    known.file(&removed, 5, None);
    known.removed(&removed);
    known.missing(&removed);
    known.directory(&made);
    for path in [&new, &stored, &removed, &made] {
        known.listed(path, 5, Some("\"older\""), asked);
    }
    let tag = |path| known.fresh_file(path, "").map(|file| file.e_tag.unwrap());
    assert_eq!((tag(&new).as_deref(), tag(&stored).as_deref()), (Some("\"older\""), Some("\"newer\"")));
    assert!(tag(&removed).is_none() && !known.is_file(&removed) && known.is_directory(&made));
    // Somebody else has stored one there since.
    let again = Instant::now() + Duration::from_nanos(1);
    known.listed(&removed, 5, Some("\"older\""), again);
    assert!(known.is_file(&removed));
}
