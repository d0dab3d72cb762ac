//! TLS as the doctor speaks it: it shakes hands with whoever is there, and decides afterwards whether to trust.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use crate::config::read_file;

/// The longest file of authorities.
const MOST: u64 = 4 << 20;

/// What a server has shown.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// Its own certificate first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Whether a client that takes care would trust it.
    pub(super) verdict: Result<(), Error>,
    /// It is trusted only because it was given as an authority itself, which not all clients do.
    pub(super) is_given_authority: bool,
}

/// Notes the verdict about a certificate, and lets the handshake go on: to say what is wrong needs more than its failure.
/// Whoever uses the connection has to look at the verdict first. That the server has the key of the certificate is demanded.
#[derive(Debug)]
pub(super) struct Witness {
    real: Arc<dyn ServerCertVerifier>,
    /// Those of a file.
    authorities: Vec<CertificateDer<'static>>,
    shown: Mutex<Option<Shown>>,
}

impl Witness {
    /// By the system's authorities, or by those of a file.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Arc<Self>, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut given = Vec::new();
        let real: Arc<dyn ServerCertVerifier> = match authorities {
            Some(path) => {
                let blame = |reason: String| format!("{}: {reason}", path.display());
                let pem = read_file(path, MOST).map_err(|error| blame(error.to_string()))?;
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate =
                        certificate.map_err(|_| blame("it is not a valid PEM file".to_owned()))?;
                    roots.add(certificate.clone()).map_err(|error| blame(error.to_string()))?;
                    given.push(certificate);
                }
                let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
                built.map_err(|error| blame(error.to_string()))?
            }
            None => Arc::new(
                rustls_platform_verifier::Verifier::new(provider).map_err(|error| error.to_string())?,
            ),
        };
        Ok(Arc::new(Self { real, authorities: given, shown: Mutex::new(None) }))
    }

    /// Whether this is a certificate of an authority that was given as one: what `openssl req -x509` makes. Clients with OpenSSL
    /// take it from the server, too; the library never does. The error tells that the dates are right, as they are looked at first.
    fn is_given_authority(&self, certificate: &CertificateDer<'_>, error: &Error) -> bool {
        is_authoritys_own(error) && self.authorities.iter().any(|given| given == certificate)
    }

    /// What the last full handshake has shown.
    pub(super) fn shown(&self) -> Option<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A configuration of its own, which resumes what it was given before, if it keeps sessions.
    pub(super) fn config(
        self: &Arc<Self>,
        versions: &[&'static SupportedProtocolVersion],
        keeps_sessions: bool,
    ) -> Result<Arc<ClientConfig>, String> {
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as _)
            .with_no_client_auth();
        if !keeps_sessions {
            config.resumption = Resumption::disabled();
        }
        Ok(Arc::new(config))
    }
}

/// Whether a certificate was refused because it is an authority's own (its basic constraints say CA:TRUE).
pub(super) fn is_authoritys_own(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other)) if other.to_string().contains("CaUsedAsEndEntity"))
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.real.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let mut verdict = verdict.map(drop);
        let is_given_authority =
            verdict.as_ref().is_err_and(|error| self.is_given_authority(end_entity, error));
        if is_given_authority {
            // The name was not looked at.
            verdict = ParsedCertificate::try_from(end_entity)
                .and_then(|certificate| verify_server_name(&certificate, server_name));
        }
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|certificate| certificate.clone().into_owned()).collect();
        let shown = Shown { chain, verdict, is_given_authority };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.real.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.real.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.real.supported_verify_schemes()
    }
}
