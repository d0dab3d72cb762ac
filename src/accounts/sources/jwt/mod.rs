//! `users_from: [{ jwt: … }]`: somebody signs tokens (JWT, RFC 7519), and a user's token is the password.
//!
//! The plan. A password that is no token of this issuer is for the next source. Of a token, the issuer's public keys say whether
//! it is genuine, and its claims who its owner is, what the owner may do, and when all this ends. The keys come from a file, or
//! from a URL; then they outlive the answers that bring no new ones.

mod entry;
mod keys;
mod service;
mod token;

pub(super) use self::service::Tokens;

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
