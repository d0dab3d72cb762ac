//! The section `audit`.

use super::{World, with};

#[test]
fn what_a_place_can_not_do() {
    let say = |place: &str| World::new().complaints(&with(&format!("audit: [{place}]\n")));
    for (place, expected) in [
        (
            r#"{ to: { syslog: "udp://127.0.0.1:514" }, required: true }"#,
            "sent by UDP has arrived: use a file",
        ),
        ("{ to: stdout, format: xferlog, sha256: true }", "lines of an `xferlog` have no place for it"),
        ("{ to: stdout, rotate: { size: 1MiB } }", "only files are given other names"),
    ] {
        let said = say(place);
        assert!(said.contains(expected) && said.ends_with("\n1 problem in wharf.yaml"), "{said}");
    }
}

#[test]
fn a_mistyped_key_of_a_place_is_told_as_one() {
    let said = World::new().complaints(&with("audit: [{ to: { fiel: audit.jsonl } }, { to: stderr }]\n"));
    assert!(said.contains("unknown key \"fiel\"; did you mean \"file\"?"), "{said}");
    assert!(said.contains("expected stdout, { file: PATH } or { syslog: ADDRESS }, found text"), "{said}");
}
