//! TLS of control and data connections: from PEM files to a configuration of rustls.

mod dates;
mod der;
mod described;
mod hosts;
mod names;
mod revocations;
mod shown;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem};
use rustls::server::WebPkiClientVerifier;

pub(crate) use self::described::{Age, Described};
pub(crate) use self::hosts::{Choice, HostCertificates, covers, host_certificate};
pub use self::names::DistinguishedName;
pub use self::shown::{Fingerprint, ShownCertificate};
use crate::config::{ClientCertificates, TlsSettings, TlsVersion};

/// Larger than any certificate chain or key; it keeps a wrong path from filling the memory.
const MAX_FILE_SIZE: u64 = 1024 * 1024;

/// The largest content of a TLS record, and the length of its header, in bytes (RFC 8446, section 5.1).
const MAX_RECORD: usize = 16 * 1024;
const RECORD_HEADER: usize = 5;

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of certificates can't be used.
    #[error("certificate {path}: {reason}", path = path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// The file of the key can't be used.
    #[error("key {path}: {reason}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// The file of the authorities of clients can't be used.
    #[error("authorities of clients {path}: {reason}", path = path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// A file of revocation lists can't be used.
    #[error("revocation lists {path}: {reason}", path = path.display())]
    Revocations {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// The certificate of some hosts can't be used.
    #[error("hosts {hosts}: {cause}")]
    Hosts {
        /// Their names.
        hosts: String,
        /// The problem.
        cause: Box<TlsError>,
    },
    /// No handshake could succeed.
    #[error("{0}")]
    CipherSuites(String),
    /// Sessions could not be resumed.
    #[error("session tickets: {0}")]
    Tickets(String),
    /// Each file is valid, but they don't match.
    #[error("key {key} does not belong to certificate {certificate}", key = key.display(), certificate = certificate.display())]
    Mismatch {
        /// The file of certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// The configuration of a server with these files: a certificate (PEM: its own certificate first, then those of the
/// authorities in between), its key (PEM), and the authorities of clients with their revocation lists, if clients show certificates.
/// The certificates of hosts are `HostCertificates`.
///
/// # Errors
/// [`TlsError`] names the file and the problem.
pub fn server_config(settings: &TlsSettings) -> Result<rustls::ServerConfig, TlsError> {
    let config = checked_config(settings)?;
    warn_of_dates(settings);
    Ok(config)
}

/// The same for a look at the settings: nothing is logged.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn checked_config(settings: &TlsSettings) -> Result<rustls::ServerConfig, TlsError> {
    let provider = provider(settings);
    let certified = certified(&settings.certificate, &settings.key, &provider)?;
    // A version without a suite would be offered in vain.
    let speaks = |version: &&'static rustls::SupportedProtocolVersion| {
        provider.cipher_suites.iter().any(|suite| suite.version().version == version.version)
    };
    let versions: Vec<_> = rustls::ALL_VERSIONS.iter().copied().filter(speaks).collect();
    let verifier = match &settings.clients {
        Some(clients) => client_verifier(clients, &provider)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| TlsError::Certificate { path: settings.certificate.clone(), reason: say(&error) })?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    // The library counts the header as a part of the fragment, and refuses larger values than a record can have.
    config.max_fragment_size =
        (settings.max_record < MAX_RECORD).then_some(settings.max_record + RECORD_HEADER);
    Ok(config)
}

/// Logs what is wrong with the dates of the certificates that will be shown. A client only says that it hung up.
fn warn_of_dates(settings: &TlsSettings) {
    let of_hosts = settings.certificates.iter().map(|item| &item.certificate);
    for path in std::iter::once(&settings.certificate).chain(of_hosts) {
        if let Some(cause) = validity_warning(path) {
            tracing::warn!(certificate = %path.display(), cause, "look at the dates of a certificate of the server");
        }
    }
}

/// The algorithms of a server with these settings.
fn provider(settings: &TlsSettings) -> Arc<rustls::crypto::CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    let named = &settings.cipher_suites;
    provider.cipher_suites.retain(|suite| named.is_empty() || named.contains(&suite.suite()));
    if settings.min_version == TlsVersion::Tls13 {
        provider.cipher_suites.retain(|suite| suite.tls13().is_some());
    }
    Arc::new(provider)
}

