//! `users_from: [{ http: URL }]`: a service that is asked at each login, with all that is known of the client.
//!
//! `docs/users-from-http.openapi.yaml` is the protocol.

mod document;
mod question;
mod service;

pub(super) use self::service::Http;

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
