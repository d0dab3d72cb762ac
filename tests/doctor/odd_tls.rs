//! Servers whose TLS, or whose certificate, is other than clients expect.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::hostile::{data_port, examine};
use super::played::{HELLO, pasv, play, play_tls, say, usual};
use crate::support::Certificates;

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