/// A certificate with its key, from their files.
fn certified(
    certificate: &Path,
    key: &Path,
    provider: &rustls::crypto::CryptoProvider,
) -> Result<rustls::sign::CertifiedKey, TlsError> {
    let chain = certificates(certificate)?;
    let secret = private_key(key)?;
    let signing_key = provider
        .key_provider
        .load_private_key(secret)
        .map_err(|error| TlsError::Key { path: key.to_owned(), reason: say(&error) })?;
    let algorithm = signing_key.algorithm();
    if !provider.cipher_suites.iter().any(|suite| suite.usable_for_signature_algorithm(algorithm)) {
        return Err(TlsError::CipherSuites(format!(
            "none of these suites works with a certificate whose key is {algorithm:?}"
        )));
    }
    let certified = rustls::sign::CertifiedKey::new(chain, signing_key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() });
        }
        Err(error) => {
            return Err(TlsError::Certificate { path: certificate.to_owned(), reason: say(&error) });
        }
    }
    Ok(certified)
}

/// All available cipher suites.
pub(crate) fn cipher_suites() -> &'static [rustls::SupportedCipherSuite] {
    rustls::crypto::aws_lc_rs::DEFAULT_CIPHER_SUITES
}

/// The IANA name of a suite.
pub(crate) fn suite_name(suite: rustls::CipherSuite) -> String {
    let name = format!("{suite:?}");
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name,
    }
}

/// Seals the tickets with which clients resume sessions; its keys change by themselves.
///
/// # Errors
/// If the system has no random bytes.
pub(crate) fn ticketer() -> Result<Arc<dyn rustls::server::ProducesTickets>, TlsError> {
    rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| TlsError::Tickets(say(&error)))
}

/// The verifier of clients' certificates.
///
/// With revocation lists, a certificate counts only if each authority in its chain has a list. A list that should have been replaced
/// still counts: otherwise one night without a new list would shut out everybody. Whoever runs the server is warned.
fn client_verifier(
    clients: &ClientCertificates,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let path = &clients.authorities;
    let blame = |reason| TlsError::Authorities { path: path.clone(), reason };
    let mut roots = rustls::RootCertStore::empty();
    for authority in authorities(clients)? {
        roots.add(authority).map_err(|error| blame(say(&error)))?;
    }
    let (mut lists, mut issuers) = (Vec::new(), Vec::new());
    for path in &clients.revocations {
        for list in revocations::read(path)? {
            // The library looks at the first list of an issuer and at no other, so what the second revokes would be let in.
            let issuer = revocations::issuer(&list);
            if issuers.contains(&issuer) {
                let name = issuer.as_deref().and_then(DistinguishedName::of_der);
                let name = name.map(|name| name.to_string()).unwrap_or_default();
                let reason = format!("there is another list of \"{name}\", and only one of them would count");
                return Err(TlsError::Revocations { path: path.clone(), reason });
            }
            issuers.push(issuer);
            lists.push(list);
        }
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = builder.with_crls(lists);
    let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| blame(error.to_string()))
}

fn authorities(clients: &ClientCertificates) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates(&clients.authorities).map_err(|error| match error {
        TlsError::Certificate { path, reason } => TlsError::Authorities { path, reason },
        other => other,
    })
}

/// When the first of the revocation lists is to be replaced, and its file; `None` if there are none, or if [`server_config`] refuses
/// them.
pub(crate) fn next_update(clients: &ClientCertificates) -> Option<(SystemTime, &Path)> {
    let of_file = |path: &PathBuf| revocations::read(path).unwrap_or_default();
    let lists =
        clients.revocations.iter().flat_map(|path| of_file(path).into_iter().map(move |list| (list, path)));
    lists.filter_map(|(list, path)| Some((revocations::next_update(&list)?, path.as_path()))).min()
}

