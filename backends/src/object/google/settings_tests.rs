use super::*;

#[test]
fn secrets_are_not_shown() {
    let mut settings = GcsSettings::new("bucket");
    settings.service_account_key = Some("TOPSECRET".to_owned());
    for shown in [format!("{settings:?}"), format!("{settings:#?}")] {
        assert!(!shown.contains("TOPSECRET"), "{shown}");
        assert!(shown.contains("<hidden>"), "{shown}");
    }
}
