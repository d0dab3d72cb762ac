use super::Authorities;

#[test]
fn files_without_certificates_are_refused() {
    for (text, expected) in [
        ("", "there is no certificate in it"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "there is no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "has no end"),
        ("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "damaged"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 in it can't be used",
        ),
    ] {
        let error = Authorities::from_pem(text.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}
