//! Servers whose TLS, or whose certificate, is other than clients expect.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Examined;
use super::hostile::{data_port, examine};
use super::played::{HELLO, pasv, play, play_tls, say, usual};
use crate::support::{Certificates, Setup};

#[test]
fn a_server_that_agrees_to_tls_and_does_not_speak_it_is_told() {
    let address = play(|line| match line {
        "AUTH TLS" => say("234 go"),
        HELLO => say("500 what?"),
        line => usual(line),
    });
    let examined = examine(address, &[]);
    examined.expect("problem", "tls", &["plain text came", "500 what?", "agreed to TLS (234)"]);
    assert!(!examined.stdout.contains("ftps://"), "{}", examined.stdout);
}

fn server_config(folder: &Path) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(folder.join("server.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

#[test]
fn data_in_plain_text_in_spite_of_prot_p_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::write_to(folder.path());
    for end in ["226 done", "426 you hung up"] {
        let port = data_port(b"-rw-r--r-- 1 0 0 5 Jan 1 00:00 payroll.csv\r\n".to_vec(), true);
        let address = play_tls(server_config(folder.path()), move |line| match line {
            "AUTH TLS" => say("234 go"),
            "PASV" => pasv("127.0.0.1", port),
            "LIST" => say(format!("150 go\r\n{end}")),
            line => usual(line),
        });
        let authorities = certificates.ca_file.to_str().unwrap();
        let examined = examine(address, &["--authorities", authorities, "--write", "/"]);
        examined.expect("ok", "login", &[]);
        examined.expect("problem", "listing", &["unencrypted in spite of PROT P", "-rw-r--r--"]);
        examined.expect("note", "write", &["not tried", "does not encrypt"]);
    }
}

/// What `openssl req -x509` makes: an authority's certificate, which the server shows as its own.
fn write_authority(folder: &Path, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut parameters = CertificateParams::new(hosts).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut parameters);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("server.crt"), parameters.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

mod native_only {
    use super::*;

    #[test]
    fn an_authority_that_a_server_shows_is_trusted_if_it_was_given() {
        let setup = Setup::local().tls("required");
        write_authority(setup.folder(), &["127.0.0.1"], |_| {});
        let server = setup.start();
        let url = format!("ftp://demo@{}", server.address);
        let file = setup.folder().join("server.crt");
        let examined = Examined::new(Some("demo"), &[&url, "--authorities", file.to_str().unwrap()]);
        examined.expect(
            "warning",
            "certificate",
            &["CA:TRUE", "rustls", "basicConstraints=critical,CA:FALSE"],
        );
        examined.expect("ok", "listing", &["encrypted"]);
        examined.expect_none("problem", "");
        // Another file, with this authority or not, is no reason to trust it.
        let other = tempfile::tempdir().unwrap();
        write_authority(other.path(), &["127.0.0.1"], |_| {});
        let other = other.path().join("server.crt");
        let examined = Examined::new(Some("demo"), &[&url, "--authorities", other.to_str().unwrap()]);
        examined.expect("problem", "certificate", &["CA:TRUE", "basicConstraints=critical,CA:FALSE"]);
        examined.expect("note", "login", &["not tried"]);
        examined.expect_none("ok", "login");
    }

    #[test]
    fn names_and_dates_of_an_authority_count() {
        type Change = fn(&mut CertificateParams);
        let past: Change = |parameters| parameters.not_after = date_time_ymd(2021, 1, 1);
        for (host, change, words) in [
            ("ftp.example.com", (|_| {}) as Change, "it is not one of"),
            ("127.0.0.1", past, "its time is over"),
        ] {
            let setup = Setup::local().tls("required");
            write_authority(setup.folder(), &[host], change);
            let server = setup.start();
            let file = setup.folder().join("server.crt");
            let url = format!("ftp://demo@{}", server.address);
            let examined = Examined::new(Some("demo"), &[&url, "--authorities", file.to_str().unwrap()]);
            examined.expect("problem", "certificate", &[words]);
            examined.expect_none("ok", "login");
        }
    }
}

#[test]
fn an_authority_that_is_configured_for_the_server_is_told() {
    let setup = Setup::local().listen("127.9.0.8:2121").passive("ports: 20000-20009").tls("required");
    let config = setup.write();
    let examine = || Examined::new(None, &["--config", config.to_str().unwrap()]);
    examine().expect_none("warning", "certificate");
    write_authority(setup.folder(), &["localhost"], |_| {});
    examine().expect(
        "warning",
        "certificate",
        &["server.crt", "CA:TRUE", "basicConstraints=critical,CA:FALSE"],
    );
}
