//! Stores behind TLS whose certificates are no public ones.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};
use wharf_backends::contract::{contents, pattern, put};
use wharf_backends::object::{Authorities, ObjectStorage, S3Settings, Tuning};
use wharf_backends::{CreateMode, Storage};

use crate::servers::{fresh_prefix, s3_settings, tuning, variable};

const SERVER: &str = "WHARF_TEST_SEAWEEDFS";

/// Shows this certificate, whoever has its key.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// TLS before SeaweedFS: the port of 127.0.0.1 where it is.
async fn listen(
    chain: &[&Certificate],
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> u16 {
    let provider = aws_lc_rs::default_provider();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain: Vec<CertificateDer<'static>> = chain.iter().map(|one| one.der().clone()).collect();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(CertifiedKey::new(chain, key)))));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(socket).await else { return };
                let store = variable(SERVER);
                let mut store = TcpStream::connect(store.trim_start_matches("http://")).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut store).await;
            });
        }
    });
    port
}

fn storage(host: &str, port: u16, trusted: Option<&str>) -> ObjectStorage {
    let authorities = trusted.map(|pem| Authorities::from_pem(pem.as_bytes()).unwrap());
    let settings = s3_settings(SERVER, &fresh_prefix());
    ObjectStorage::s3(S3Settings {
        endpoint: Some(format!("https://{host}:{port}")),
        tuning: Tuning { authorities, part_size: 5 << 20, retries: 0, ..tuning() },
        ..settings
    })
    .unwrap()
}

/// What `openssl req -x509` makes: its own issuer, and an authority.
fn of_one_machine(names: &[&str], years: [i32; 2]) -> (Certificate, KeyPair) {
    let mut parameters = parameters(names, years);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    (parameters.self_signed(&key).unwrap(), key)
}

fn parameters(names: &[&str], [first, last]: [i32; 2]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.not_before = date_time_ymd(first, 1, 1);
    parameters.not_after = date_time_ymd(last, 1, 1);
    parameters
}

const NAMES: &[&str] = &["localhost", "127.0.0.1"];
const VALID: [i32; 2] = [2020, 2120];
const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

async fn works(storage: &ObjectStorage, why: &str) {
    let bytes = pattern(6 << 20, 1);
    put(storage, "/a", &bytes, CreateMode::Replace).await.unwrap_or_else(|error| panic!("{why}: {error:?}"));
    assert!(contents(storage, "/a").await == bytes, "{why}");
}

/// The whole chain of the refusal.
async fn refused(storage: &ObjectStorage) -> String {
    format!("{:?}", storage.check().await.unwrap_err())
}

#[tokio::test]
async fn a_certificate_that_issued_itself_is_trusted_if_it_is_in_the_file() {
    let (certificate, key) = of_one_machine(NAMES, VALID);
    let (other, _) = of_one_machine(NAMES, VALID);
    for version in BOTH {
        let port = listen(&[&certificate], &key, &[*version]).await;
        let both = format!("{}{}", other.pem(), certificate.pem());
        works(&storage("localhost", port, Some(&certificate.pem())), "by name").await;
        works(&storage("127.0.0.1", port, Some(&both)), "by address").await;
        let refusal = refused(&storage("localhost", port, Some(&other.pem()))).await;
        assert!(refusal.contains("certificate"), "{refusal}");
        let refusal = refused(&storage("localhost", port, None)).await;
        assert!(refusal.contains("certificate"), "{refusal}");
    }
}

#[tokio::test]
async fn a_certificate_in_the_file_has_to_be_of_this_name_and_this_time() {
    for (names, years, expected) in [
        (&["store.example"][..], VALID, "not valid for name"),
        (NAMES, [2020, 2021], "expired"),
        (NAMES, [2119, 2120], "not valid yet"),
    ] {
        for is_authority in [true, false] {
            let (mut certificate, key) = of_one_machine(names, years);
            if !is_authority {
                certificate = parameters(names, years).self_signed(&key).unwrap();
            }
            let port = listen(&[&certificate], &key, BOTH).await;
            let refusal = refused(&storage("localhost", port, Some(&certificate.pem()))).await;
            assert!(refusal.contains(expected), "{expected}: {refusal}");
        }
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_proves_nothing() {
    let (certificate, _) = of_one_machine(NAMES, VALID);
    let (_, other_key) = of_one_machine(NAMES, VALID);
    for version in BOTH {
        let port = listen(&[&certificate], &other_key, &[*version]).await;
        let refusal = refused(&storage("localhost", port, Some(&certificate.pem()))).await;
        assert!(refusal.contains("BadSignature"), "{refusal}");
    }
}

#[tokio::test]
async fn an_authority_in_the_file_vouches_for_others() {
    let mut authority = parameters(&["authority"], VALID);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = parameters(NAMES, VALID).signed_by(&key, &authority).unwrap();
    let port = listen(&[&certificate], &key, BOTH).await;
    works(&storage("localhost", port, Some(&authority.pem())), "of an authority").await;
    // One that is no authority is trusted by itself, too.
    works(&storage("localhost", port, Some(&certificate.pem())), "by itself").await;
}
