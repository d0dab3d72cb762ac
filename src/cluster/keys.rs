//! What replicas know each other by.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::config;

/// A number that is used once.
pub(super) type Nonce = [u8; 32];

/// The length of a code that proves knowledge of the secret.
pub(super) const CODE: usize = 32;

/// The secrets that count: the first is what this replica proves itself with.
pub(super) struct Keys(Vec<hmac::Key>);

/// One of the secrets.
pub(super) struct Key<'a>(&'a hmac::Key);

/// A secret of one connection, which both of its ends know and nobody else does. What follows the handshake can be
/// protected with it.
pub struct ConnectionKey(Zeroizing<[u8; CODE]>);

/// What a code is for. One that was made for one purpose is of no use for another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Opening,
    Verdict,
    Connection,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Opening => b"wharf relay 1: opening\0",
            Self::Verdict => b"wharf relay 1: verdict\0",
            Self::Connection => b"wharf relay 1: connection\0",
        }
    }
}

/// The system has no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system has no random bytes")]
pub(super) struct NoRandomBytes;

pub(super) fn nonce() -> Result<Nonce, NoRandomBytes> {
    let mut nonce = [0; 32];
    SystemRandom::new().fill(&mut nonce).map_err(|_| NoRandomBytes)?;
    Ok(nonce)
}

impl Keys {
    pub(super) fn of(settings: &config::Cluster) -> Self {
        let secrets = std::iter::once(&settings.secret).chain(&settings.more_secrets);
        Self(secrets.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())).collect())
    }

    /// What this replica proves itself with.
    pub(super) fn own(&self) -> Option<Key<'_>> {
        self.0.first().map(Key)
    }

    /// The secret that this code was made with.
    pub(super) fn known_by(&self, purpose: Purpose, parts: &[&[u8]], code: &[u8]) -> Option<Key<'_>> {
        self.0.iter().map(Key).find(|key| key.is_right(purpose, parts, code))
    }
}

impl Key<'_> {
    pub(super) fn code(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; CODE] {
        let mut context = hmac::Context::with_key(self.0);
        context.update(purpose.label());
        parts.iter().for_each(|part| context.update(part));
        let mut code = [0; CODE];
        code.copy_from_slice(context.sign().as_ref());
        code
    }

    /// Compares in constant time.
    pub(super) fn is_right(&self, purpose: Purpose, parts: &[&[u8]], code: &[u8]) -> bool {
        let message: Vec<u8> =
            [purpose.label()].iter().chain(parts).flat_map(|part| part.iter().copied()).collect();
        hmac::verify(self.0, &message, code).is_ok()
    }

    pub(super) fn connection(&self, of_owner: &Nonce, of_opener: &Nonce) -> ConnectionKey {
        ConnectionKey(Zeroizing::new(self.code(Purpose::Connection, &[of_owner, of_opener])))
    }
}

impl ConnectionKey {
    /// The bytes of the key.
    pub fn expose(&self) -> &[u8] {
        &*self.0
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} secrets)", self.0.len())
    }
}

impl fmt::Debug for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionKey(***)")
    }
}
