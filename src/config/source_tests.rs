use super::*;

fn shown(text: &str, span: (usize, usize), hidden: &[(usize, usize)]) -> Place {
    let source = Source::new("file", text);
    for (start, end) in hidden {
        source.hide(Span { start: *start, end: *end });
    }
    source.problem(Span { start: span.0, end: span.1 }, "wrong");
    source.finish().problems.remove(0).place.unwrap()
}

fn marked(place: &Place) -> String {
    place.text.chars().skip(place.marker).take(place.width).collect()
}

#[test]
fn lines_end_in_every_way() {
    for text in ["a\nb\nxyz\nc", "a\r\nb\r\nxyz\r\nc", "a\rb\rxyz\rc", "a\n\nxyz"] {
        let at = text.find('y').unwrap();
        let place = shown(text, (at, at + 1), &[]);
        assert_eq!((place.line, place.column, place.text.as_str()), (3, 2, "xyz"), "{text:?}");
        assert_eq!(marked(&place), "y");
    }
}

#[test]
fn a_place_outside_of_the_text_or_inside_of_a_character_does_no_harm() {
    assert_eq!(shown("", (5, 9), &[]).text, "");
    assert_eq!(shown("a\nb", (100, 200), &[]).line, 2);
    let place = shown("äb", (1, 1), &[]);
    assert_eq!((place.column, marked(&place).as_str()), (1, "ä"));
    let place = shown("ab", (1, 0), &[]);
    assert_eq!((place.column, place.width), (2, 1));
}

#[test]
fn a_marker_ends_with_its_line() {
    let place = shown("a: one\n  two\n", (3, 12), &[]);
    assert_eq!(marked(&place), "one");
}

#[test]
fn what_is_hidden_has_always_the_same_length() {
    for secret in ["x", "hunter2", "a much longer secret than others have"] {
        let text = format!("p: {secret} # c");
        let end = 3 + secret.len();
        let place = shown(&text, (3, end), &[(3, end)]);
        assert_eq!(place.text, "p: *** # c");
        assert_eq!(marked(&place), "***");
        let behind = shown(&text, (end + 3, end + 4), &[(3, end)]);
        assert_eq!((marked(&behind).as_str(), behind.column), ("c", end + 4));
    }
    let inside = shown("p: hunter2", (6, 7), &[(3, 10)]);
    assert_eq!((marked(&inside).as_str(), inside.text.as_str()), ("***", "p: ***"));
    let lines = shown("p: |\n  hunter\n  two\n", (10, 11), &[(5, 20)]);
    assert_eq!(lines.text, "***");
}

#[test]
fn a_terminal_is_not_led_astray() {
    assert_eq!(shown("\ta\u{1b}[2J\u{202e}b", (0, 1), &[]).text, " a\u{fffd}[2J\u{fffd}b");
}

#[test]
fn long_lines_are_cut_around_the_marker() {
    let text = format!("{}here{}", "a".repeat(5000), "b".repeat(5000));
    let place = shown(&text, (5000, 5004), &[]);
    assert_eq!(marked(&place), "here");
    assert!(place.text.starts_with('…') && place.text.ends_with('…'));
    assert!(place.text.chars().count() <= SHOWN + 2);
    let place = shown(&text, (0, 5000), &[]);
    assert!(place.text.starts_with('a') && place.width <= SHOWN);
    let place = shown(&text, (9_999, 10_004), &[]);
    assert!(place.marker + place.width <= place.text.chars().count());
}

#[test]
fn keys_that_sound_secret() {
    for key in [
        "password",
        "Password",
        "passwd",
        "pasword",
        "secret-access-key",
        "acces_key_id",
        "apiToken",
        "aws_key",
    ] {
        assert!(sounds_secret(key), "{key}");
    }
    for key in ["key", "passive", "path", "permissions", "name", "backend", "kind"] {
        assert!(!sounds_secret(key), "{key}");
    }
}
