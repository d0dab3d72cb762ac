//! Password hashes: argon2id, bcrypt and SHA-512-crypt, so that entries of htpasswd and shadow files can be moved over.

use std::cell::RefCell;
use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, PasswordVerifier, Version};
use subtle::ConstantTimeEq;

/// Memory of the largest argon2id hash that is accepted, in KiB. Every login attempt takes it.
const ARGON2_MAX_MEMORY_KIB: u32 = 1024 * 1024;
/// The most passes of an argon2id hash.
const ARGON2_MAX_PASSES: u32 = 100;
/// The highest bcrypt cost: one more doubles the time, and 16 takes seconds.
const BCRYPT_MAX_COST: u32 = 16;
/// The most rounds of SHA-512-crypt; its default is 5000.
const SHA_CRYPT_MAX_ROUNDS: u32 = 5_000_000;

/// The hash of a password, checked to be one that can be verified at a bearable cost.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    scheme: Scheme,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Argon2id,
    Bcrypt,
    Sha512Crypt,
}

/// Why a text is not an acceptable password hash. The message never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    /// It doesn't look like a hash at all; perhaps it is a password.
    #[error("this is not a password hash; make one with `wharf hash-password`")]
    NotAHash,
    /// A scheme that is known by name and not supported.
    #[error("{0} hashes are not supported; argon2id ($argon2id$), bcrypt ($2y$) and SHA-512-crypt ($6$) are")]
    UnsupportedScheme(&'static str),
    /// The scheme is right and the rest is damaged.
    #[error("this {0} hash is damaged: {1}")]
    Damaged(&'static str, String),
    /// Verifying it would let anybody who can connect use up the machine.
    #[error("this {0} hash costs too much for each login: {1}")]
    TooCostly(&'static str, String),
    /// The system gave no random bytes for a salt, or no threads.
    #[error("can't hash the password: {0}")]
    Hashing(String),
}

impl PasswordHash {
    /// Checks a hash as written in a configuration.
    ///
    /// # Errors
    /// [`PasswordHashError`]: what is wrong with it, and what to do.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let scheme = if text.starts_with("$argon2id$") {
            check_argon2id(text)?;
            Scheme::Argon2id
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            check_bcrypt(text)?;
            Scheme::Bcrypt
        } else if text.starts_with("$6$") {
            check_sha512_crypt(text)?;
            Scheme::Sha512Crypt
        } else {
            return Err(name_of_other_scheme(text)
                .map_or(PasswordHashError::NotAHash, PasswordHashError::UnsupportedScheme));
        };
        Ok(Self { scheme, text: text.to_owned() })
    }

    /// Hashes a new password with argon2id and the parameters that OWASP recommends (19 MiB, 2 passes).
    ///
    /// Takes tens of milliseconds: not for an async thread.
    ///
    /// # Errors
    /// [`PasswordHashError::Hashing`] if the system has no random bytes.
    pub fn new(password: &str) -> Result<Self, PasswordHashError> {
        let hash = Argon2::default()
            .hash_password(password.as_bytes())
            .map_err(|error| PasswordHashError::Hashing(error.to_string()))?;
        Ok(Self { scheme: Scheme::Argon2id, text: hash.to_string() })
    }

    /// Whether this is the hash of `password`.
    ///
    /// Takes as long as the parameters of the hash say: not for an async thread.
    pub fn verify(&self, password: &str) -> bool {
        match self.scheme {
            Scheme::Argon2id => verify_argon2id(password.as_bytes(), &self.text).unwrap_or(false),
            Scheme::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or(false),
            Scheme::Sha512Crypt => {
                sha_crypt::ShaCrypt::SHA512.verify_password(password.as_bytes(), self.text.as_str()).is_ok()
            }
        }
    }

    /// What says how long it takes to verify: hashes with the same text here take the same time.
    pub(crate) fn cost(&self) -> &str {
        // The salt and the hash come last; those of bcrypt are one field.
        let fields = match self.scheme {
            Scheme::Argon2id | Scheme::Sha512Crypt => 2,
            Scheme::Bcrypt => 1,
        };
        let end = self.text.rmatch_indices('$').nth(fields - 1).map_or(0, |(at, _)| at);
        &self.text[..end]
    }

    /// The text that goes into a configuration.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

thread_local! {
    /// Memory for a hash, kept by the thread for the next one. The usual allocators have no good place for so large a
    /// block that comes and goes, and take a new one again and again.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// `None` if the hash is none, which was checked when it was read.
fn verify_argon2id(password: &[u8], text: &str) -> Option<bool> {
    let hash = argon2::PasswordHash::new(text).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let params = Params::try_from(&hash).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
    let mut found = vec![0; expected.as_bytes().len()];
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(blocks, Block::new());
        argon2.hash_password_into_with_memory(password, salt, &mut found, &mut memory[..]).ok()
    })?;
    Some(found.ct_eq(expected.as_bytes()).into())
}

