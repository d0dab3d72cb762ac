//! Somebody who signs tokens (JWT), with a key of each kind.

use std::fmt::Write;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A key with its name.
pub struct Signer {
    key: KeyPair,
    id: String,
    algorithm: &'static str,
}

impl Signer {
    /// A key of RSA with 2048 bits, which signs by RS256.
    pub fn rsa(id: &str) -> Self {
        Self::new(KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), id, "RS256")
    }

    /// A key of the curve P-256.
    pub fn p256(id: &str) -> Self {
        Self::new(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), id, "ES256")
    }

    /// A key of the curve P-384.
    pub fn p384(id: &str) -> Self {
        Self::new(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), id, "ES384")
    }

    /// A key of Ed25519.
    pub fn ed25519(id: &str) -> Self {
        Self::new(KeyPair::generate_for(&PKCS_ED25519).unwrap(), id, "EdDSA")
    }

    fn new(key: KeyPair, id: &str, algorithm: &'static str) -> Self {
        Self { key, id: id.to_owned(), algorithm }
    }

    /// The same key, which signs by another algorithm.
    #[must_use]
    pub fn by(self, algorithm: &'static str) -> Self {
        Self { algorithm, ..self }
    }

    /// A token with these claims, as JSON.
    pub fn token(&self, claims: &str) -> String {
        let (id, algorithm) = (&self.id, self.algorithm);
        self.token_with(&format!(r#"{{"alg":"{algorithm}","kid":"{id}","typ":"JWT"}}"#), claims)
    }

    /// A token with this header.
    pub fn token_with(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let signature = base64url(&self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let scheme = match self.algorithm {
            "RS256" => SignatureScheme::RSA_PKCS1_SHA256,
            "RS512" => SignatureScheme::RSA_PKCS1_SHA512,
            "PS256" => SignatureScheme::RSA_PSS_SHA256,
            "ES256" => SignatureScheme::ECDSA_NISTP256_SHA256,
            "ES384" => SignatureScheme::ECDSA_NISTP384_SHA384,
            "EdDSA" => SignatureScheme::ED25519,
            other => panic!("{other}"),
        };
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let signer = any_supported_type(&der).unwrap().choose_scheme(&[scheme]).unwrap();
        let signature = signer.sign(message).unwrap();
        // RFC 7518, section 3.4: both numbers in the length of the curve.
        match self.algorithm {
            "ES256" => fixed(&signature, 32),
            "ES384" => fixed(&signature, 48),
            _ => signature,
        }
    }

    /// The public key as PEM.
    pub fn pem(&self) -> String {
        self.key.public_key_pem()
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> String {
        let raw = self.key.public_key_raw();
        let mut key = String::new();
        match self.algorithm {
            "ES256" | "ES384" => {
                let (x, y) = raw[1..].split_at(raw.len() / 2);
                let curve = if raw.len() == 65 { "P-256" } else { "P-384" };
                write!(key, r#""kty":"EC","crv":"{curve}","x":"{}","y":"{}""#, base64url(x), base64url(y))
            }
            "EdDSA" => write!(key, r#""kty":"OKP","crv":"Ed25519","x":"{}""#, base64url(raw)),
            _ => {
                let (modulus, exponent) = integers(raw);
                write!(key, r#""kty":"RSA","n":"{}","e":"{}""#, base64url(&modulus), base64url(&exponent))
            }
        }
        .unwrap();
        let (id, algorithm) = (&self.id, self.algorithm);
        format!(r#"{{"kid":"{id}","use":"sig","alg":"{algorithm}",{key}}}"#)
    }
}

/// The public keys of these as a JWKS.
pub fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// As tokens have bytes: without signs that mean something in a URL.
pub fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[number >> (18 - 6 * digit) & 63]));
        }
    }
    text
}

/// The two numbers of a sequence in DER.
fn integers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (_, inside, _) = element(der);
    let (_, first, rest) = element(inside);
    let (_, second, _) = element(rest);
    let without_sign = |number: &[u8]| number.strip_prefix(&[0]).unwrap_or(number).to_vec();
    (without_sign(first), without_sign(second))
}

/// The tag of the first element, what is in it, and what stands behind it.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ ..0x80 => (usize::from(short), 2),
        long => {
            let bytes = usize::from(long & 0x7f);
            let length = der[2..2 + bytes].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, 2 + bytes)
        }
    };
    (der[0], &der[start..start + length], &der[start + length..])
}

fn fixed(signature: &[u8], length: usize) -> Vec<u8> {
    let (first, second) = integers(signature);
    [first, second]
        .iter()
        .flat_map(|number| [vec![0; length - number.len()], number.clone()].concat())
        .collect()
}

#[test]
fn bytes_are_written_as_in_the_rfc() {
    // RFC 7515, appendix C.
    assert_eq!(base64url(&[3, 236, 255, 224, 193]), "A-z_4ME");
    assert_eq!(
        (base64url(b""), base64url(b"f"), base64url(b"fo")),
        (String::new(), "Zg".into(), "Zm8".into())
    );
}
