//! A certificate authority of one test, and what a client needs to trust it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

pub struct Certificates {
    pub ca_file: PathBuf,
    ca: CertificateDer<'static>,
}

impl Certificates {
    /// Writes `ca.crt`, `server.crt` and `server.key` for localhost and 127.0.0.1.
    pub fn write_to(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Wharf test authority");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();

        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        let certificate = params.signed_by(&key, &ca).unwrap();

        let ca_file = folder.join("ca.crt");
        fs::write(&ca_file, ca.pem()).unwrap();
        fs::write(folder.join("server.crt"), certificate.pem()).unwrap();
        fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
        Self { ca_file, ca: ca.der().clone() }
    }

    /// A client that trusts the authority; one value for both connections, so that sessions are resumed.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}
