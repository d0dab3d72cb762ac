//! TLS on both sides: certificates of clients, and that of the service.

use std::fs;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::service::Service;
use super::{anna, login, not_now, setup};
use crate::support::{Certificates, Setup, retry_handshake};

#[test]
fn the_fingerprint_of_the_client_s_certificate_goes_along() {
    let service = Service::new(anna);
    let setup = setup(&service, "").tls_with(
        "optional",
        "client_authorities: '{folder}/clients/ca.crt', require_client_certificate: false",
    );
    let folder = setup.folder().join("clients");
    fs::create_dir(&folder).unwrap();
    let authority = Certificates::write_to(&folder);
    let server = setup.start();
    server.connect_tls().login("anna", "apple");
    for _ in 0..2 {
        let config = server.certificates().client_config_signed_by(&authority);
        let connect = || {
            let mut client = server.connect();
            client.try_start_tls(&config).map(|()| client)
        };
        let mut client = retry_handshake(connect, Result::is_err).unwrap();
        client.login("anna", "apple");
    }
    assert_eq!(login(&server, "anna", "apple"), 230);
    let asked = service.asked();
    let fingerprints: Vec<&str> = asked.iter().map(|asked| asked.text("certificate")).collect();
    let [without, one, other, plain] = fingerprints[..] else { panic!("{fingerprints:?}") };
    assert_eq!((without, plain), ("", ""));
    // Each client has made a certificate of its own.
    assert_ne!(one, other);
    for fingerprint in [one, other] {
        let digits = fingerprint.strip_prefix("sha256:").unwrap();
        assert!(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{fingerprint}");
    }
    let tls: Vec<&Value> = asked.iter().map(|asked| &asked.body["tls"]).collect();
    assert_eq!(tls, [&json!(true), &json!(true), &json!(true), &json!(false)]);
}

fn setup_over_tls(service: &Service, keys: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory, capacity: 64MiB }}
users_from:
  - {{ http: \"https://{}/\", timeout: 50s{keys} }}
",
        service.address
    ))
}

#[test]
fn only_the_right_service_is_told_a_password() {
    let folder = tempfile::tempdir().unwrap();
    Certificates::write_to(folder.path());
    let certificate = CertificateDer::from_pem_file(folder.path().join("server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key")).unwrap();
    let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let service = Service::at("127.0.0.1:0".parse().unwrap(), Some(Arc::new(tls)), anna);
    let ca_file = format!(", ca_file: '{}'", folder.path().join("ca.crt").display());
    let setup = setup_over_tls(&service, &ca_file);
    let server = setup.start();
    assert_eq!((login(&server, "anna", "apple"), login(&server, "anna", "pear")), (230, 530));
    assert_eq!(service.asked().len(), 2);
    drop(server);
    // The system knows no such authority.
    let setup = setup_over_tls(&service, "");
    let server = setup.start();
    assert_eq!(login(&server, "anna", "apple"), not_now());
    server.log.expect_warning("the service with the users gives no answer", &[("cause", "…certificate…")]);
    assert_eq!(service.asked().len(), 2);
}
