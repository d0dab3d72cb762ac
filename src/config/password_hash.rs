//! Password hashes: those of Wharf (argon2id), and those that entries of other servers' files hold, so that they can be moved over.
//!
//! A scheme is a row of [`SCHEMES`]. Each row bounds the cost of one check: everybody who can connect can ask for one.

mod argon2id;
mod crypt;
mod derived;

use std::fmt;

use argon2::{Argon2, PasswordHasher};

/// The hash of a password, checked to be one that can be verified at a bearable cost.
#[derive(Clone)]
pub struct PasswordHash {
    scheme: &'static Scheme,
    text: String,
}

/// A kind of hash.
struct Scheme {
    /// Its name in messages.
    name: &'static str,
    /// What its hashes begin with.
    prefixes: &'static [&'static str],
    /// Whether the hash is one that can be verified, and at which cost.
    check: fn(&str) -> Result<(), Flaw>,
    /// Whether the checked hash is that of the password.
    verify: fn(&[u8], &str) -> bool,
    /// Where salt and hash begin: what is before says how long a check takes.
    salt: fn(&str) -> usize,
    /// Whoever has seen the hash finds most passwords in a short time.
    is_weak: bool,
}

/// What is wrong with the text of a hash.
enum Flaw {
    Damaged(String),
    TooCostly(String),
}

impl Flaw {
    fn damaged(reason: impl fmt::Display) -> Self {
        Self::Damaged(reason.to_string())
    }
}

/// All schemes. The first one is that of new hashes.
static SCHEMES: &[Scheme] = &[
    Scheme {
        name: "argon2id",
        prefixes: &["$argon2id$"],
        check: argon2id::check,
        verify: argon2id::verify,
        salt: last_fields::<2>,
        is_weak: false,
    },
    Scheme {
        name: "bcrypt",
        prefixes: &["$2a$", "$2b$", "$2y$"],
        check: crypt::check_bcrypt,
        verify: crypt::verify_bcrypt,
        // The salt and the hash are one field.
        salt: last_fields::<1>,
        is_weak: false,
    },
    Scheme {
        name: "SHA-512-crypt",
        prefixes: &["$6$"],
        check: crypt::check_sha512,
        verify: crypt::verify_sha512,
        salt: last_fields::<2>,
        is_weak: false,
    },
    Scheme {
        name: "SHA-256-crypt",
        prefixes: &["$5$"],
        check: crypt::check_sha256,
        verify: crypt::verify_sha256,
        salt: last_fields::<2>,
        is_weak: false,
    },
    Scheme {
        name: "yescrypt",
        prefixes: &["$y$"],
        check: crypt::check_yescrypt,
        verify: crypt::verify_yescrypt,
        salt: last_fields::<2>,
        is_weak: false,
    },
    Scheme {
        name: "scrypt",
        prefixes: &["$scrypt$"],
        check: derived::check_scrypt,
        verify: derived::verify_scrypt,
        salt: last_fields::<2>,
        is_weak: false,
    },
    Scheme {
        name: "scrypt",
        prefixes: &["$7$"],
        check: derived::check_scrypt_crypt,
        verify: derived::verify_scrypt_crypt,
        // The salt follows the parameters in one field.
        salt: |_| derived::SCRYPT_CRYPT_SALT,
        is_weak: false,
    },
    Scheme {
        name: "PBKDF2",
        prefixes: derived::PBKDF2_PREFIXES,
        check: derived::check_pbkdf2,
        verify: derived::verify_pbkdf2,
        salt: last_fields::<2>,
        is_weak: false,
    },
    Scheme {
        name: "MD5-crypt",
        prefixes: &["$1$"],
        check: crypt::check_md5,
        verify: crypt::verify_md5,
        salt: last_fields::<2>,
        is_weak: true,
    },
];

/// Where the last so many fields begin.
fn last_fields<const FIELDS: usize>(text: &str) -> usize {
    text.rmatch_indices('$').nth(FIELDS - 1).map_or(0, |(at, _)| at)
}

/// Why a text is not an acceptable password hash. The message never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    /// It doesn't look like a hash at all; perhaps it is a password.
    #[error("this is not a password hash; make one with `wharf hash-password`")]
    NotAHash,
    /// A scheme that is known by name and not supported.
    #[error("{0} hashes are not supported; make a new one with `wharf hash-password`")]
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
        let is_of = |scheme: &&Scheme| scheme.prefixes.iter().any(|prefix| text.starts_with(prefix));
        let Some(scheme) = SCHEMES.iter().find(is_of) else {
            return Err(name_of_other_scheme(text)
                .map_or(PasswordHashError::NotAHash, PasswordHashError::UnsupportedScheme));
        };
        (scheme.check)(text).map_err(|flaw| match flaw {
            Flaw::Damaged(reason) => PasswordHashError::Damaged(scheme.name, reason),
            Flaw::TooCostly(cost) => PasswordHashError::TooCostly(scheme.name, cost),
        })?;
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
        Self::parse(&hash.to_string())
    }

    /// Whether this is the hash of `password`.
    ///
    /// Takes as long as the parameters of the hash say: not for an async thread.
    pub fn verify(&self, password: &str) -> bool {
        (self.scheme.verify)(password.as_bytes(), &self.text)
    }

    /// What says how long it takes to verify: hashes with the same text here take the same time.
    pub(crate) fn cost(&self) -> &str {
        self.text.get(..(self.scheme.salt)(&self.text)).unwrap_or_default()
    }

    /// The name of the scheme, if whoever has seen the hash finds most passwords in a short time.
    pub(super) fn weakness(&self) -> Option<&'static str> {
        self.scheme.is_weak.then_some(self.scheme.name)
    }

    /// The text that goes into a configuration.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PasswordHash {}

fn name_of_other_scheme(text: &str) -> Option<&'static str> {
    const OTHERS: &[(&str, &str)] = &[
        ("$argon2i$", "argon2i"),
        ("$argon2d$", "argon2d"),
        ("$apr1$", "Apache MD5"),
        ("$gy$", "gost-yescrypt"),
        ("$2x$", "broken bcrypt ($2x$)"),
        ("$pbkdf2", "other PBKDF2"),
        ("{SHA}", "unsalted SHA-1"),
        ("{SSHA}", "salted SHA-1"),
    ];
    OTHERS.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, name)| *name)
}

/// A hash is worth guarding: it can be attacked offline.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({}, ***)", self.scheme.name)
    }
}

#[cfg(test)]
#[path = "password_hash_tests.rs"]
mod tests;
