use super::*;

#[test]
fn a_full_stop_in_code_ends_no_sentence() {
    assert_eq!(first_sentence("Any but `a. b`. More."), "Any but `a. b`.");
    assert_eq!(first_sentence("From 1.5 on"), "From 1.5 on");
    assert_eq!(first_sentence("One."), "One.");
}

#[test]
fn words_are_wrapped_below_the_first() {
    let mut text = String::new();
    wrapped(&mut text, "  a  ", &"word ".repeat(30));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.len() <= WIDTH), "{text}");
    assert!(lines[0].starts_with("  a  word word") && lines[1].starts_with("     word"), "{text}");
    let mut text = String::new();
    wrapped(&mut text, "  ", &"x".repeat(200));
    assert_eq!(text.lines().count(), 1, "a word is not broken");
}
