use super::*;

fn page(prefixes: &[&str], next: Option<&str>) -> Page {
    let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
    Page { objects: Vec::new(), prefixes, next: next.map(str::to_owned) }
}

#[test]
fn a_prefix_that_comes_again_on_the_next_page_is_told_once() {
    let first = Next::after(None, page(&["a/", "b/"], Some("1"))).unwrap();
    assert_eq!(first.prefixes, ["a/", "b/"]);
    let second = Next::after(first.next, page(&["b/", "c/"], Some("2"))).unwrap();
    assert_eq!(second.prefixes, ["c/"]);
    let last = Next::after(second.next, page(&["b/", "c/", "d/"], None)).unwrap();
    assert_eq!(last.prefixes, ["d/"]);
}

#[test]
fn times_need_no_zone() {
    let expected = time_of("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
    for text in ["Wed, 21 Oct 2015 07:28:00", "Wed, 21 Oct 2015 07:28:00 +0000"] {
        assert_eq!(time_of(text), Some(expected), "{text}");
    }
    for text in [
        "2015-10-21T07:28:00Z",
        "2015-10-21T07:28:00",
        "2015-10-21T07:28:00.000",
        "2015-10-21T09:28:00+02:00",
    ] {
        assert_eq!(iso_time(text), Some(expected), "{text}");
    }
    assert_eq!(iso_time("yesterday"), None);
}
