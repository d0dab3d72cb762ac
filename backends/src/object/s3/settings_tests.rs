use super::*;

#[test]
fn secrets_are_not_shown() {
    let mut settings = S3Settings::new("bucket");
    settings.secret_access_key = Some("TOPSECRET".to_owned());
    settings.session_token = Some("TOPSECRET".to_owned());
    for shown in [format!("{settings:?}"), format!("{settings:#?}")] {
        assert!(!shown.contains("TOPSECRET"), "{shown}");
        assert!(shown.contains("<hidden>"), "{shown}");
    }
}
