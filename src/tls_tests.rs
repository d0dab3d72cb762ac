use std::fs;

use super::*;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        for name in ["one", "two"] {
            let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            files.put(&format!("{name}.crt"), &pair.cert.pem());
            files.put(&format!("{name}.key"), &pair.signing_key.serialize_pem());
        }
        files
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn get(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn settings(&self, certificate: &str, key: &str) -> TlsSettings {
        TlsSettings {
            required_control: false,
            required_data: false,
            certificate: self.path(certificate),
            key: self.path(key),
            clients: None,
            require_session_reuse: false,
            require_close_notify: true,
        }
    }

    fn error(&self, certificate: &str, key: &str) -> String {
        let error = server_config(&self.settings(certificate, key)).unwrap_err();
        error.to_string().replace(self.0.path().to_str().unwrap(), "DIR")
    }
}

#[test]
fn a_pair_is_accepted() {
    let files = Files::new();
    server_config(&files.settings("one.crt", "one.key")).unwrap();
    // The certificate of the authority and the key may stand in the same file, among comments.
    files.put(
        "all.pem",
        &format!("hello\n{}{}\n{}", files.get("one.crt"), files.get("two.crt"), files.get("one.key")),
    );
    server_config(&files.settings("all.pem", "all.pem")).unwrap();
}

#[test]
fn errors_name_the_file_and_what_is_wrong_with_it() {
    let files = Files::new();
    assert_eq!(
        files.error("nowhere", "one.key"),
        "certificate DIR/nowhere: there is no such file or directory"
    );
    assert_eq!(files.error("one.crt", "nowhere"), "key DIR/nowhere: there is no such file or directory");
    assert_eq!(
        files.error("one.crt", "two.key"),
        "key DIR/two.key does not belong to certificate DIR/one.crt"
    );
    assert!(
        files
            .error("one.key", "one.key")
            .starts_with("certificate DIR/one.key: there is no certificate in it")
    );
    assert!(files.error("one.crt", "one.crt").starts_with("key DIR/one.crt: there is no private key in it"));
    files.put("empty", "");
    assert!(files.error("empty", "one.key").contains("there is no certificate in it"));
    assert!(files.error("one.crt", "empty").contains("there is no private key in it"));
}

#[test]
fn damaged_files_are_described_and_not_quoted() {
    let files = Files::new();
    let key = files.get("one.key");
    let secret: String = key.lines().nth(1).unwrap().chars().take(20).collect();
    for (name, content) in [
        ("cut", key.lines().take(2).collect::<Vec<_>>().join("\n")),
        ("base64", key.replace(&secret, &format!("!{secret}!"))),
        ("der", key.replace(&secret, "AAAAAAAAAAAAAAAAAAAA")),
        ("encrypted", key.replace(" PRIVATE", " ENCRYPTED PRIVATE")),
    ] {
        files.put(name, &content);
        let error = files.error("one.crt", name);
        assert!(error.starts_with(&format!("key DIR/{name}: ")) && !error.contains(&secret), "{error}");
    }
    assert!(files.error("one.crt", "encrypted").ends_with("it has to be there without a passphrase"));
    files.put("certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let error = files.error("certificate", "one.key");
    assert!(error.starts_with("certificate DIR/certificate: certificate 1 in it can't be read"), "{error}");
}

#[test]
fn dates_are_looked_at() {
    let files = Files::new();
    assert_eq!(validity_warning(&files.path("one.crt")), None);
    assert_eq!(validity_warning(&files.path("nowhere")), None);
    for (name, year, warning) in
        [("old", 2019, "this certificate has expired"), ("new", 2090, "this certificate is not valid yet")]
    {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(year, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year + 1, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        files.put(name, &parameters.self_signed(&key).unwrap().pem());
        assert_eq!(validity_warning(&files.path(name)).as_deref(), Some(warning));
    }
}
