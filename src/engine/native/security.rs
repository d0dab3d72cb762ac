//! The protection of a session's connections, and the commands that are allowed in plain text.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::reply::Reply;
use super::tls::{Resumption, Tls};

/// The protection of a session (RFC 2228 and 4217).
pub(super) struct Security {
    /// The TLS that the server offers.
    tls: Option<Arc<Tls>>,
    /// Set once the control connection has been encrypted.
    resumption: Option<Arc<Resumption>>,
    /// PROT P.
    private: bool,
    /// PROT P was refused: a client that asked for it must not get data connections in plain text.
    private_in_vain: bool,
    /// Data connections are encrypted unless PROT says otherwise, because of the way in which TLS began.
    private_at_first: bool,
}

/// The protection of a data connection. Only [`Security`] makes one, so its owner knows that the configuration allows
/// it.
#[derive(Clone)]
pub(super) struct Protection(Option<(Arc<Tls>, Arc<Resumption>)>);

impl Protection {
    pub(super) fn is_private(&self) -> bool {
        self.0.is_some()
    }

    /// The required TLS, and the proof that belongs to it.
    pub(super) fn into_tls(self) -> Option<(Arc<Tls>, Arc<Resumption>)> {
        self.0
    }
}

impl Security {
    pub(super) fn new(tls: Option<Arc<Tls>>) -> Self {
        Self { tls, resumption: None, private: false, private_in_vain: false, private_at_first: false }
    }

    /// Another TLS is offered, unless the session uses one already.
    pub(super) fn offer(&mut self, tls: Option<Arc<Tls>>) {
        if self.resumption.is_none() {
            self.tls = tls;
        }
    }

    /// The TLS that the server offers.
    pub(super) fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The control connection is encrypted. With TLS from the start (implicit TLS), and after AUTH SSL, some clients
    /// never ask for encrypted data connections, but expect them.
    pub(super) fn control_is_encrypted(&mut self, resumption: Resumption, data_is_private: bool) {
        self.resumption = Some(Arc::new(resumption));
        self.private_at_first = data_is_private;
        self.reset();
    }

    /// A user has logged in; `is_one` if all sessions with this name belong to the same user.
    pub(super) fn logged_in(&self, user: &str, is_one: bool) {
        let Some(resumption) = &self.resumption else { return };
        let has_to_be_this = self.tls.as_ref().is_some_and(|tls| tls.settings().require_session_reuse);
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        resumption.logged_in((is_one && !has_to_be_this).then(|| hasher.finish()));
    }

    /// The certificate that the client has shown on the control connection, if it was verified by what counts `now`.
    pub(super) fn certificate(&self, now: Option<&Arc<Tls>>) -> Option<CertificateDer<'static>> {
        let clients = |tls: Option<&Arc<Tls>>| tls.map(|tls| tls.settings().clients.clone());
        let resumption = self.resumption.as_ref()?;
        // It may have been revoked since.
        let stands = now.is_some_and(|now| now.stands_by(resumption.verifiers()));
        let is_good = stands && clients(self.tls.as_ref()) == clients(now);
        resumption.certificate().filter(|_| is_good).cloned()
    }

    /// Whether the control connection has been encrypted, even if it no longer is.
    pub(super) fn is_established(&self) -> bool {
        self.resumption.is_some()
    }

    /// Whether a user may log in over a connection that is encrypted or not.
    pub(super) fn may_log_in(&self, encrypted: bool) -> bool {
        encrypted || !self.tls.as_ref().is_some_and(|tls| tls.settings().required_control)
    }

    /// Whether the control connection may go back to plain text.
    pub(super) fn may_clear_control(&self) -> bool {
        !self.tls.as_ref().is_some_and(|tls| tls.settings().required_control)
    }

    /// PROT from a client that has not begun TLS.
    pub(super) fn asked_before_tls(&mut self, private: bool) {
        self.private_in_vain = private;
    }

    /// PROT.
    ///
    /// # Errors
    /// The refusal of data connections in plain text.
    pub(super) fn protect_data(&mut self, private: bool) -> Result<(), Reply> {
        if !private && self.data_has_to_be_private() {
            return Err(Reply::new(534, "Data connections have to be encrypted: PROT P."));
        }
        self.private = private;
        self.private_in_vain = false;
        Ok(())
    }

    fn data_has_to_be_private(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.settings().required_data)
    }

    /// The protection of the next data connection.
    ///
    /// # Errors
    /// The refusal of a data connection in plain text (RFC 4217, section 9).
    pub(super) fn protection(&self) -> Result<Protection, Reply> {
        match (&self.tls, &self.resumption) {
            (Some(tls), Some(resumption)) if self.private => {
                Ok(Protection(Some((Arc::clone(tls), Arc::clone(resumption)))))
            }
            _ if self.data_has_to_be_private() => {
                Err(Reply::new(521, "Data connections have to be encrypted: send PBSZ 0 and PROT P."))
            }
            _ if self.private_in_vain => {
                Err(Reply::new(521, "PROT P was refused: send AUTH TLS and PROT P, or PROT C."))
            }
            _ => Ok(Protection(None)),
        }
    }

    /// Forgets the settings of the last user (REIN).
    pub(super) fn reset(&mut self) {
        self.private = self.private_at_first;
        self.private_in_vain = false;
    }
}
