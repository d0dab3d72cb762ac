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
            certificates: Vec::new(),
            clients: None,
            require_session_reuse: false,
            require_close_notify: true,
            min_version: TlsVersion::Tls12,
            cipher_suites: Vec::new(),
            max_record: 16 * 1024,
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
    let day = |year| rcgen::date_time_ymd(year, 1, 1);
    let soon = rcgen::date_time_ymd(1970, 1, 1)
        + (SystemTime::now() + std::time::Duration::from_secs(10 * 24 * 60 * 60))
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
    for (name, start, end, warning) in [
        ("old", day(2019), day(2020), "this certificate has expired"),
        ("new", day(2090), day(2091), "this certificate is not valid yet"),
        ("never", day(2020), day(2019), "this certificate ends before it begins"),
        ("ends", day(2019), soon, "(9 days left): renew it"),
    ] {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        (parameters.not_before, parameters.not_after) = (start, end);
        let key = rcgen::KeyPair::generate().unwrap();
        files.put(name, &parameters.self_signed(&key).unwrap().pem());
        let found = validity_warning(&files.path(name)).unwrap();
        assert!(found.contains(warning), "{name}: {found}");
    }
}

/// The sizes of the records that a server sends, with 100 kB of content, to a client that reads them all.
fn records(files: &Files, max_record: usize) -> Vec<usize> {
    let settings = TlsSettings { max_record, ..files.settings("one.crt", "one.key") };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.path("one.crt")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut client =
        rustls::ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let mut server = rustls::ServerConnection::new(Arc::new(server_config(&settings).unwrap())).unwrap();
    server.set_buffer_limit(None);
    let (content, mut received, mut sizes) = (vec![7; 100_000], Vec::new(), Vec::new());
    std::io::Write::write_all(&mut server.writer(), &content).unwrap();
    while received.len() < content.len() {
        let mut sent = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut sent).unwrap();
        }
        let mut sent = sent.as_slice();
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut told = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut told).unwrap();
        }
        let mut rest = told.as_slice();
        while let [_, _, _, high, low, ..] = *rest {
            let length = usize::from(u16::from_be_bytes([high, low]));
            sizes.push(length);
            rest = &rest[RECORD_HEADER + length..];
        }
        let mut told = told.as_slice();
        while !told.is_empty() {
            client.read_tls(&mut told).unwrap();
            client.process_new_packets().unwrap();
            let _ = std::io::Read::read_to_end(&mut client.reader(), &mut received);
        }
    }
    assert!(received == content);
    sizes
}

#[test]
fn records_are_as_small_as_is_said() {
    let files = Files::new();
    // The kind of the content and the seal come behind it (RFC 8446, section 5.2).
    const SEAL: usize = 17;
    for max_record in [512, 4096] {
        let sizes = records(&files, max_record);
        assert_eq!(sizes.into_iter().max(), Some(max_record + SEAL));
    }
    assert_eq!(records(&files, 16 * 1024).into_iter().max(), Some(16 * 1024 + SEAL));
}
