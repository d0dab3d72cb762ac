use super::*;

#[test]
fn secrets_are_not_shown() {
    let mut s3 = S3Settings::new("bucket");
    s3.secret_access_key = Some("TOPSECRET".to_owned());
    s3.session_token = Some("TOPSECRET".to_owned());
    let mut gcs = GcsSettings::new("bucket");
    gcs.service_account_key = Some("TOPSECRET".to_owned());
    let mut azure = AzureSettings::new("account", "container");
    azure.access_key = Some("TOPSECRET".to_owned());
    for shown in [format!("{s3:?}"), format!("{gcs:#?}"), format!("{azure:?}")] {
        assert!(!shown.contains("TOPSECRET"), "{shown}");
        assert!(shown.contains("<hidden>"), "{shown}");
    }
}

#[test]
fn tuning_has_limits() {
    assert_eq!(Tuning::default().check(), Ok(()));
    let cases = [
        Tuning { part_size: (5 << 20) - 1, ..Tuning::default() },
        Tuning { part_size: (5 << 30) + 1, ..Tuning::default() },
        Tuning { upload_concurrency: 0, ..Tuning::default() },
        Tuning { read_timeout: Duration::ZERO, ..Tuning::default() },
        Tuning { connect_timeout: Duration::ZERO, ..Tuning::default() },
    ];
    for tuning in cases {
        assert!(tuning.check().is_err(), "{tuning:?}");
    }
}