/// The authorities of clients that have no revocation list, so that all certificates that they signed are refused.
pub(crate) fn without_list(clients: &ClientCertificates) -> Vec<String> {
    if clients.revocations.is_empty() {
        return Vec::new();
    }
    let lists = clients.revocations.iter().flat_map(|path| revocations::read(path).unwrap_or_default());
    let issuers: Vec<_> = lists.filter_map(|list| revocations::issuer(&list)).collect();
    let mut names = Vec::new();
    for authority in authorities(clients).unwrap_or_default() {
        let Ok(read) = webpki::EndEntityCert::try_from(&authority) else { continue };
        if !issuers.iter().any(|issuer| issuer == read.subject()) {
            names.extend(DistinguishedName::of_der(read.subject()).map(|name| name.to_string()));
        }
    }
    names
}

/// Whether the key in `path` can be used, whatever its certificate.
pub(crate) fn check_key(path: &Path) -> Result<(), TlsError> {
    private_key(path).map(|_| ())
}

/// A sentence if the dates of the first certificate in `path` are suspicious; `None` if they are not, or if
/// [`server_config`] refuses the file.
pub(crate) fn validity_warning(path: &Path) -> Option<String> {
    let chain = certificates(path).ok()?;
    Described::of(chain.first()?)?.warning(SystemTime::now())
}

/// When the first certificate in `path` ends; `None` if that can't be read.
pub(crate) fn not_after(path: &Path) -> Option<SystemTime> {
    dates::not_after(certificates(path).ok()?.first()?)
}

/// What is wrong with the dates of a certificate.
fn out_of_time(certificate: &webpki::EndEntityCert<'_>) -> Option<&'static str> {
    match verify_alone(certificate, UnixTime::now()).err()? {
        webpki::Error::CertExpired { .. } => Some("this certificate has expired"),
        webpki::Error::CertNotValidYet { .. } => Some("this certificate is not valid yet"),
        // As by `openssl x509 -days -1`.
        webpki::Error::InvalidCertValidity => Some("this certificate ends before it begins"),
        _ => None,
    }
}

/// What is wrong with a certificate by itself at this time. Without anchors no chain can be built, but the dates are checked before
/// that, and then whether it is an authority's.
fn verify_alone(certificate: &webpki::EndEntityCert<'_>, at: UnixTime) -> Result<(), webpki::Error> {
    let usage = webpki::KeyUsage::server_auth();
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    certificate.verify_for_usage(algorithms, &[], &[], at, usage, None, None).map(drop)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let blame = |reason| TlsError::Certificate { path: path.to_owned(), reason };
    let bytes = read(path).map_err(blame)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| blame(say_pem(&error)))?;
    if chain.is_empty() {
        return Err(blame(
            "there is no certificate in it (a PEM block that starts with BEGIN CERTIFICATE)".to_owned(),
        ));
    }
    for (index, certificate) in chain.iter().enumerate() {
        webpki::EndEntityCert::try_from(certificate)
            .map_err(|error| blame(format!("certificate {} in it can't be read: {error}", index + 1)))?;
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let blame = |reason| TlsError::Key { path: path.to_owned(), reason };
    let bytes = read(path).map_err(blame)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) if contains(&bytes, b"BEGIN ENCRYPTED PRIVATE KEY") => {
            Err(blame("the key in it is encrypted; it has to be there without a passphrase".to_owned()))
        }
        Err(pem::Error::NoItemsFound) => Err(blame(
            "there is no private key in it (a PEM block that starts with BEGIN PRIVATE KEY)".to_owned(),
        )),
        Err(error) => Err(blame(say_pem(&error))),
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    crate::config::read_file(path, MAX_FILE_SIZE).map_err(|error| error.to_string())
}

fn say(error: &rustls::Error) -> String {
    match error {
        rustls::Error::General(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The library's own messages quote the file, which may hold a key.
fn say_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a PEM block in it has no END line",
        pem::Error::IllegalSectionStart { .. } => "a PEM block in it has a damaged BEGIN line",
        pem::Error::Base64Decode(_) => "a PEM block in it is not valid base64",
        _ => "it is not a valid PEM file",
    }
    .to_owned()
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
