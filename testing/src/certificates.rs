//! A certificate authority of one test, and what a client needs to trust it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::WantsClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};

/// The authority, with its files.
pub struct Certificates {
    /// Its certificate, for programs that read one.
    pub ca_file: PathBuf,
    folder: PathBuf,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    /// Writes `ca.crt`, `server.crt` and `server.key` for localhost and 127.0.0.1.
    pub fn write_to(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Wharf test authority");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca_file = folder.join("ca.crt");
        fs::write(&ca_file, ca.pem()).unwrap();
        let certificates = Self { ca_file, folder: folder.to_owned(), ca };
        certificates.renew();
        certificates
    }

    /// Replaces `server.crt` and `server.key`, each at once, as tools that renew certificates do; the certificate.
    pub fn renew(&self) -> CertificateDer<'static> {
        let (certificate, key) = self.sign("localhost", &["localhost", "127.0.0.1"]);
        for (name, content) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            fs::write(self.folder.join("next"), content).unwrap();
            fs::rename(self.folder.join("next"), self.folder.join(name)).unwrap();
        }
        certificate.der().clone()
    }

    fn sign(&self, name: &str, hosts: &[&str]) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.ca).unwrap(), key)
    }

    /// A client that trusts the authority; one value for both connections, so that sessions are resumed.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        Arc::new(self.builder(rustls::ALL_VERSIONS).with_no_client_auth())
    }

    /// The same for TLS 1.2 alone.
    pub fn client_config_of_tls12(&self) -> Arc<ClientConfig> {
        Arc::new(self.builder(&[&rustls::version::TLS12]).with_no_client_auth())
    }

    /// A client that shows a certificate of this authority.
    pub fn client_config_signed_by(&self, authority: &Self) -> Arc<ClientConfig> {
        self.client_config_named(authority, "client")
    }

    /// The same, of a client with this name.
    pub fn client_config_named(&self, authority: &Self, name: &str) -> Arc<ClientConfig> {
        let (certificate, key) = authority.sign(name, &[]);
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = self.builder(rustls::ALL_VERSIONS);
        Arc::new(config.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap())
    }

    fn builder(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots)
    }
}
