use super::*;
use crate::StoragePath;

fn s3_with_keys() -> S3Settings {
    S3Settings {
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("TOPSECRET".to_owned()),
        ..S3Settings::new("bucket")
    }
}

#[test]
fn no_credentials_are_never_looked_for_unasked() {
    let no_credentials = |result: Result<Client, SettingsError>| match result {
        Err(error @ SettingsError::NoCredentials { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let text = no_credentials(s3(S3Settings::new("bucket")));
    assert!(text.contains("access_key_id") && text.contains("ambient_credentials"), "{text}");
    no_credentials(gcs(GcsSettings::new("bucket")));
    no_credentials(azure(AzureSettings::new("account", "container")));
}

#[test]
fn half_a_key_is_no_key() {
    let mut only_id = s3_with_keys();
    only_id.secret_access_key = None;
    assert!(s3(only_id).unwrap_err().to_string().contains("secret_access_key"));
    let mut only_secret = s3_with_keys();
    only_secret.access_key_id = None;
    assert!(s3(only_secret).unwrap_err().to_string().contains("access_key_id"));
    let mut only_token = S3Settings::new("bucket");
    only_token.session_token = Some("token".to_owned());
    assert!(s3(only_token).unwrap_err().to_string().contains("access_key_id"));
}

#[test]
fn unusable_keys_are_not_quoted() {
    let mut bad_gcs = GcsSettings::new("bucket");
    bad_gcs.service_account_key = Some(r#"{"private_key": 5, "client_email": "TOPSECRET"}"#.to_owned());
    let mut bad_azure = AzureSettings::new("account", "container");
    bad_azure.access_key = Some("TOPSECRET!".to_owned());
    for error in [gcs(bad_gcs).unwrap_err(), azure(bad_azure).unwrap_err()] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("TOPSECRET") && text.contains("_key"), "{text}");
    }
}

#[test]
fn what_would_change_the_address_is_refused() {
    for bucket in ["", "a/b", "a?b", "a b", "../x", "a@b"] {
        assert!(s3(S3Settings { bucket: bucket.to_owned(), ..s3_with_keys() }).is_err(), "{bucket:?}");
    }
    for endpoint in
        ["", "host", "ftp://host", "http://", "https:///", "http://user@host", "http://h?x", "http://a b"]
    {
        let settings = S3Settings { endpoint: Some(endpoint.to_owned()), ..s3_with_keys() };
        assert!(s3(settings).is_err(), "{endpoint:?}");
    }
    for endpoint in ["https://host", "http://127.0.0.1:9000/", "HTTPS://host:1"] {
        let settings = S3Settings { endpoint: Some(endpoint.to_owned()), ..s3_with_keys() };
        assert!(s3(settings).is_ok(), "{endpoint:?}");
    }
}

#[test]
fn equal_parts_are_for_those_who_want_them() {
    let equal = |endpoint: Option<&str>, equal_parts| {
        let endpoint = endpoint.map(str::to_owned);
        let client = s3(S3Settings { endpoint, equal_parts, ..s3_with_keys() }).unwrap();
        client.s3().unwrap().equal_parts
    };
    for url in [
        "https://1a2b.r2.cloudflarestorage.com",
        "https://1a2b.eu.R2.cloudflarestorage.com:443/",
        "HTTPS://x.r2.cloudflarestorage.com",
    ] {
        assert!(equal(Some(url), None), "{url}");
        assert!(!equal(Some(url), Some(false)), "{url}");
    }
    for url in [
        "https://r2.cloudflarestorage.com.example.com",
        "https://example.com/x.r2.cloudflarestorage.com",
        "http://127.0.0.1:9000",
    ] {
        assert!(!equal(Some(url), None), "{url}");
        assert!(equal(Some(url), Some(true)), "{url}");
    }
    assert!(!equal(None, None), "Amazon");
}

#[test]
fn clients_are_made_of_good_settings_and_show_no_secret() {
    let mut gcs_anonymous = GcsSettings::new("bucket");
    gcs_anonymous.anonymous = true;
    let mut azure_key = AzureSettings::new("account", "container");
    azure_key.access_key = Some("VE9QU0VDUkVU".to_owned());
    azure_key.prefix = StoragePath::parse("/in").unwrap();
    for client in [s3(s3_with_keys()), gcs(gcs_anonymous), azure(azure_key)] {
        let shown = format!("{:?}", client.unwrap());
        assert!(!shown.contains("TOPSECRET") && !shown.contains("VE9QU0VDUkVU"), "{shown}");
    }
}
