use super::*;

const ONE: &str = "\"9a0364b9e99bb480dd25e1f0284c8555\"";
const TWO: &str = "\"0cc175b9c0f1b6a831c399e269772661\"";

fn object(size: u64, e_tag: Option<&str>, md5: Option<&str>) -> Object {
    Object {
        key: "k".to_owned(),
        size,
        e_tag: e_tag.map(str::to_owned),
        version: None,
        md5: md5.map(str::to_owned),
        stored: None,
        set: None,
        mark: None,
        is_folder: false,
    }
}

#[test]
fn digests_tell_whether_the_content_is_the_same() {
    let hashes = Hashes::default();
    let is_same = |one: &Object, two: &Object| hashes.content(one).is_same(&hashes.content(two));
    assert_eq!(is_same(&object(7, Some(ONE), None), &object(7, Some(ONE), None)), Some(true));
    assert_eq!(is_same(&object(7, Some(ONE), None), &object(7, Some(TWO), None)), Some(false));
    assert_eq!(is_same(&object(7, Some(ONE), None), &object(8, Some(ONE), None)), Some(false));
    // Of uploads in parts, and of versions.
    let parts = format!("{}-2\"", ONE.trim_end_matches('"'));
    assert_eq!(is_same(&object(7, Some(&parts), None), &object(7, Some(&parts), None)), None);
    assert_eq!(is_same(&object(7, Some(ONE), None), &object(7, Some(&parts), None)), None);
    assert_eq!(
        is_same(&object(7, Some("\"0x1\""), Some("a")), &object(7, Some("\"0x2\""), Some("a"))),
        Some(true)
    );
    assert_eq!(
        is_same(&object(7, Some("\"0x1\""), Some("a")), &object(7, Some("\"0x1\""), Some("b"))),
        Some(false)
    );
    assert_eq!(is_same(&object(7, None, Some("a")), &object(7, None, None)), None);
    assert_eq!(is_same(&object(7, None, None), &object(8, None, None)), Some(false));
}

#[test]
fn what_was_replaced_has_another_print_in_the_same_place() {
    let hashes = Hashes::default();
    let item =
        |e_tag| Item { object: object(7, Some(e_tag), None), relative: "k".to_owned(), is_marker: false };
    let (old, new) = (item(ONE), item(TWO));
    assert_eq!(hashes.place(&old), hashes.place(&new));
    assert_ne!(hashes.print(&old), hashes.print(&new));
    assert_eq!(hashes.print(&old), hashes.print(&item(ONE)));
}

#[test]
fn only_what_a_rename_may_have_left_is_taken_for_it() {
    let to = StoragePath::parse("/to").unwrap();
    let compared = |says_something, only_source, only_target, different| Compared {
        same: HashSet::from([1]),
        says_something,
        only_source,
        only_target,
        different,
    };
    let is_left = |compared: Compared| compared.left_by_a_rename(&to).is_ok();
    assert!(is_left(compared(true, 5, 0, 0)), "while it copied");
    assert!(is_left(compared(true, 0, 5, 0)), "while it removed");
    assert!(!is_left(compared(true, 1, 1, 0)));
    assert!(!is_left(compared(true, 0, 0, 1)));
    assert!(!is_left(compared(false, 0, 0, 0)));
}
