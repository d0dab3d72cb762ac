use super::*;

#[test]
fn flags_are_taken_off() {
    for (said, path) in [
        ("", ""),
        ("-a", ""),
        ("-la", ""),
        ("-R .", "."),
        ("-CF dir", "dir"),
        ("-a -l two words", "two words"),
        ("dir -a", "dir -a"),
        ("-", ""),
        ("-a*", "-a*"),
        ("  dir", "dir"),
    ] {
        assert_eq!(without_flags(said), path, "{said}");
    }
}
