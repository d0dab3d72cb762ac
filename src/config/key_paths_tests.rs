use super::super::tree;
use super::*;

const TEXT: &str = "\
server: { listen: [\"127.0.0.1:0\", nowhere] }
backends:
  \"a b\": { kind: local }
  c: &shared
    kind: memory
users:
  - name: one
    mounts:
      - { at: /x }
  - { name: two }
";

fn at(marked: &str) -> Option<String> {
    let start = TEXT.find(marked).unwrap();
    of(&tree::parse(TEXT).unwrap(), Span { start, end: start + marked.len() }, &[])
}

#[test]
fn lead_to_keys_values_and_parts_of_them() {
    for (marked, path) in [
        ("server", "server"),
        ("{ listen".get(..1).unwrap(), "server"),
        ("nowhere", "server.listen[1]"),
        ("where", "server.listen[1]"),
        ("\"a b\"", "backends[\"a b\"]"),
        ("memory", "backends.c.kind"),
        ("one", "users[0].name"),
        ("/x", "users[0].mounts[0].at"),
        ("two", "users[1].name"),
    ] {
        assert_eq!(at(marked).as_deref(), Some(path), "{marked}");
    }
}

#[test]
fn the_file_as_a_whole_has_none() {
    let tree = tree::parse(TEXT).unwrap();
    // The first character of the file is that of its first key, too.
    assert_eq!(of(&tree, tree.span, &[]), None);
    assert_eq!(of(&tree, Span { start: TEXT.len(), end: TEXT.len() }, &[]), None);
}

#[test]
fn a_long_key_is_cut_and_has_no_control_characters() {
    let text = format!("\"{}\\e[2J\": 1", "x".repeat(900));
    let tree = tree::parse(&text).unwrap();
    let path = of(&tree, Span { start: 3, end: 4 }, &[]).unwrap();
    assert!(path.len() < 100 && !path.contains(char::is_control), "{path}");
    let tree = tree::parse("\"\\e[2J\": 1").unwrap();
    assert!(!of(&tree, Span { start: 1, end: 2 }, &[]).unwrap().contains(char::is_control));
}

#[test]
fn a_key_that_is_a_secret_is_masked() {
    let tree = tree::parse("password: { hunter2: x }").unwrap();
    let key = Span { start: 12, end: 19 };
    assert_eq!(of(&tree, key, &[key]).unwrap(), "password[***]");
}
