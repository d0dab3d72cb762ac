//! Certificates of hosts (`tls.certificates`): a handshake shows that of the host which the client has named.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::TlsError;
use crate::config::{HostCertificate, TlsSettings};
use crate::host::{Host, HostMap, HostPattern};

/// How many hosts an error names.
const NAMED: usize = 3;

/// Which certificate a connection shows. The same for each reading of the files of the same settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Choice(Option<u32>);

impl Choice {
    /// The certificate of this number.
    #[cfg(test)]
    pub(crate) fn of(number: u32) -> Self {
        Self(Some(number))
    }

    /// As bytes.
    pub(crate) fn bytes(self) -> [u8; 4] {
        self.0.map_or(u32::MAX, |index| index).to_be_bytes()
    }
}

/// The certificates of hosts.
#[derive(Debug)]
pub(crate) struct HostCertificates {
    by_host: HostMap<u32>,
    shown: Vec<Arc<dyn ResolvesServerCert>>,
    /// That of all other hosts.
    usual: Option<CertificateDer<'static>>,
}

impl HostCertificates {
    /// Reads all files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        let (mut by_host, mut shown, mut named) = (HostMap::default(), Vec::new(), Vec::new());
        for (number, item) in (0..).zip(&settings.certificates) {
            let (hosts, certified) = host_certificate(settings, item).map_err(|cause| blame(item, cause))?;
            shown.push(Arc::new(SingleCertAndKey::from(certified)) as _);
            match item.hosts.is_empty() {
                true => named.push((number, item, hosts)),
                false => hosts.into_iter().for_each(|host| _ = by_host.add(host, number)),
            }
        }
        // A renewed certificate that names more than before takes no host away from an item that says whose it is.
        for (number, item, hosts) in named {
            for host in hosts {
                if !by_host.add(host.clone(), number) {
                    let certificate = item.certificate.display();
                    tracing::warn!(%host, %certificate, "another certificate is shown to the clients of a host that this one names, too");
                }
            }
        }
        let usual = super::certificates(&settings.certificate)?.into_iter().next();
        Ok(Self { by_host, shown, usual })
    }

    /// The certificate for a client that has named this host, or none.
    pub(crate) fn choose(&self, host: Option<&Host>) -> Choice {
        Choice(host.and_then(|host| self.by_host.get(host)).copied())
    }

    /// What shows this certificate; `None` for the usual one.
    pub(crate) fn shown(&self, choice: Choice) -> Option<Arc<dyn ResolvesServerCert>> {
        self.shown.get(usize::try_from(choice.0?).ok()?).cloned()
    }

    /// Whether one of the certificates is that of this host.
    pub(crate) fn knows(&self, host: &Host) -> bool {
        self.by_host.get(host).is_some() || self.usual.as_ref().is_some_and(|usual| covers(usual, host))
    }
}

/// A certificate of hosts with its key, and these hosts: those that are configured, or else those that the certificate names.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn host_certificate(
    settings: &TlsSettings,
    item: &HostCertificate,
) -> Result<(Vec<HostPattern>, CertifiedKey), TlsError> {
    let certified = super::certified(&item.certificate, &item.key, &super::provider(settings));
    let certified = certified.map_err(|error| match error {
        // Of several certificates, an error has to say which.
        TlsError::CipherSuites(reason) => TlsError::Certificate { path: item.certificate.clone(), reason },
        other => other,
    })?;
    let hosts = match item.hosts.is_empty() {
        true => names(certified.cert.first()),
        false => item.hosts.clone(),
    };
    if hosts.is_empty() {
        let reason = "it names no host, so `hosts` is needed".to_owned();
        return Err(TlsError::Certificate { path: item.certificate.clone(), reason });
    }
    Ok((hosts, certified))
}

/// The names of the DNS that a certificate is of.
fn names(certificate: Option<&CertificateDer<'_>>) -> Vec<HostPattern> {
    let read = certificate.and_then(|der| webpki::EndEntityCert::try_from(der).ok());
    let names = read.iter().flat_map(|read| read.valid_dns_names());
    let names: BTreeSet<_> = names.filter_map(|name| HostPattern::parse(name).ok()).collect();
    names.into_iter().collect()
}

/// Whether a client that looks for this host accepts the certificate.
pub(crate) fn covers(certificate: &CertificateDer<'_>, host: &Host) -> bool {
    let read = webpki::EndEntityCert::try_from(certificate).ok();
    let name = host.server_name();
    read.zip(name).is_some_and(|(read, name)| read.verify_is_valid_for_subject_name(&name).is_ok())
}

fn blame(item: &HostCertificate, cause: TlsError) -> TlsError {
    if item.hosts.is_empty() {
        return cause;
    }
    let mut hosts: Vec<_> = item.hosts.iter().take(NAMED).map(ToString::to_string).collect();
    if item.hosts.len() > NAMED {
        hosts.push("…".to_owned());
    }
    TlsError::Hosts { hosts: hosts.join(", "), cause: Box::new(cause) }
}

#[cfg(test)]
#[path = "hosts_tests.rs"]
mod tests;
