//! Virtual hosts: which certificate is whose, and which user may log in where.

use super::super::checked::HostCertificate;
use super::*;
use crate::host::{HostMap, HostPattern};

/// Where the parts of an item of `tls.certificates` stand.
pub(super) struct ItemPlaces {
    hosts: Vec<Span>,
    /// A host is wrong, so that nobody knows whose the certificate is.
    lacks_hosts: bool,
    certificate: Span,
    key: Span,
}

impl Checker<'_> {
    /// The hosts of a list; empty if there is none. `without` says what that would mean.
    pub(super) fn hosts(
        &self,
        field: Option<At<Vec<At<String>>>>,
        without: &str,
    ) -> Vec<Placed<HostPattern>> {
        let Some(At { value: Some(list), span, .. }) = field else { return Vec::new() };
        if list.is_empty() {
            self.problem(span, format!("at least one host is needed; without this key, {without}"));
        }
        let host = |at: At<String>| Some((self.accept(HostPattern::parse(&at.value?), at.span)?, at.span));
        list.into_iter().filter_map(host).collect()
    }

    /// Certificates of hosts, and where they stand. Those that can't be are left out.
    pub(super) fn host_certificates(
        &self,
        field: Option<At<Vec<At<raw::HostCertificate>>>>,
    ) -> (Vec<HostCertificate>, Vec<ItemPlaces>) {
        let items = field.and_then(|at| at.value).unwrap_or_default();
        items.into_iter().filter_map(|at| self.host_certificate(at)).unzip()
    }

    fn host_certificate(&self, at: At<raw::HostCertificate>) -> Option<(HostCertificate, ItemPlaces)> {
        let raw = at.value?;
        let written = raw.hosts.as_ref().and_then(|at| at.value.as_ref()).map(Vec::len);
        let hosts = self.hosts(raw.hosts, "those of the certificate count");
        let certificate = self.required(raw.certificate, "certificate", at.span);
        let key = self.required(raw.key, "key", at.span);
        let path = |file: Option<Placed<String>>| {
            file.and_then(|(text, span)| Some((self.local_path(&text, span)?, span)))
        };
        let ((certificate, certificate_span), (key, key_span)) = path(certificate).zip(path(key))?;
        let lacks_hosts = written.is_some_and(|written| written == 0 || written != hosts.len());
        let (hosts, hosts_spans) = hosts.into_iter().unzip();
        let places =
            ItemPlaces { hosts: hosts_spans, lacks_hosts, certificate: certificate_span, key: key_span };
        Some((HostCertificate { hosts, certificate, key }, places))
    }

    /// Whether these certificates can be shown, each to the clients of its own hosts.
    pub(super) fn host_certificates_fit(&self, settings: &TlsSettings, places: &[ItemPlaces]) {
        let mut known: [HostMap<Span>; 2] = Default::default();
        for (item, places) in settings.certificates.iter().zip(places) {
            self.secret_file_dangers(&item.key, places.key);
            if let Some(warning) = tls::validity_warning(&item.certificate) {
                self.source.danger(places.certificate, warning);
            }
            let (hosts, certified) = match tls::host_certificate(settings, item) {
                Ok(read) => read,
                Err(error) => {
                    let span = match error {
                        TlsError::Key { .. } | TlsError::Mismatch { .. } => places.key,
                        _ => places.certificate,
                    };
                    self.problem(span, error.to_string());
                    continue;
                }
            };
            if places.lacks_hosts {
                continue;
            }
            // Those that the certificate names have no places of their own.
            let spans = places.hosts.iter().copied().chain(std::iter::repeat(places.certificate));
            for (host, span) in hosts.into_iter().zip(spans) {
                let is_covered = certified
                    .cert
                    .first()
                    .is_some_and(|certificate| tls::covers(certificate, &host.example()));
                if !is_covered {
                    let message =
                        format!("the certificate is not one of {host}: clients that check it will refuse it");
                    self.source.warning(span, message);
                }
                // What an item says counts more than what another certificate names.
                let known = &mut known[usize::from(!item.hosts.is_empty())];
                if let Some(first) = known.exactly(&host) {
                    let line = self.source.line_number(first.start);
                    self.problem(span, format!("host {host} is named twice; first on line {line}"));
                }
                known.add(host, span);
            }
        }
    }
}
