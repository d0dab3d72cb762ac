//! The TLS settings of the measurements' client.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::problem::{Doing, Result};

/// A client that trusts this certificate. It offers one cipher for each version, so that all servers encrypt alike:
/// the one that clients and servers of today agree on by themselves.
pub fn client(certificate: &CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let suites = vec![
        aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
        aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ];
    let provider = CryptoProvider { cipher_suites: suites, ..aws_lc_rs::default_provider() };
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).doing(|| "trusting the certificate".to_owned())?;
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .doing(|| "setting up TLS".to_owned())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
