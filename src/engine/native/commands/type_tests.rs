use proptest::prelude::*;

use super::super::Failure;
use super::*;

fn code(argument: &str) -> Option<u16> {
    match parse(argument) {
        Ok(_) => None,
        Err(Failure::Refused(reply)) => Some(reply.code),
        Err(Failure::Storage(error)) => panic!("{error}"),
    }
}

#[test]
fn what_follows_counts_only_where_it_changes_the_file() {
    for argument in
        ["I", "i", "I I", "I N", "IN", "I  N", " I ", "I 8", "IMAGE", "L8", "L 8", "l  8 ", "L 08", "L 8 N"]
    {
        assert!(matches!(parse(argument), Ok(Type::Image)), "{argument:?}");
    }
    for argument in ["A", "a", "A N", "AN", "A T", "AT", "A I", "A 8", "A  N ", "ASCII"] {
        assert!(matches!(parse(argument), Ok(Type::Ascii)), "{argument:?}");
    }
    for argument in ["A C", "AC", "E", "E N", "EN", "L 7", "L7", "L 36", "L 0"] {
        assert_eq!(code(argument), Some(504), "{argument:?}");
    }
    for argument in
        ["", " ", "X", "N", "8", "L", "L x", "L -1", "L 99999999999999999999", "I\0", "A\t", "\u{130}", "é"]
    {
        assert_eq!(code(argument), Some(501), "{argument:?}");
    }
}

proptest! {
    #[test]
    fn every_argument_is_taken_or_refused(argument in any::<String>()) {
        prop_assert!(matches!(code(&argument), None | Some(501 | 504)));
    }
}
