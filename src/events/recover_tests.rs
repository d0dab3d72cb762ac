use super::*;

const SECOND: u64 = 1_000_000;

fn draft(time: u64) -> Draft {
    let by = crate::events::By {
        session: 1,
        user: "anna",
        peer: std::net::IpAddr::from([127, 0, 0, 1]),
        engine: "native",
        node: "here",
    };
    Draft { time, ..Draft::new(STORED, &by) }
}

fn now(mark: Option<u128>, version: u64, modified: u64) -> Now {
    let seen = Seen { mark, version: Some(version), size: 7, modified: Some(modified), is_directory: false };
    Now { seen: Some(seen), outcome: Outcome { size: Some(7), ..Outcome::default() }, is_remote: false }
}

fn nothing() -> Now {
    Now { seen: None, outcome: Outcome::default(), is_remote: false }
}

#[test]
fn an_upload_is_found_by_its_mark() {
    let draft = draft(1000 * SECOND);
    let found = stored(&draft, Some(1), None, now(Some(1), 5, 999 * SECOND), false);
    assert_eq!(found, Answer::Happened(Outcome { size: Some(7), ..Outcome::default() }));
    assert_eq!(stored(&draft, Some(1), None, nothing(), false), Answer::DidNot);
    let older = now(Some(2), 5, 900 * SECOND);
    assert_eq!(stored(&draft, Some(1), None, older, false), Answer::DidNot, "it was there before");
}

#[test]
fn what_can_not_be_known_is_told_as_uncertain() {
    let draft = draft(1000 * SECOND);
    for (now, is_followed) in
        [(now(Some(2), 5, 1001 * SECOND), false), (now(Some(2), 5, 900 * SECOND), true), (nothing(), true)]
    {
        assert!(matches!(stored(&draft, Some(1), None, now, is_followed), Answer::Uncertain(_)));
    }
}

#[test]
fn without_marks_a_change_is_seen_by_what_was_there_before() {
    let draft = draft(1000 * SECOND);
    let before = now(None, 5, 900 * SECOND).seen;
    let same = stored(&draft, None, Some(before.as_ref()), now(None, 5, 900 * SECOND), false);
    assert_eq!(same, Answer::DidNot);
    let other = stored(&draft, None, Some(before.as_ref()), now(None, 6, 1000 * SECOND), false);
    assert!(matches!(other, Answer::Happened(_)));
    let new = stored(&draft, None, Some(None), now(None, 6, 1000 * SECOND), false);
    assert!(matches!(new, Answer::Happened(_)));
}

/// An append on a disk: the file is the same as before.
#[test]
fn an_append_is_seen_by_the_length() {
    let draft = draft(1000 * SECOND);
    let before = now(Some(9), 5, 900 * SECOND).seen;
    let longer = |size| {
        let seen = now(Some(9), 6, 1000 * SECOND).seen.map(|seen| Seen { size, ..seen });
        Now { seen, ..nothing() }
    };
    assert!(matches!(stored(&draft, None, Some(before.as_ref()), longer(8), false), Answer::Happened(_)));
    assert_eq!(stored(&draft, None, Some(before.as_ref()), longer(7), false), Answer::DidNot, "taken back");
    assert!(matches!(stored(&draft, None, Some(before.as_ref()), longer(8), true), Answer::Uncertain(_)));
}
