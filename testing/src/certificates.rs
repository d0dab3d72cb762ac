//! A certificate authority of one test, and what a client needs to trust it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DnType, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
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

/// A certificate of a client, with its files.
pub struct ClientCertificate {
    /// The certificate in PEM.
    pub certificate_file: PathBuf,
    /// Its key in PEM.
    pub key_file: PathBuf,
    number: u64,
    certificate: Certificate,
    key: KeyPair,
}

impl ClientCertificate {
    /// The certificate in DER.
    pub fn der(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }
}

impl Certificates {
    /// Writes `ca.crt`, `server.crt` and `server.key` for localhost and 127.0.0.1.
    pub fn write_to(folder: &Path) -> Self {
        Self::write_named(folder, "Wharf test authority")
    }

    /// The same for an authority of this name.
    pub fn write_named(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca_file = folder.join("ca.crt");
        fs::write(&ca_file, ca.pem()).unwrap();
        let certificates = Self { ca_file, folder: folder.to_owned(), ca };
        certificates.renew();
        certificates
    }

    /// Replaces `server.crt` and `server.key`, each at once, as tools that renew certificates do; the certificate.
    pub fn renew(&self) -> CertificateDer<'static> {
        self.serve("server", &["localhost", "127.0.0.1"])
    }

    /// Replaces `NAME.crt` and `NAME.key` by a certificate of a server with these names and addresses, of which there is one at least;
    /// the certificate.
    pub fn serve(&self, name: &str, hosts: &[&str]) -> CertificateDer<'static> {
        self.write(name, self.sign(hosts[0], hosts))
    }

    /// The same with a certificate that ends then.
    pub fn serve_until(&self, name: &str, hosts: &[&str], end: SystemTime) -> CertificateDer<'static> {
        let end = date_time_ymd(1970, 1, 1) + end.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        self.write(name, self.sign_with(hosts[0], hosts, |params| params.not_after = end))
    }

    fn write(&self, name: &str, (certificate, key): (Certificate, KeyPair)) -> CertificateDer<'static> {
        for (kind, content) in [("crt", certificate.pem()), ("key", key.serialize_pem())] {
            fs::write(self.folder.join("next"), content).unwrap();
            fs::rename(self.folder.join("next"), self.folder.join(format!("{name}.{kind}"))).unwrap();
        }
        certificate.der().clone()
    }

    fn sign(&self, name: &str, hosts: &[&str]) -> (Certificate, KeyPair) {
        self.sign_with(name, hosts, |_| {})
    }

    fn sign_with(
        &self,
        name: &str,
        hosts: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        (params.signed_by(&key, &self.ca).unwrap(), key)
    }

    /// A certificate of a client with this name and organization, whose files are written to a folder. Numbers are unique among those
    /// of the authority.
    pub fn issue(&self, folder: &Path, name: &str, number: u64) -> ClientCertificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.serial_number = Some(SerialNumber::from(number));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "ACME");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.ca).unwrap();
        let file = |kind: &str| folder.join(format!("{name}-{number}.{kind}"));
        let (certificate_file, key_file) = (file("crt"), file("key"));
        fs::write(&certificate_file, certificate.pem()).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        ClientCertificate { certificate_file, key_file, number, certificate, key }
    }

    /// Replaces a file, at once, by a list of these certificates, which counts until the first day of a year.
    pub fn revoke(&self, file: &Path, revoked: &[&ClientCertificate], until: i32) {
        let revoked = revoked.iter().map(|certificate| RevokedCertParams {
            serial_number: SerialNumber::from(certificate.number),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.ca).unwrap();
        let next = file.with_extension("next");
        match file.extension().is_some_and(|extension| extension == "der") {
            true => fs::write(&next, list.der()).unwrap(),
            false => fs::write(&next, list.pem().unwrap()).unwrap(),
        }
        fs::rename(next, file).unwrap();
    }

    /// A client that trusts this authority and shows a certificate.
    pub fn client_config_with(&self, client: &ClientCertificate) -> Arc<ClientConfig> {
        let key = PrivateKeyDer::Pkcs8(client.key.serialize_der().into());
        let config = self.builder(rustls::ALL_VERSIONS);
        Arc::new(config.with_client_auth_cert(vec![client.der().clone()], key).unwrap())
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
