//! A token: what stands in it, and whether it is genuine and counts here and now.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, get_current_timestamp};
use serde_json::{Map, Value};

use crate::config::TokenIssuer;
use crate::public_keys::PublicKeys;

/// The longest token, in bytes: those of clusters and of clients with many groups are some KiB long.
pub(super) const MAX_LENGTH: usize = 6 * 1024;
/// The most keys that are tried for a token which names none.
const TRIED: usize = 16;
/// The last second of the year 9999: later moments can't be written.
const LAST_SECOND: u64 = 253_402_300_799;

/// What a token says of itself. None of it is proven.
pub(super) struct Token<'a> {
    text: &'a str,
    header: Map<String, Value>,
    issuer: Option<String>,
}

/// Why a token does not count.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// There is no key here by which it can have been signed: there may be others by now.
    Key(&'static str),
    /// Something else is wrong with it.
    Token(String),
}

impl<'a> Token<'a> {
    /// `None` if this does not look like a token: three parts (RFC 7515, section 7.1), of which the first is a header.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let is_base64 = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if text.len() > MAX_LENGTH || parts.next().is_some() || !is_base64(claims) || !is_base64(signature) {
            return None;
        }
        let header = object(header)?;
        if !header.contains_key("alg") {
            return None;
        }
        let issuer = match object(claims).as_ref().and_then(|claims| claims.get("iss")) {
            Some(Value::String(issuer)) => Some(issuer.clone()),
            _ => None,
        };
        Some(Self { text, header, issuer })
    }

    /// Who has made it, as it says.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The claims, if it is genuine and counts here and now.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn claims(&self, from: &TokenIssuer, keys: &PublicKeys) -> Result<Value, Wrong> {
        let algorithm = self.algorithm(from)?;
        let id = match self.header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.as_str()),
            Some(_) => return Err(wrong("it names its key by something else than a text")),
        };
        let mut tried = keys.of(id, algorithm).take(TRIED).peekable();
        if tried.peek().is_none() {
            return Err(Wrong::Key("it is signed by a key that is not known"));
        }
        let signed = tried.find_map(|key| match self.decoded(from, algorithm, key) {
            Err(ErrorKind::InvalidSignature) => None,
            decoded => Some(decoded),
        });
        match signed {
            Some(decoded) => {
                let claims = decoded.map_err(|error| said(&error))?;
                came_about(&claims, from.leeway)?;
                Ok(claims)
            }
            // It may be of a key that has no name, and is new.
            None if id.is_none() => Err(Wrong::Key("its signature is wrong")),
            None => Err(wrong("its signature is wrong")),
        }
    }

    fn algorithm(&self, from: &TokenIssuer) -> Result<Algorithm, Wrong> {
        // RFC 7515, section 4.1.11: what has to be understood and is not.
        if self.header.contains_key("crit") {
            return Err(wrong("its header has to be understood, and is not"));
        }
        let word = self.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let known = from.algorithms.contains(&word).then(|| Algorithm::from_str(word).ok()).flatten();
        known.ok_or_else(|| wrong("it is signed by an algorithm that does not count here"))
    }

    fn decoded(
        &self,
        from: &TokenIssuer,
        algorithm: Algorithm,
        key: &DecodingKey,
    ) -> Result<Value, ErrorKind> {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&from.issuer]);
        validation.set_audience(&from.audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        validation.leeway = from.leeway.as_secs();
        decode(self.text, key, &validation).map(|decoded| decoded.claims).map_err(|error| error.into_kind())
    }
}

/// The end of a token whose claims these are. Its moment is that of a clock which may be as far from ours as `leeway`.
pub(super) fn end(claims: &Value, leeway: Duration) -> Option<SystemTime> {
    let seconds = seconds(claims.get("exp")?)?;
    let seconds = seconds.saturating_add(leeway.as_secs()).min(LAST_SECOND);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// RFC 7519, section 4.1.6: the time at which it was made, which can't lie ahead.
fn came_about(claims: &Value, leeway: Duration) -> Result<(), Wrong> {
    match claims.get("iat").map(seconds) {
        None => Ok(()),
        Some(Some(made)) if made <= get_current_timestamp().saturating_add(leeway.as_secs()) => Ok(()),
        Some(_) => Err(wrong("it says of itself that it will be made later")),
    }
}

/// A date as a number (RFC 7519, section 2), in whole seconds.
fn seconds(date: &Value) -> Option<u64> {
    let rounded = || {
        let seconds = date.as_f64()?.round();
        // Only numbers that are written so: larger ones end in the year 9999 anyway.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
        (seconds >= 0.0).then_some(seconds as u64)
    };
    date.as_u64().or_else(rounded)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = Base64UrlUnpadded::decode_vec(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn wrong(reason: &str) -> Wrong {
    Wrong::Token(reason.to_owned())
}

fn said(error: &ErrorKind) -> Wrong {
    match error {
        ErrorKind::ExpiredSignature => wrong("it has ended"),
        ErrorKind::ImmatureSignature => wrong("it does not count yet"),
        ErrorKind::InvalidAudience => wrong("it is for somebody else: see its claim `aud`"),
        ErrorKind::InvalidIssuer => wrong("it is of another issuer"),
        ErrorKind::MissingRequiredClaim(claim) => {
            Wrong::Token(format!("it has no claim `{claim}` as it has to be"))
        }
        ErrorKind::InvalidClaimFormat(claim) => {
            Wrong::Token(format!("its claim `{claim}` is not as it has to be"))
        }
        _ => wrong("it can't be read"),
    }
}
