use super::*;

#[test]
fn a_mistyped_word_is_recognised() {
    let known = ["listen", "idle_timeout", "active", "secret_access_key"];
    for (typed, meant) in [
        ("lisen", Some("listen")),
        ("Listen", Some("listen")),
        ("idle-timeout", Some("idle_timeout")),
        ("idletimeout", Some("idle_timeout")),
        ("secret_acess_kye", Some("secret_access_key")),
        ("frobnicate", None),
        ("", None),
    ] {
        assert_eq!(nearest(typed, known), meant, "{typed}");
    }
    assert_eq!(nearest(&"a".repeat(100_000), known), None);
}

#[test]
fn lists_and_quotes_stay_short() {
    let words: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert!(list(words.iter().map(String::as_str)).ends_with("18, 19, …"));
    assert_eq!(quote("a\u{1b}[31m\u{202e}"), r#""a\u{1b}[31m\u{202e}""#);
    assert_eq!(quote(&"a".repeat(1000)).chars().count(), 67);
    assert_eq!(hint("x", [].into_iter(), "known are"), "");
}
