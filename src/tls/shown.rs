//! Certificates that clients have shown, which an authority of clients has signed.

use rustls::pki_types::CertificateDer;

use super::names::DistinguishedName;

/// The SHA-256 hash of a certificate.
pub type Fingerprint = [u8; 32];

/// What is known of a certificate that a client has shown.
#[derive(Debug)]
pub struct ShownCertificate {
    /// Its hash.
    pub sha256: Fingerprint,
    /// Whom it is of; `None` if that can't be read.
    pub subject: Option<DistinguishedName>,
    /// Whether it is valid now: a client may have resumed a session from before its end.
    pub is_in_time: bool,
}

impl ShownCertificate {
    /// Reads a certificate, which was verified in a handshake.
    pub fn of(der: &CertificateDer<'_>) -> Self {
        let certificate = webpki::EndEntityCert::try_from(der).ok();
        let subject = certificate.as_ref().and_then(|read| DistinguishedName::of_der(read.subject()));
        let is_in_time = certificate.is_some_and(|read| super::out_of_time(&read).is_none());
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref());
        Self { sha256, subject, is_in_time }
    }
}
