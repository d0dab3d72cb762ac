//! Certificates that clients show in the handshake of the control connection.
//!
//! The plan. TLS has seen to it that an authority of clients has signed the certificate, and that the client has its key. What is left
//! is whether it is one of the user's. A user who has a password, too, needs both, so that the next proof decides; a wrong
//! certificate takes as long as a wrong password.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Attempt, LoginError, Proof, Verdict};
use crate::accounts::build::{AccountsError, Known};
use crate::accounts::lasting::Lasting;
use crate::config::{Config, OwnCertificate};
use crate::tls::ShownCertificate;

#[derive(Debug)]
struct Certificates;

/// This proof is always there: files of users that come later may name certificates.
pub(super) fn open(_: &Config, _: &Known, _: &Lasting) -> Result<Option<Box<dyn Proof>>, AccountsError> {
    Ok(Some(Box::new(Certificates)))
}

/// Whether a client has shown a certificate of a user.
///
/// # Errors
/// Why it has not.
pub(in crate::accounts) fn check(
    own: &OwnCertificate,
    shown: Option<&ShownCertificate>,
) -> Result<(), LoginError> {
    let shown = shown.ok_or(LoginError::NoCertificate)?;
    let is_own = match own {
        OwnCertificate::Sha256(fingerprints) => fingerprints.contains(&shown.sha256),
        OwnCertificate::Subject(subject) => shown.subject.as_ref() == Some(subject),
    };
    match is_own {
        false => Err(LoginError::OtherCertificate),
        true if !shown.is_in_time => Err(LoginError::CertificateExpired),
        true => Ok(()),
    }
}

#[async_trait]
impl Proof for Certificates {
    async fn check(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        let Some((account, own)) =
            attempt.account.and_then(|account| Some((account, account.certificate.as_ref()?)))
        else {
            return Ok(Verdict::Unknown);
        };
        let shown = attempt.client.channel.certificate.map(ShownCertificate::of);
        Ok(match check(own, shown.as_ref()) {
            Err(wrong) => Verdict::Wrong(wrong),
            Ok(()) if account.password.is_some() => Verdict::Unknown,
            Ok(()) => Verdict::Proven(Arc::clone(account)),
        })
    }
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