fn check_argon2id(text: &str) -> Result<(), PasswordHashError> {
    const NAME: &str = "argon2id";
    let damaged = |error: &dyn fmt::Display| PasswordHashError::Damaged(NAME, error.to_string());
    let hash = argon2::PasswordHash::new(text).map_err(|error| damaged(&error))?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(damaged(&"the salt or the hash is missing"));
    }
    let parameters = Params::try_from(&hash).map_err(|error| damaged(&error))?;
    if parameters.m_cost() > ARGON2_MAX_MEMORY_KIB || parameters.t_cost() > ARGON2_MAX_PASSES {
        let cost = format!("{} KiB and {} passes", parameters.m_cost(), parameters.t_cost());
        return Err(PasswordHashError::TooCostly(NAME, cost));
    }
    Ok(())
}

fn check_bcrypt(text: &str) -> Result<(), PasswordHashError> {
    const NAME: &str = "bcrypt";
    let parts: bcrypt::HashParts = text
        .parse()
        .map_err(|error: bcrypt::BcryptError| PasswordHashError::Damaged(NAME, error.to_string()))?;
    if parts.get_cost() > BCRYPT_MAX_COST {
        return Err(PasswordHashError::TooCostly(NAME, format!("cost {}", parts.get_cost())));
    }
    Ok(())
}

fn check_sha512_crypt(text: &str) -> Result<(), PasswordHashError> {
    const NAME: &str = "SHA-512-crypt";
    let damaged = |what: &str| PasswordHashError::Damaged(NAME, what.to_owned());
    let mut fields = text["$6$".len()..].split('$');
    let mut field = fields.next().unwrap_or_default();
    if let Some(rounds) = field.strip_prefix("rounds=") {
        let rounds: u32 = rounds.parse().map_err(|_| damaged("the number of rounds is not a number"))?;
        sha_crypt::Params::new(rounds).map_err(|_| damaged("at least 1000 rounds are needed"))?;
        if rounds > SHA_CRYPT_MAX_ROUNDS {
            return Err(PasswordHashError::TooCostly(NAME, format!("{rounds} rounds")));
        }
        field = fields.next().unwrap_or_default();
    }
    let alphabet = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
    if field.is_empty() || !alphabet(field) {
        return Err(damaged("the salt is missing or has odd characters"));
    }
    match (fields.next(), fields.next()) {
        (Some(hash), None) if hash.len() == 86 && alphabet(hash) => Ok(()),
        _ => Err(damaged("the hash must have 86 characters of ./0-9A-Za-z")),
    }
}

fn name_of_other_scheme(text: &str) -> Option<&'static str> {
    const OTHERS: &[(&str, &str)] = &[
        ("$argon2i$", "argon2i"),
        ("$argon2d$", "argon2d"),
        ("$apr1$", "Apache MD5"),
        ("$1$", "MD5-crypt"),
        ("$5$", "SHA-256-crypt"),
        ("$y$", "yescrypt"),
        ("$gy$", "gost-yescrypt"),
        ("$7$", "scrypt"),
        ("$2x$", "broken bcrypt ($2x$)"),
        ("$pbkdf2", "PBKDF2"),
        ("$scrypt$", "scrypt"),
        ("{SHA}", "unsalted SHA-1"),
        ("{SSHA}", "salted SHA-1"),
    ];
    OTHERS.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, name)| *name)
}

/// A hash is worth guarding: it can be attacked offline.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({:?}, ***)", self.scheme)
    }
}

#[cfg(test)]
#[path = "password_hash_tests.rs"]
mod tests;
