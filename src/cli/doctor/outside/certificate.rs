//! TLS of the control connection, and the certificate that the server shows.

use std::time::SystemTime;

use rustls::{CertificateError, Error};

use super::super::{AUTHORITYS_OWN, MAKE_A_SERVERS, findings::quoted};
use super::encryption::{Shown, is_authoritys_own};
use super::session::{Session, is_not_tls, words};
use super::target::Passage;
use super::{Examination, Step};
use crate::tls::{Age, Described};

impl Examination<'_> {
    /// Begins TLS, and looks at the certificate.
    pub(super) fn encrypt(&mut self, session: &mut Session) -> Step<()> {
        let config = match self.wishes.witness.config(rustls::ALL_VERSIONS, true) {
            Ok(config) => config,
            Err(reason) => return self.stop("tls", reason, "this build of wharf can't speak TLS"),
        };
        let encryption = self.encryption(&config);
        if let Err(error) = session.encrypt(&encryption) {
            let text = words(&error);
            let cure = match text.as_str() {
                _ if is_not_tls(&error) && self.target.implicit => {
                    "the port speaks plain text first: ftp:// instead of ftps://"
                }
                _ if is_not_tls(&error) => {
                    "the server agreed to TLS (234), and then did not speak it: look at its certificate and its log, and at \
                     gateways on the way that read FTP"
                }
                text if text.contains("CertificateRequired") || text.contains("certificate required") => {
                    "the server wants a certificate of the client, which the doctor has none of"
                }
                text if text.contains("HandshakeFailure") || text.contains("ProtocolVersion") => {
                    "server and client have no version or cipher suite in common: look at `tls.min_version` and \
                     `tls.cipher_suites` there"
                }
                _ => "the server's log says why the handshake failed",
            };
            return self.stop("tls", format!("the TLS handshake failed: {text}"), cure);
        }
        let version = session.wire().version().map_or("TLS", version_name);
        self.report.ok("tls", format!("the control connection is encrypted by {version}"));
        self.config = Some(config);
        self.examine_certificate()?;
        self.certificate = session.wire().certificate();
        Ok(())
    }

    fn examine_certificate(&mut self) -> Step<()> {
        let Some(shown) = self.wishes.witness.shown() else {
            return self.stop(
                "certificate",
                "the server has shown no certificate",
                "look at the server's certificate",
            );
        };
        let now = SystemTime::now();
        let own = shown.chain.first().and_then(Described::of);
        let Some(own) = own else {
            return self.stop("certificate", "the certificate can't be read", "make a new one");
        };
        let sentence = format!("the server shows {}", own.sentence(now));
        match &shown.verdict {
            Ok(()) => {
                match own.age(now) {
                    Age::Good => self.report.ok("certificate", sentence),
                    Age::Old => self.report.warning("certificate", sentence, RENEW),
                    Age::Late => self.report.problem("certificate", sentence, RENEW),
                }
                if shown.is_given_authority {
                    self.report.warning(
                        "certificate",
                        format!("the certificate {AUTHORITYS_OWN}"),
                        MAKE_A_SERVERS,
                    );
                }
            }
            Err(error) => {
                let (says, cure) = distrust(error, &shown, &own, &self.target.host);
                self.report.problem("certificate", format!("{sentence}; {says}"), cure);
                // A password is for the server that was named, and for nobody in its place.
                if !self.wishes.password.may_go(Passage::Untrusted, self.wishes.consent) {
                    self.report.advise(
                        "login",
                        "not tried: the certificate can't be trusted, and the password could get to somebody else",
                        "--authorities FILE with the authority's certificate; or --insecure, if you know who answers there",
                    );
                    return Err(super::Ended);
                }
            }
        }
        Ok(())
    }
}

const RENEW: &str = "renew it; Wharf takes renewed files without a restart";

fn distrust(error: &Error, shown: &Shown, own: &Described, host: &str) -> (String, &'static str) {
    let Error::InvalidCertificate(cause) = error else {
        return (format!("clients can't trust it: {error}"), "make a new certificate");
    };
    match cause {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("clients refuse it, as its time is over".to_owned(), RENEW)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "clients refuse it, as its time has not come".to_owned(),
            "look at the clocks of the server and of this machine",
        ),
        CertificateError::UnknownIssuer if own.is_own_issuer() => (
            "no authority vouches for it".to_owned(),
            "give clients this certificate as an authority, or get one of an authority that they know",
        ),
        CertificateError::UnknownIssuer if shown.chain.len() == 1 => (
            "the authority that signed it is not known here, and the server shows no certificate in between"
                .to_owned(),
            "put the certificates that lead to the authority behind the server's own in `tls.certificate`; or give clients the \
             authority",
        ),
        CertificateError::UnknownIssuer => (
            "the authority at the end of its chain is not known here".to_owned(),
            "give clients the authority, or get a certificate of one that they know",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("it is not one of {}", quoted(host)),
            "connect by a name that it has, or get a certificate for this name (`tls.certificates` has more than one)",
        ),
        CertificateError::Revoked => ("it was revoked".to_owned(), "get a new one"),
        _ if is_authoritys_own(error) => (format!("it {AUTHORITYS_OWN}"), MAKE_A_SERVERS),
        other => (format!("clients can't trust it: {other:?}"), "make a new certificate"),
    }
}

pub(super) fn version_name(version: rustls::ProtocolVersion) -> &'static str {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2",
        rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3",
        _ => "TLS",
    }
}
