//! `users_from: [{ ldap: … }]`: a directory service (RFC 4511), asked at each login.
//!
//! The plan. A connection searches for the entry of the user; another one, made for this login alone, shows with the password that
//! whoever logs in is this user (a bind). Then groups are looked up, and the first item of `map` that fits, or `defaults`, is filled with
//! attributes of the entry. Connections that search are kept and used again; one that has done a user's bind never is.
//!
//! Whatever a directory sends is bounded before it is read, and read without recursion: `docs/decisions/answers-of-directories.md`.

mod ber;
mod connection;
mod entry;
mod idle;
mod messages;
#[cfg(test)]
mod played;
mod service;
mod steady;

pub(super) use self::service::Ldap;

#[cfg(test)]
#[path = "ldap_tests.rs"]
mod tests;
