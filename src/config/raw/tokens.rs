//! Tokens by which users show who they are, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Named, Scalar, Secret, Texts};
use crate::config::read::At;

/// Somebody who signs tokens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["issuer", "audience", "keys"]))]
pub(in crate::config) struct Jwt {
    /// Whose tokens these are: the text of their claim `iss`. Example: `issuer: "https://idp.example.com/realms/ftp"`.
    #[schemars(required, extend("x-type" = "text"))]
    pub(in crate::config) issuer: Option<At<String>>,
    /// For whom a token has to be: its claim `aud` is, or has, one of these. Example: `audience: wharf`.
    #[schemars(required, extend("x-type" = "text, or a list of texts"))]
    pub(in crate::config) audience: Option<At<Texts>>,
    /// The public keys of the issuer: `file` or `url`.
    pub(in crate::config) keys: Option<At<JwtKeys>>,
    /// The algorithms by which a token may be signed; the kind of a key decides which of them it can have used. Default: `[RS256, RS384,
    /// RS512, PS256, PS384, PS512, ES256, ES384, EdDSA]`. Example: `algorithms: [RS256, ES256]`.
    #[schemars(extend("x-type" = "list of words"))]
    pub(in crate::config) algorithms: Option<At<Vec<At<String>>>>,
    /// How far the clocks of the issuer and of this server may be apart; at most 5m. Default: `30s`. Example: `leeway: 1m`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) leeway: Option<At<Scalar>>,
    /// The name by which the owner of a token logs in, with places for claims. Default: `"{sub}"`. Example: `name:
    /// "{/kubernetes.io/serviceaccount/name}"`.
    #[schemars(extend("x-type" = "text with places"))]
    pub(in crate::config) name: Option<At<String>>,
    /// What else a token has to say: claims, and the value that each has, or a list of values of which it has one. Default: nothing.
    /// Example: `require: { /kubernetes.io/namespace: [scanners, cameras] }`.
    #[schemars(extend("x-type" = "claims and texts"))]
    pub(in crate::config) require: Option<At<Named<Texts>>>,
    /// What becomes of users with a value in a claim: the first item whose value the claim has counts. Default: none. Example: `map: [{
    /// claim: groups, has: partners, entry: { permissions: upload-only } }]`.
    pub(in crate::config) map: Option<At<Vec<At<JwtEntry>>>>,
    /// The claim that holds keys of the user's entry, which stand in place of those of `defaults` and `map`: whoever signs the tokens
    /// decides what their owners may do. Default: none. Example: `entry_claim: wharf`.
    #[schemars(extend("x-type" = "claim"))]
    pub(in crate::config) entry_claim: Option<At<String>>,
}

/// What becomes of users with a value in a claim.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct JwtEntry {
    /// The claim: a text, or a list of texts. Example: `claim: /realm_access/roles`.
    #[schemars(required, extend("x-type" = "claim"))]
    pub(in crate::config) claim: Option<At<String>>,
    /// What it is, or has among others. Example: `has: partners`.
    #[schemars(required, extend("x-type" = "text"))]
    pub(in crate::config) has: Option<At<String>>,
    /// Keys of the entry, as in `defaults`, which stand in place of those there. Example: `entry: { permissions: upload-only }`.
    #[schemars(with = "Option<BTreeMap<String, Value>>", required, extend("x-type" = "section"))]
    pub(in crate::config) entry: Option<At<Map<String, Value>>>,
}

/// The public keys of an issuer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct JwtKeys {
    /// A file with them: a JWKS, or blocks of PEM. Example: `file: idp.jwks`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) file: Option<At<String>>,
    /// The URL of the issuer's JWKS; it is fetched when a token is checked first, each hour, and when a token names a key that is not
    /// known. While there is no answer, the keys of before count. Example: `url: "https://idp.example.com/jwks"`.
    #[schemars(extend("x-type" = "URL"))]
    pub(in crate::config) url: Option<At<String>>,
    /// A file of PEM certificates that are trusted in place of the system's authorities. Default: those of the system. Example:
    /// `ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt`.
    #[schemars(extend("x-type" = "path"))]
    pub(in crate::config) ca_file: Option<At<String>>,
    /// The bearer token by which the server of the URL knows Wharf; that in a file is read each time. Default: none. Example: `token: {
    /// file: /var/run/secrets/kubernetes.io/serviceaccount/token }`.
    pub(in crate::config) token: Option<At<Secret>>,
    /// How long the server of the URL may take, from 100ms to 1m. Default: `5s`. Example: `timeout: 2s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(in crate::config) timeout: Option<At<Scalar>>,
}
