//! Lists of revoked certificates of clients (RFC 5280, section 5).

use std::path::Path;
use std::time::SystemTime;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;

use super::dates::moment;
use super::{TlsError, contains, der, say_pem};

/// Much longer than lists are: hundreds of thousands of certificates.
const MAX_SIZE: u64 = 32 * 1024 * 1024;

/// The lists in a file: any number in PEM, or one in DER.
pub(super) fn read(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let blame = |reason| TlsError::Revocations { path: path.to_owned(), reason };
    let bytes = crate::config::read_file(path, MAX_SIZE).map_err(|error| blame(error.to_string()))?;
    let lists: Vec<_> = if contains(&bytes, b"-----BEGIN") {
        let lists = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<_, _>>();
        lists.map_err(|error| blame(say_pem(&error)))?
    } else if bytes.first() == Some(&der::SEQUENCE) {
        vec![CertificateRevocationListDer::from(bytes)]
    } else {
        Vec::new()
    };
    if lists.is_empty() {
        return Err(blame(
            "there is no revocation list in it (a PEM block that starts with BEGIN X509 CRL, or DER)"
                .to_owned(),
        ));
    }
    for (index, list) in lists.iter().enumerate() {
        webpki::OwnedCertRevocationList::from_der(list)
            .map_err(|error| blame(format!("list {} in it can't be used: {error}", index + 1)))?;
    }
    Ok(lists)
}

/// The issuer of a list, as certificates have it.
pub(super) fn issuer(list: &CertificateRevocationListDer<'_>) -> Option<Vec<u8>> {
    let list = webpki::BorrowedCertRevocationList::from_der(list).ok()?;
    Some(webpki::CertRevocationList::from(list).issuer().to_vec())
}

/// When a list is to be replaced by a newer one.
pub(super) fn next_update(list: &[u8]) -> Option<SystemTime> {
    // CertificateList { tbsCertList { version?, signature, issuer, thisUpdate, nextUpdate?, … }, … }
    let mut rest = list;
    let mut whole = der::take_tagged(&mut rest, der::SEQUENCE)?;
    let mut fields = der::take_tagged(&mut whole, der::SEQUENCE)?;
    if fields.first() == Some(&der::INTEGER) {
        der::take(&mut fields)?;
    }
    der::take_tagged(&mut fields, der::SEQUENCE)?;
    der::take_tagged(&mut fields, der::SEQUENCE)?;
    der::take(&mut fields)?;
    moment(der::take(&mut fields)?)
}
