//! The section `http.admin`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::read::At;
use super::{Scalar, Secret};

/// The admin interface ([administration](administration.md)): sessions, transfers, lock-outs and the rest over HTTP, for programs and for
/// the page in a browser.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Admin {
    /// The token of whoever may see and change everything: at least 16 letters, digits and signs. Example: `token: { file: admin-token }`.
    pub(in crate::config) token: Option<At<Secret>>,
    /// The token of whoever may only look. Example: `read_only_token: { env: WHARF_READ_ONLY_TOKEN }`.
    pub(in crate::config) read_only_token: Option<At<Secret>>,
    /// Addresses of its own. Default: those of `http.listen`. Example: `listen: ["127.0.0.1:9122"]`.
    #[schemars(with = "Option<Vec<String>>", extend("x-type" = "list of addresses"))]
    pub(in crate::config) listen: Option<At<Vec<At<Scalar>>>>,
    /// Whether [the page](live-page.md) for people is there, too, at `/`. Default: `true`. Example: `page: false`.
    pub(in crate::config) page: Option<At<bool>>,
    /// Encryption at addresses of its own. Default: none.
    pub(in crate::config) tls: Option<At<AdminTls>>,
}

/// Encryption of the admin interface.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AdminTls {
    /// PEM file, as `tls.certificate`. Example: `certificate: tls/admin.crt`.
    #[schemars(required, extend("x-type" = "path"))]
    pub(in crate::config) certificate: Option<At<String>>,
    /// PEM file, as `tls.key`. Example: `key: tls/admin.key`.
    #[schemars(required, extend("x-type" = "path"))]
    pub(in crate::config) key: Option<At<String>>,
    /// PEM file: the authorities that sign the certificates of clients. With it, whoever has no such certificate is not listened to, whatever the
    /// token. Default: none. Example: `client_authorities: tls/admins.crt`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) client_authorities: Option<At<String>>,
}
