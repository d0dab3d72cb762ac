//! Hashes by functions that derive keys: PBKDF2 as SFTPGo writes it, and scrypt.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use base64ct::{Base64, Encoding};
use scrypt::Scrypt;
use scrypt::mcf::PasswordHashRef;
use scrypt::password_hash::{PasswordVerifier, phc};

use super::Flaw;

/// The most iterations of PBKDF2 for all blocks of a hash: some seconds.
const PBKDF2_MAX_WORK: u64 = 10_000_000;
/// The most memory of a check by scrypt, and the most that all its passes go through, in bytes: a table of 1 GiB, and
/// what lies beside it with the usual parameters.
const SCRYPT_MAX_MEMORY: u128 = (1 << 30) + (1 << 22);
const SCRYPT_MAX_WORK: u128 = 4 * SCRYPT_MAX_MEMORY;

/// Where the salt of `$7$` begins: behind a sign for N, and five each for r and p.
pub(super) const SCRYPT_CRYPT_SALT: usize = "$7$".len() + 11;

pub(super) const PBKDF2_PREFIXES: &[&str] =
    &["$pbkdf2-sha1$", "$pbkdf2-sha256$", "$pbkdf2-sha512$", "$pbkdf2-b64salt-sha256$"];

/// `$pbkdf2-sha256$ITERATIONS$SALT$HASH`. SFTPGo takes the salt as it is written, but for `b64salt`.
struct Pbkdf2 {
    algorithm: pbkdf2::Algorithm,
    /// The length of a block of the hash, in bytes.
    block: u64,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    fn parse(text: &str) -> Result<Self, Flaw> {
        let fields: Vec<_> = text.split('$').collect();
        let [_, scheme, iterations, salt, hash] = fields[..] else {
            return Err(Flaw::damaged("it must have a number of iterations, a salt and a hash"));
        };
        let (algorithm, block) = match scheme {
            "pbkdf2-sha1" => (PBKDF2_HMAC_SHA1, 20),
            "pbkdf2-sha512" => (PBKDF2_HMAC_SHA512, 64),
            _ => (PBKDF2_HMAC_SHA256, 32),
        };
        let not_base64 = |_| Flaw::damaged("the salt or the hash is not base64");
        let iterations =
            iterations.parse().map_err(|_| Flaw::damaged("the number of iterations is not a number"))?;
        let salt = match scheme.contains("b64salt") {
            true => Base64::decode_vec(salt).map_err(not_base64)?,
            false => salt.as_bytes().to_vec(),
        };
        let hash = Base64::decode_vec(hash).map_err(not_base64)?;
        Ok(Self { algorithm, block, iterations, salt, hash })
    }
}

pub(super) fn check_pbkdf2(text: &str) -> Result<(), Flaw> {
    let Pbkdf2 { block, iterations, salt, hash, .. } = Pbkdf2::parse(text)?;
    if salt.is_empty() || !(16..=128).contains(&hash.len()) {
        return Err(Flaw::damaged("it must have a salt, and a hash of 16 to 128 bytes"));
    }
    let blocks = (hash.len() as u64).div_ceil(block);
    if u64::from(iterations.get()) * blocks > PBKDF2_MAX_WORK {
        return Err(Flaw::TooCostly(format!("{iterations} iterations for each of {blocks} blocks")));
    }
    Ok(())
}

pub(super) fn verify_pbkdf2(password: &[u8], text: &str) -> bool {
    Pbkdf2::parse(text).is_ok_and(|Pbkdf2 { algorithm, iterations, salt, hash, .. }| {
        pbkdf2::verify(algorithm, iterations, &salt, password, &hash).is_ok()
    })
}

/// `n` is the logarithm of N.
fn check_scrypt_cost(n: u32, r: u32, p: u32) -> Result<(), Flaw> {
    let block = u128::from(r) * 128;
    let blocks = 1_u128.checked_shl(n).unwrap_or(u128::MAX);
    // One block for each of the parts, and one to work in, lie beside the large table.
    let memory = blocks.saturating_add(u128::from(p) + 1).saturating_mul(block);
    if memory > SCRYPT_MAX_MEMORY || memory.saturating_mul(u128::from(p)) > SCRYPT_MAX_WORK {
        return Err(Flaw::TooCostly(format!("2^{n} blocks of {r} × 128 bytes, {p} times")));
    }
    match u8::try_from(n).map(|n| scrypt::Params::new(n, r, p)) {
        Ok(Ok(_)) if n > 0 => Ok(()),
        _ => Err(Flaw::damaged("its parameters are none of scrypt")),
    }
}

/// `$scrypt$ln=16,r=8,p=1$SALT$HASH`, in the form of the PHC.
pub(super) fn check_scrypt(text: &str) -> Result<(), Flaw> {
    let hash = phc::PasswordHash::new(text).map_err(Flaw::damaged)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(Flaw::damaged("the salt or the hash is missing"));
    }
    let parameter = |name: &str| hash.params.get_decimal(name);
    let (Some(n), Some(r), Some(p)) = (parameter("ln"), parameter("r"), parameter("p")) else {
        return Err(Flaw::damaged("it must have `ln`, `r` and `p`"));
    };
    check_scrypt_cost(n, r, p)?;
    scrypt::Params::try_from(&hash).map(|_| ()).map_err(Flaw::damaged)
}

pub(super) fn verify_scrypt(password: &[u8], text: &str) -> bool {
    phc::PasswordHash::new(text).is_ok_and(|hash| Scrypt::new().verify_password(password, &hash).is_ok())
}

/// A number of crypt's base64, whose lowest signs come first.
fn number(signs: &[u8]) -> Option<u32> {
    let value = |sign: u8| {
        Some(match sign {
            b'.' => 0,
            b'/' => 1,
            b'0'..=b'9' => sign - b'0' + 2,
            b'A'..=b'Z' => sign - b'A' + 12,
            b'a'..=b'z' => sign - b'a' + 38,
            _ => return None,
        })
    };
    let mut sum = 0_u64;
    for (place, sign) in signs.iter().enumerate() {
        sum |= u64::from(value(*sign)?) << (6 * place);
    }
    u32::try_from(sum).ok()
}

/// `$7$`, by libsodium and crypt(3): the parameters, the salt, and the hash.
pub(super) fn check_scrypt_crypt(text: &str) -> Result<(), Flaw> {
    let shape =
        || Flaw::damaged("it must have parameters, a salt, and a hash of 43 characters of ./0-9A-Za-z");
    let (front, hash) = text.get("$7$".len()..).and_then(|rest| rest.split_once('$')).ok_or_else(shape)?;
    let (parameters, salt) = front.as_bytes().split_at_checked(11).ok_or_else(shape)?;
    let numbers = (number(&parameters[..1]), number(&parameters[1..6]), number(&parameters[6..]));
    let (Some(n), Some(r), Some(p)) = numbers else { return Err(shape()) };
    check_scrypt_cost(n, r, p)?;
    let is_base64 = |signs: &[u8]| signs.iter().all(|sign| number(&[*sign]).is_some());
    if salt.is_empty() || hash.len() != 43 || !is_base64(salt) || !is_base64(hash.as_bytes()) {
        return Err(shape());
    }
    PasswordHashRef::new(text).map(|_| ()).map_err(|_| shape())
}

pub(super) fn verify_scrypt_crypt(password: &[u8], text: &str) -> bool {
    PasswordHashRef::new(text).is_ok_and(|hash| Scrypt::new().verify_password(password, hash).is_ok())
}
