//! Which versions and cipher suites of TLS are spoken.

use rustls::CipherSuite;

use super::super::checked::TlsVersion;
use super::super::raw;
use super::super::read::At;
use super::super::suggest::{hint, quote};
use super::Checker;
use crate::tls;

impl Checker<'_> {
    /// The oldest version that clients may speak.
    pub(super) fn min_version(&self, field: Option<At<raw::TlsVersion>>) -> TlsVersion {
        match field.and_then(|at| at.value) {
            Some(raw::TlsVersion::Tls13) => TlsVersion::Tls13,
            Some(raw::TlsVersion::Tls12) | None => TlsVersion::Tls12,
        }
    }

    /// The suites that are named, which have to be of a version that is spoken; empty: all.
    pub(super) fn cipher_suites(
        &self,
        field: Option<At<Vec<At<String>>>>,
        min_version: TlsVersion,
    ) -> Vec<CipherSuite> {
        let Some(At { value: Some(named), span, .. }) = field else { return Vec::new() };
        if named.is_empty() {
            self.problem(span, "at least one is needed; without this key there are all");
        }
        let known = tls::cipher_suites();
        let mut suites = Vec::new();
        for at in named {
            let Some(name) = at.value else { continue };
            match known.iter().find(|suite| tls::suite_name(suite.suite()) == name) {
                None => {
                    let names: Vec<_> = known.iter().map(|suite| tls::suite_name(suite.suite())).collect();
                    let hint = hint(&name, names.iter().map(String::as_str), "known are");
                    self.problem(at.span, format!("unknown cipher suite {}{hint}", quote(&name)));
                }
                Some(suite) if suite.tls13().is_none() && min_version == TlsVersion::Tls13 => {
                    let name = quote(&name);
                    self.problem(at.span, format!("{name} is of TLS 1.2, which `min_version` rules out"));
                }
                Some(suite) => suites.push(suite.suite()),
            }
        }
        suites
    }
}
