use std::time::Duration;

use serde_json::json;

use super::*;

fn parsed(text: &str) -> Result<Answer, String> {
    parse(text.as_bytes())
}

#[test]
fn there_are_three_answers() {
    assert_eq!(parsed(r#"{ "unknown": true }"#), Ok(Answer::Unknown));
    assert_eq!(parsed(r#"{ "refused": "disabled" }"#), Ok(Answer::Refused("disabled".into())));
    let user = json!({ "user": { "backend": "lake", "path": "a \"b\"\n" }, "cache": "1h30m" }).to_string();
    let Ok(Answer::User { entry, holds }) = parsed(&user) else { panic!() };
    assert_eq!(holds, Duration::from_secs(5400));
    assert_eq!(entry, "{\n  \"backend\": \"lake\",\n  \"path\": \"a \\\"b\\\"\\n\"\n}");
    let once = parsed(r#"{ "user": { "backend": "lake" } }"#);
    assert!(matches!(once, Ok(Answer::User { holds: Duration::ZERO, .. })));
}

#[test]
fn nothing_else_is_one() {
    for (text, reason) in [
        ("", "the answer is not as it has to be: EOF"),
        ("<html>", "the answer is not as it has to be"),
        ("{}", "the answer has to be one of"),
        ("[]", "the answer is not as it has to be"),
        ("null", "the answer is not as it has to be"),
        (r#"{ "unknown": false }"#, "the answer has to be one of"),
        (r#"{ "unknown": true, "refused": "no" }"#, "the answer has to be one of"),
        (r#"{ "user": {}, "refused": "no" }"#, "the answer has to be one of"),
        (r#"{ "user": {}, "unknown": true }"#, "the answer has to be one of"),
        (r#"{ "user": null }"#, "the answer has to be one of"),
        (r#"{ "refused": "no", "cache": "1m" }"#, "the answer has to be one of"),
        (r#"{ "unknown": true, "cache": "1m" }"#, "the answer has to be one of"),
        (r#"{ "user": {} "#, "EOF"),
        (r#"{ "user": {} } {}"#, "trailing characters"),
        (r#"{ "user": {}, "user": {} }"#, "duplicate field `user`"),
        (r#"{ "user": {}, "ok": true }"#, "unknown field `ok`"),
        (r#"{ "user": [] }"#, "a value is of a wrong type at line 1"),
        (r#"{ "user": "anna" }"#, "a value is of a wrong type at line 1"),
        (r#"{ "user": {}, "cache": 60 }"#, "a value is of a wrong type at line 1"),
        (r#"{ "user": {}, "cache": "60" }"#, "`cache` of the answer: this duration has no unit"),
        (r#"{ "user": {}, "cache": "-1s" }"#, "`cache` of the answer"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(reason) && !error.contains("anna"), "{text}: {error}");
    }
    assert!(parse(b"{ \"refused\": \"\xff\" }").is_err());
    // Brackets without end are refused before they fill the stack.
    assert!(parsed(&format!("{{ \"user\": {{ \"a\": {}", "[".repeat(60_000))).is_err());
}

#[test]
fn a_reason_is_one_short_line() {
    let reason = parsed(&json!({ "refused": "no\r\nlogged in\u{1b}" }).to_string());
    assert_eq!(reason, Ok(Answer::Refused("no  logged in ".into())));
}
