use proptest::prelude::*;

use super::*;

/// The answer with an entry, as a directory sends it (RFC 4511): the content of its message.
const ENTRY: &[u8] =
    b"\x02\x01\x02\x64\x18\x04\x05uid=a\x30\x0f\x30\x0d\x04\x03uid\x31\x06\x04\x01a\x04\x01b";
const DONE: &[u8] = b"\x02\x02\x01\x00\x65\x0d\x0a\x01\x31\x04\x02dc\x04\x04none\xa0\x00";

#[test]
fn answers_are_read() {
    let (number, answer) = parse(ENTRY).unwrap();
    assert_eq!((number, answer.tag), (2, FOUND));
    let entry = entry(answer.content).unwrap();
    assert_eq!((entry.dn.as_str(), entry.texts("UID").collect::<Vec<_>>()), ("uid=a", vec!["a", "b"]));
    // Controls behind an answer don't matter.
    let (number, answer) = parse(DONE).unwrap();
    assert_eq!((number, answer.tag), (256, SEARCHED));
    let outcome = Outcome::parse(answer.content).unwrap();
    assert_eq!(outcome, Outcome { code: 49, text: "none".into() });
    assert_eq!(outcome.describe(), "invalid credentials (49): none");
}

#[test]
fn requests_are_as_the_rfc_has_them() {
    assert_eq!(**bind(1, "cn=a", "pw"), *b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=a\x80\x02pw");
    assert_eq!(**unbind(3), *b"\x30\x05\x02\x01\x03\x42\x00");
    let text = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    assert_eq!(**start_tls(1), *text);
    let filter = b"\x87\x01a".to_vec();
    let attributes = ["uid".to_owned()];
    let scope = Scope::Subtree;
    let asked = Search { base: "dc", scope, filter, attributes: &attributes, most: 2, seconds: 5 };
    let expected = b"\x30\x22\x02\x01\x02\x63\x1d\x04\x02dc\x0a\x01\x02\x0a\x01\x00\x02\x01\x02\x02\x01\x05\x01\x01\x00\x87\x01a\x30\x05\x04\x03uid";
    assert_eq!(**search(2, &asked), *expected);
}

fn read(bytes: &[u8]) {
    if let Some((_, answer)) = parse(bytes) {
        let _ = entry(answer.content);
        let _ = Outcome::parse(answer.content).map(|outcome| outcome.describe());
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        read(&bytes);
    }

    #[test]
    fn nor_is_an_answer_with_other_bytes_in_it(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        for answer in [ENTRY, DONE] {
            let mut bytes = answer.to_vec();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            read(&bytes);
            bytes.truncate(end.index(bytes.len()));
            read(&bytes);
        }
    }
}
