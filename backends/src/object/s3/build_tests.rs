use super::*;

fn s3_with_keys() -> S3Settings {
    S3Settings {
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("TOPSECRET".to_owned()),
        ..S3Settings::new("bucket")
    }
}

#[test]
fn equal_parts_are_for_those_who_want_them() {
    let equal = |endpoint: Option<&str>, equal_parts| {
        let endpoint = endpoint.map(str::to_owned);
        let opened = open(S3Settings { endpoint, equal_parts, ..s3_with_keys() }).unwrap();
        opened.store.traits().equal_parts
    };
    for url in [
        "https://1a2b.r2.cloudflarestorage.com",
        "https://1a2b.eu.R2.cloudflarestorage.com:443/",
        "https://X.R2.CLOUDFLARESTORAGE.COM",
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
fn a_bucket_has_no_place_before_an_address() {
    let open = |endpoint: &str| {
        open(S3Settings { endpoint: Some(endpoint.to_owned()), path_style: Some(false), ..s3_with_keys() })
    };
    assert!(open("http://localhost:9000").is_ok());
    for address in ["http://127.0.0.1:9000", "https://[::1]:9000"] {
        let error = open(address).map(drop).unwrap_err().to_string();
        assert!(error.contains("path_style"), "{error}");
    }
}
