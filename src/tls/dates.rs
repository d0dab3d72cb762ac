//! Dates in certificates and revocation lists.

use std::time::{Duration, SystemTime};

use super::der;

/// The end of a certificate; `None` if it can't be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    validity(certificate).map(|(_, end)| end)
}

/// The beginning and the end of a certificate; `None` if they can't be read.
pub(super) fn validity(certificate: &[u8]) -> Option<(SystemTime, SystemTime)> {
    // Certificate { tbsCertificate { [0] version?, serialNumber, signature, issuer, validity { notBefore, notAfter }, … }, … }
    let mut rest = certificate;
    let mut whole = der::take_tagged(&mut rest, der::SEQUENCE)?;
    let mut fields = der::take_tagged(&mut whole, der::SEQUENCE)?;
    if fields.first() != Some(&der::INTEGER) {
        der::take(&mut fields)?;
    }
    der::take_tagged(&mut fields, der::INTEGER)?;
    der::take_tagged(&mut fields, der::SEQUENCE)?;
    der::take_tagged(&mut fields, der::SEQUENCE)?;
    let mut validity = der::take_tagged(&mut fields, der::SEQUENCE)?;
    let begin = moment(der::take(&mut validity)?)?;
    Some((begin, moment(der::take(&mut validity)?)?))
}

/// A time of RFC 5280 (section 4.1.2.5): always in UTC, and with seconds.
pub(super) fn moment(element: der::Element<'_>) -> Option<SystemTime> {
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
    #[test]
    fn the_end_of_a_certificate_is_read() {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        for (year, seconds) in [(2030, 1_893_456_000), (2055, 2_682_374_400)] {
            parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
            let certificate = parameters.self_signed(&key).unwrap();
            let end = not_after(certificate.der()).unwrap();
            assert_eq!(end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), seconds, "{year}");
            let der = certificate.der();
            assert!((0..200).all(|length| not_after(&der[..length]).is_none()));
        }
    }
}
