//! Lists of revoked certificates of clients (RFC 5280, section 5).

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;

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

/// A time of RFC 5280 (section 4.1.2.5): always in UTC, and with seconds.
fn moment(element: der::Element<'_>) -> Option<SystemTime> {
    let text = std::str::from_utf8(element.content).ok()?;
    let text = match (element.tag, text.get(..2)?.parse::<u8>().ok()?) {
        // UTCTime
        (0x17, ..50) => format!("20{text}"),
        (0x17, _) => format!("19{text}"),
        // GeneralizedTime
        (0x18, _) => text.to_owned(),
        _ => return None,
    };
    let moment = chrono::NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?;
    let seconds = u64::try_from(moment.and_utc().timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<u64> {
        let moment = moment(der::Element { tag, content: text.as_bytes(), whole: &[] })?;
        Some(moment.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn times_are_read() {
        assert_eq!(seconds(0x17, "250101000000Z"), Some(1_735_689_600));
        assert_eq!(seconds(0x17, "700101000001Z"), Some(1));
        assert_eq!(seconds(0x18, "20500101000000Z"), Some(2_524_608_000));
        for (tag, damaged) in
            [(0x17, "2501010000Z"), (0x18, "20500101000000"), (0x18, ""), (0x13, "250101000000Z")]
        {
            assert_eq!(seconds(tag, damaged), None, "{damaged}");
        }
    }
}
