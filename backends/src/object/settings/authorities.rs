//! Authorities for the certificate of a store that is not public.
//!
//! A file of certificates takes the place of the system's authorities. Most of its certificates are an authority's. But the usual
//! command for a certificate of one machine, `openssl req -x509`, makes a certificate that is both: it calls itself an authority,
//! and the server shows it as its own. The rules for chains refuse this. Here such a certificate is accepted if it is, byte for
//! byte, in the file; its dates and its names still count, and the server has to prove that it has the key.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};

use super::error::SettingsError;

/// Certificates that are trusted instead of the system's.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(Arc<[CertificateDer<'static>]>);

impl Authorities {
    /// The certificates in a file of PEM blocks; blocks of other kinds are skipped.
    ///
    /// # Errors
    /// A sentence: the file has no certificate, or one can't be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, String> {
        let certificates = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| match error {
            pem::Error::MissingSectionEnd { .. } => "a certificate in it has no end".to_owned(),
            pem::Error::Base64Decode(_) => "a certificate in it is damaged".to_owned(),
            error => format!("it can't be read: {error}"),
        })?;
        if certificates.is_empty() {
            return Err(
                "there is no certificate in it; a block begins with -----BEGIN CERTIFICATE-----".to_owned()
            );
        }
        let authorities = Self(certificates.into());
        authorities.roots()?;
        Ok(authorities)
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        for (index, certificate) in self.0.iter().enumerate() {
            let added = roots.add(certificate.clone());
            added.map_err(|error| format!("certificate {} in it can't be used: {error}", index + 1))?;
        }
        Ok(roots)
    }

    /// The configuration of TLS connections to a server that these certificates vouch for.
    ///
    /// # Errors
    /// If one of them can't be used after all.
    pub fn tls(&self) -> Result<ClientConfig, SettingsError> {
        let failed = |reason: String| SettingsError::invalid("authorities", reason);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(self.roots().map_err(failed)?);
        let chains = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let verifier = Verifier { chains, own: self.clone(), provider: Arc::clone(&provider) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(config)
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({} certificates)", self.0.len())
    }
}

#[derive(Debug)]
struct Verifier {
    chains: Arc<WebPkiServerVerifier>,
    own: Authorities,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Accepts a certificate that is itself in the file.
    fn verify_own(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let other = |error| CertificateError::Other(OtherError(Arc::new(error)));
        let parsed = webpki::EndEntityCert::try_from(certificate).map_err(other)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let usage = webpki::KeyUsage::server_auth();
        match parsed.verify_for_usage(algorithms, &[], &[], now, usage, None, None).map(drop) {
            // The first error comes only after the dates were checked. A certificate that is no authority's gets the second
            // one, because its issuer is searched next.
            Err(webpki::Error::CaUsedAsEndEntity | webpki::Error::UnknownIssuer) | Ok(()) => {}
            Err(webpki::Error::CertExpired { time, not_after }) => {
                return Err(CertificateError::ExpiredContext { time, not_after }.into());
            }
            Err(webpki::Error::CertNotValidYet { time, not_before }) => {
                return Err(CertificateError::NotValidYetContext { time, not_before }.into());
            }
            Err(error) => return Err(other(error).into()),
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.own.0.contains(certificate) {
            return self.verify_own(certificate, name, now);
        }
        self.chains.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

#[cfg(test)]
#[path = "authorities_tests.rs"]
mod tests;
