use proptest::prelude::*;
use serde::Deserialize;

use super::*;

fn read(yaml: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Read {
        texts: Vec<String>,
    }
    serde_saphyr::from_str::<Read>(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}")).texts
}

#[test]
fn texts_are_plain_where_nobody_can_mistake_them() {
    for text in ["anna", "/srv/ftp", "a.b-c_d", "sha256"] {
        assert_eq!(quoted(text), text);
    }
    for text in [
        "",
        "yes",
        "No",
        "NULL",
        "12",
        "1.2",
        "0640",
        "2027-01-01",
        "- a",
        "a: b",
        "a #b",
        "*",
        "&x",
        ".inf",
        "~",
    ] {
        assert!(quoted(text).starts_with('"'), "{text}");
    }
}

#[test]
fn a_comment_stays_one_line() {
    let line = comment("a\nusers: []\r\u{2028}\u{85}\0\u{202e}");
    assert_eq!(line, "a users: []\\u{d}\\u{2028}\\u{85}\\u{0}\\u{202e}");
    assert!(comment(&"x".repeat(10_000)).chars().count() < 1000);
}

proptest! {
    #[test]
    fn any_text_is_read_as_it_was(texts in proptest::collection::vec(any::<String>(), 0..4)) {
        let node = Node::Map(vec![("texts", Node::texts(texts.clone()))]);
        prop_assert_eq!(read(&node.to_string()), texts.clone());
        // The same with a comment of the text before it, on lines of its own.
        let mut lines = Lines::default();
        for text in &texts {
            lines.comment(2, text);
        }
        lines.line(0, format_args!("texts: {}", Node::texts(texts.clone())));
        prop_assert_eq!(read(&lines.into_text()), texts);
    }

    #[test]
    fn nothing_leaves_a_comment(texts in proptest::collection::vec(any::<String>(), 0..4)) {
        let mut inner = Lines::default();
        inner.line(2, format_args!("- name: {}", Node::texts(texts.clone())));
        let mut lines = Lines::default();
        lines.commented(2, &inner);
        for text in &texts {
            lines.comment(0, text);
        }
        lines.line(0, "texts: [end]");
        prop_assert_eq!(read(&lines.into_text()), ["end"]);
    }
}
