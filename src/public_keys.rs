//! Public keys of somebody who signs tokens: as JWKS (RFC 7517), or as PEM.
//!
//! The kind of a key decides by which algorithms it can have signed: nothing that a token says makes another key of it. Keys that
//! are no public ones are left out of a JWKS, as those that nobody knows (RFC 7517, section 5).

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The most keys of one document.
const MOST: usize = 64;
/// The lengths of points of curves, not compressed (SEC 1, section 2.3.3).
const P256_POINT: usize = 65;
const P384_POINT: usize = 97;
/// The length of a public key of Ed25519.
const ED25519: usize = 32;

/// Public keys, at least one.
pub(crate) struct PublicKeys(Vec<PublicKey>);

struct PublicKey {
    /// Its name among the keys of its owner.
    id: Option<String>,
    /// Those by which it may have signed.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl PublicKeys {
    /// Those of a file: a JWKS, or blocks of PEM.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn in_file(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') { Self::in_jwks(text.as_bytes()) } else { Self::in_pem(text) }
    }

    /// Those of a JWKS.
    ///
    /// # Errors
    /// A sentence: this is none, or none of its keys is of use.
    pub(crate) fn in_jwks(text: &[u8]) -> Result<Self, String> {
        let wrong = |error: serde_json::Error| {
            format!("this is no JWKS: line {} column {}", error.line(), error.column())
        };
        let Document { keys } = serde_json::from_slice(text).map_err(wrong)?;
        if keys.len() > MOST {
            return Err(format!("there are more than {MOST} keys in it"));
        }
        let known = keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys: Vec<_> = known.filter_map(|key| PublicKey::of_jwk(&key)).collect();
        match keys.is_empty() {
            true => Err("there is no public key in it by which signatures can be checked".to_owned()),
            false => Ok(Self(keys)),
        }
    }

    fn in_pem(text: &str) -> Result<Self, String> {
        const BEGIN: &str = "-----BEGIN ";
        let mut keys = Vec::new();
        for block in text.split_inclusive(BEGIN).skip(1) {
            let block = block.strip_suffix(BEGIN).unwrap_or(block);
            let label = block.split("-----").next().unwrap_or_default();
            if label.ends_with("PRIVATE KEY") {
                return Err("there is a private key in it: whoever can read it can sign tokens".to_owned());
            }
            let pem = format!("{BEGIN}{block}");
            let key = PublicKey::of_pem(label, pem.as_bytes());
            keys.push(key.ok_or_else(|| {
                format!("block {} in it is no public key by which signatures can be checked", keys.len() + 1)
            })?);
        }
        match keys.len() {
            0 => Err("there is no key in it; expected a JWKS, or -----BEGIN PUBLIC KEY-----".to_owned()),
            count if count > MOST => Err(format!("there are more than {MOST} keys in it")),
            _ => Ok(Self(keys)),
        }
    }

    /// The keys that may have signed a token which names this key, or none, and this algorithm. Keys without a name may be any.
    pub(crate) fn of(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &DecodingKey> {
        let keys = self.0.iter().filter(move |key| {
            let is_named = match (&key.id, id) {
                (Some(own), Some(id)) => own == id,
                (None, _) | (_, None) => true,
            };
            is_named && key.algorithms.contains(&algorithm)
        });
        keys.map(|key| &key.key)
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (&key.id, &key.algorithms))).finish()
    }
}

impl PublicKey {
    /// `None` if it is of no use here.
    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let is_for_signatures =
            common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
                && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        if !is_for_signatures {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                vec![Algorithm::ES256]
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => {
                vec![Algorithm::ES384]
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                vec![Algorithm::EdDSA]
            }
            // A secret that both sides know is no public key, and nobody knows what others are.
            _ => return None,
        };
        if let Some(only) = common.key_algorithm {
            let only = Algorithm::from_str(&only.to_string()).ok()?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        (!algorithms.is_empty()).then(|| Self { id: common.key_id.clone(), algorithms, key })
    }

    fn of_pem(label: &str, pem: &[u8]) -> Option<Self> {
        if !["PUBLIC KEY", "RSA PUBLIC KEY"].contains(&label) {
            return None;
        }
        // Each of these reads keys of its own kind only.
        let readers = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
        let key = readers.into_iter().find_map(|read| read(pem).ok())?;
        let length = key.try_get_as_bytes().map_or(0, <[u8]>::len);
        let algorithms = match (key.family(), length) {
            (AlgorithmFamily::Rsa, 1..) => AlgorithmFamily::Rsa.algorithms().to_vec(),
            (AlgorithmFamily::Ec, P256_POINT) => vec![Algorithm::ES256],
            (AlgorithmFamily::Ec, P384_POINT) => vec![Algorithm::ES384],
            (AlgorithmFamily::Ed, ED25519) => vec![Algorithm::EdDSA],
            _ => return None,
        };
        Some(Self { id: None, algorithms, key })
    }
}

#[cfg(test)]
#[path = "public_keys_tests.rs"]
mod tests;
