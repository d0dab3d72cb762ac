//! The hashes of crypt(3), as in shadow files and those of htpasswd.

use subtle::ConstantTimeEq;
use yescrypt::{Mode, PasswordVerifier};

use super::Flaw;

/// The highest bcrypt cost: one more doubles the time, and 16 takes seconds.
const BCRYPT_MAX_COST: u32 = 16;
/// The most rounds of SHA-crypt; its default is 5000.
const SHA_CRYPT_MAX_ROUNDS: u32 = 5_000_000;
/// The most memory of a check by yescrypt, in bytes: a table of 1 GiB, and what lies beside it with the usual parameters.
/// Debian's hashes take 16 MiB.
const YESCRYPT_MAX_MEMORY: u64 = (1 << 30) + (1 << 22);

/// Whether these are signs of crypt's base64.
fn is_base64(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'))
}

pub(super) fn check_bcrypt(text: &str) -> Result<(), Flaw> {
    let parts: bcrypt::HashParts = text.parse().map_err(|error: bcrypt::BcryptError| Flaw::damaged(error))?;
    match parts.get_cost() {
        cost if cost > BCRYPT_MAX_COST => Err(Flaw::TooCostly(format!("cost {cost}"))),
        _ => Ok(()),
    }
}

pub(super) fn verify_bcrypt(password: &[u8], text: &str) -> bool {
    bcrypt::verify(password, text).unwrap_or(false)
}

pub(super) fn check_sha512(text: &str) -> Result<(), Flaw> {
    check_sha(text, 86)
}

pub(super) fn check_sha256(text: &str) -> Result<(), Flaw> {
    check_sha(text, 43)
}

pub(super) fn verify_sha512(password: &[u8], text: &str) -> bool {
    sha_crypt::ShaCrypt::SHA512.verify_password(password, text).is_ok()
}

pub(super) fn verify_sha256(password: &[u8], text: &str) -> bool {
    sha_crypt::ShaCrypt::SHA256.verify_password(password, text).is_ok()
}

/// SHA-crypt whose hash has this many signs.
fn check_sha(text: &str, length: usize) -> Result<(), Flaw> {
    let mut fields = text.split('$').skip(2);
    let mut field = fields.next().unwrap_or_default();
    if let Some(rounds) = field.strip_prefix("rounds=") {
        let rounds: u32 =
            rounds.parse().map_err(|_| Flaw::damaged("the number of rounds is not a number"))?;
        sha_crypt::Params::new(rounds).map_err(|_| Flaw::damaged("at least 1000 rounds are needed"))?;
        if rounds > SHA_CRYPT_MAX_ROUNDS {
            return Err(Flaw::TooCostly(format!("{rounds} rounds")));
        }
        field = fields.next().unwrap_or_default();
    }
    if field.is_empty() || !is_base64(field) {
        return Err(Flaw::damaged("the salt is missing or has odd characters"));
    }
    match (fields.next(), fields.next()) {
        (Some(hash), None) if hash.len() == length && is_base64(hash) => Ok(()),
        _ => Err(Flaw::damaged(format!("the hash must have {length} characters of ./0-9A-Za-z"))),
    }
}

/// Only what Debian and others write: the usual mode, without a change of time beside memory.
pub(super) fn check_yescrypt(text: &str) -> Result<(), Flaw> {
    let mut fields = text.split('$').skip(2);
    let parameters: yescrypt::Params = fields
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|_| Flaw::damaged("its parameters can't be read, or are none of this library"))?;
    let (n, r, p) = (parameters.n(), parameters.r(), parameters.p());
    // Beside the large table lie a block for each thread and two to work in.
    let blocks = n.saturating_add(u64::from(p) + 2);
    let memory = u64::from(r).saturating_mul(blocks).saturating_mul(128);
    if memory > YESCRYPT_MAX_MEMORY || p > 8 {
        return Err(Flaw::TooCostly(format!("{} MiB and {p} threads", memory >> 20)));
    }
    if yescrypt::Params::new(Mode::default(), n, r, p).ok() != Some(parameters) {
        return Err(Flaw::damaged("it is of an unusual mode"));
    }
    match (fields.next(), fields.next(), fields.next()) {
        (Some(salt), Some(hash), None)
            if !salt.is_empty() && is_base64(salt) && hash.len() == 43 && is_base64(hash) =>
        {
            Ok(())
        }
        _ => Err(Flaw::damaged("it must have a salt, and a hash of 43 characters of ./0-9A-Za-z")),
    }
}

pub(super) fn verify_yescrypt(password: &[u8], text: &str) -> bool {
    yescrypt::Yescrypt::default().verify_password(password, text).is_ok()
}

/// The salt and the hash of an MD5-crypt.
fn md5_fields(text: &str) -> Option<(&str, &str)> {
    let (salt, hash) = text.strip_prefix("$1$")?.split_once('$')?;
    let is_sound = (1..=8).contains(&salt.len()) && is_base64(salt) && hash.len() == 22 && is_base64(hash);
    is_sound.then_some((salt, hash))
}

pub(super) fn check_md5(text: &str) -> Result<(), Flaw> {
    let flaw =
        || Flaw::damaged("it must have a salt of at most 8 characters, and a hash of 22 of ./0-9A-Za-z");
    md5_fields(text).map(|_| ()).ok_or_else(flaw)
}

pub(super) fn verify_md5(password: &[u8], text: &str) -> bool {
    let Some((salt, _)) = md5_fields(text) else { return false };
    md5crypt::md5crypt(password, salt.as_bytes()).ct_eq(text.as_bytes()).into()
}
