use super::*;

#[test]
fn secrets_are_not_shown() {
    let mut settings = AzureSettings::new("account", "container");
    settings.access_key = Some("TOPSECRET".to_owned());
    settings.sas_token = Some("TOPSECRET".to_owned());
    for shown in [format!("{settings:?}"), format!("{settings:#?}")] {
        assert!(!shown.contains("TOPSECRET"), "{shown}");
        assert!(shown.contains("<hidden>"), "{shown}");
    }
}
