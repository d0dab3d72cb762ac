//! How the connections of a session are protected, and what may be done in plain text.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::reply::Reply;
use super::tls::{Resumption, Tls};

/// The protection of a session (RFC 2228 and 4217).
pub(super) struct Security {
    /// What the server offers.
    tls: Option<Arc<Tls>>,
    /// There once the control connection has been encrypted.
    resumption: Option<Arc<Resumption>>,
    /// PROT P.
    private: bool,
    /// PROT P was refused: whoever asked for it must not get data connections in plain text.
    private_in_vain: bool,
    /// Data connections are encrypted unless PROT says otherwise: the way in which TLS began says so.
    private_at_first: bool,
}

/// How a data connection is to be protected. Only [`Security`] makes one, so whoever holds it knows that the
/// configuration allows it.
#[derive(Clone)]
pub(super) struct Protection(Option<(Arc<Tls>, Arc<Resumption>)>);

impl Protection {
    pub(super) fn is_private(&self) -> bool {
        self.0.is_some()
    }

    /// The TLS that it has to have, and by what it is known.
    pub(super) fn into_tls(self) -> Option<(Arc<Tls>, Arc<Resumption>)> {
        self.0
    }
}

impl Security {
    pub(super) fn new(tls: Option<Arc<Tls>>) -> Self {
        Self { tls, resumption: None, private: false, private_in_vain: false, private_at_first: false }
    }

    /// What the server offers.
    pub(super) fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The control connection is encrypted. Where that is so from the start (implicit TLS), and after AUTH SSL, some
    /// clients never ask for data connections to be, and expect it.
    pub(super) fn control_is_encrypted(&mut self, resumption: Resumption, data_is_private: bool) {
        self.resumption = Some(Arc::new(resumption));
        self.private_at_first = data_is_private;
        self.reset();
    }

    /// Somebody has logged in; `is_one` if all of that name are the same.
    pub(super) fn logged_in(&self, user: &str, is_one: bool) {
        let Some(resumption) = &self.resumption else { return };
        let has_to_be_this = self.tls.as_ref().is_some_and(|tls| tls.settings().require_session_reuse);
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        resumption.logged_in((is_one && !has_to_be_this).then(|| hasher.finish()));
    }

    /// Whether the control connection has been encrypted, even if it is not any more.
    pub(super) fn is_established(&self) -> bool {
        self.resumption.is_some()
    }

    /// Whether somebody may log in over a connection that is encrypted or not.
    pub(super) fn may_log_in(&self, encrypted: bool) -> bool {
        encrypted || !self.tls.as_ref().is_some_and(|tls| tls.settings().required_control)
    }

    /// Whether the control connection may go back to plain text.
    pub(super) fn may_clear_control(&self) -> bool {
        !self.tls.as_ref().is_some_and(|tls| tls.settings().required_control)
    }

    /// PROT, of a client that has not begun TLS.
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

    /// How the next data connection is protected.
    ///
    /// # Errors
    /// The refusal of one in plain text (RFC 4217, section 9).
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

    /// Forgets what the last user asked for (REIN).
    pub(super) fn reset(&mut self) {
        self.private = self.private_at_first;
        self.private_in_vain = false;
    }
}
