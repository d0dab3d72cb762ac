use super::*;

fn s3_with_keys() -> S3Settings {
    S3Settings {
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("TOPSECRET".to_owned()),
        ..S3Settings::new("bucket")
    }
}

#[test]
fn no_credentials_are_never_looked_for_unasked() {
    let no_credentials = |result: Result<ObjectStorage, SettingsError>| match result {
        Err(error @ SettingsError::NoCredentials { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let text = no_credentials(ObjectStorage::s3(S3Settings::new("bucket")));
    assert!(text.contains("access_key_id") && text.contains("ambient_credentials"), "{text}");
    no_credentials(ObjectStorage::gcs(GcsSettings::new("bucket")));
    no_credentials(ObjectStorage::azure(AzureSettings::new("account", "container")));
}

#[test]
fn half_a_key_is_no_key() {
    let mut only_id = s3_with_keys();
    only_id.secret_access_key = None;
    assert!(ObjectStorage::s3(only_id).unwrap_err().to_string().contains("secret_access_key"));
    let mut only_secret = s3_with_keys();
    only_secret.access_key_id = None;
    assert!(ObjectStorage::s3(only_secret).unwrap_err().to_string().contains("access_key_id"));
    let mut only_token = S3Settings::new("bucket");
    only_token.session_token = Some("token".to_owned());
    assert!(ObjectStorage::s3(only_token).unwrap_err().to_string().contains("access_key_id"));
}

#[test]
fn unusable_keys_are_not_quoted() {
    let mut bad_gcs = GcsSettings::new("bucket");
    bad_gcs.service_account_key = Some(r#"{"private_key": 5, "client_email": "TOPSECRET"}"#.to_owned());
    let mut bad_azure = AzureSettings::new("account", "container");
    bad_azure.access_key = Some("TOPSECRET!".to_owned());
    for error in [ObjectStorage::gcs(bad_gcs).unwrap_err(), ObjectStorage::azure(bad_azure).unwrap_err()] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("TOPSECRET") && text.contains("_key"), "{text}");
    }
}

#[test]
fn what_would_change_the_address_is_refused() {
    for bucket in ["", "a/b", "a?b", "a b", "../x", "a@b"] {
        assert!(
            ObjectStorage::s3(S3Settings { bucket: bucket.to_owned(), ..s3_with_keys() }).is_err(),
            "{bucket:?}"
        );
    }
    for endpoint in [
        "",
        "host",
        "ftp://host",
        "HTTPS://host",
        "http://",
        "https:///",
        "http://user@host",
        "http://h?x",
        "http://a b",
    ] {
        let settings = S3Settings { endpoint: Some(endpoint.to_owned()), ..s3_with_keys() };
        assert!(ObjectStorage::s3(settings).is_err(), "{endpoint:?}");
    }
    for endpoint in ["https://host", "http://127.0.0.1:9000/", "https://HOST:1"] {
        let settings = S3Settings { endpoint: Some(endpoint.to_owned()), ..s3_with_keys() };
        assert!(ObjectStorage::s3(settings).is_ok(), "{endpoint:?}");
    }
}

#[test]
fn clients_are_made_of_good_settings_and_show_no_secret() {
    let mut gcs_anonymous = GcsSettings::new("bucket");
    gcs_anonymous.anonymous = true;
    let mut azure_key = AzureSettings::new("account", "container");
    azure_key.access_key = Some("VE9QU0VDUkVU".to_owned());
    azure_key.prefix = StoragePath::parse("/in").unwrap();
    for client in [
        ObjectStorage::s3(s3_with_keys()),
        ObjectStorage::gcs(gcs_anonymous),
        ObjectStorage::azure(azure_key),
    ] {
        let shown = format!("{:?}", client.unwrap());
        assert!(!shown.contains("TOPSECRET") && !shown.contains("VE9QU0VDUkVU"), "{shown}");
    }
}
