use super::*;

#[test]
fn braces_stand_for_what_is_between_them() {
    for (text, expected) in [
        ("*.{jpg,png}", &["*.jpg", "*.png"][..]),
        ("{a,b}{1,2}", &["a1", "a2", "b1", "b2"]),
        ("a{b,c{d,e}}f", &["abf", "acdf", "acef"]),
        ("{,x}a", &["a", "xa"]),
        ("{a}", &["{a}"]),
        ("a,b}", &["a,b}"]),
        ("{a,b", &["{a,b"]),
        ("plain", &["plain"]),
        ("\u{fc}{\u{e4},\u{f6}}", &["\u{fc}\u{e4}", "\u{fc}\u{f6}"]),
    ] {
        let mut found = alternatives(text).unwrap();
        found.sort();
        let mut expected: Vec<_> = expected.iter().map(|text| (*text).to_owned()).collect();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(alternatives(&"{a,b}".repeat(7)), None);
    assert!(patterns("[").is_empty() && patterns("{[,a}").is_empty());
}
