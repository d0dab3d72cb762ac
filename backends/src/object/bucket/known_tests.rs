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
