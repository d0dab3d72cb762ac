use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;

use super::*;
use crate::tls::DistinguishedName;

/// A certificate of this name, which is valid until the first day of a year.
fn certificate(name: &str, until: i32) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "ACME");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn sha256(certificate: &CertificateDer<'_>) -> [u8; 32] {
    ShownCertificate::of(certificate).sha256
}

#[test]
fn a_certificate_is_one_of_the_user_or_it_is_not() {
    let (own, same_name, other) =
        (certificate("scanner", 2100), certificate("scanner", 2100), certificate("other", 2100));
    let pinned = OwnCertificate::Sha256(vec![sha256(&other), sha256(&own)]);
    let named = OwnCertificate::Subject(DistinguishedName::parse("CN=scanner,O=ACME").unwrap());
    let part = OwnCertificate::Subject(DistinguishedName::parse("CN=scanner").unwrap());
    let wrong = Err(LoginError::OtherCertificate);
    for (rule, shown, outcome) in [
        (&pinned, &own, Ok(())),
        (&pinned, &other, Ok(())),
        (&pinned, &same_name, wrong),
        (&named, &own, Ok(())),
        (&named, &same_name, Ok(())),
        (&named, &other, wrong),
        (&part, &own, wrong),
    ] {
        assert_eq!(check(rule, Some(&ShownCertificate::of(shown))), outcome, "{rule:?}");
    }
    assert_eq!(check(&pinned, None), Err(LoginError::NoCertificate));
}

/// A client may have resumed a session of TLS from before its end.
#[test]
fn a_certificate_whose_time_is_over_is_none() {
    let late = certificate("scanner", 2001);
    let pinned = OwnCertificate::Sha256(vec![sha256(&late)]);
    assert_eq!(check(&pinned, Some(&ShownCertificate::of(&late))), Err(LoginError::CertificateExpired));
    let other = ShownCertificate::of(&certificate("scanner", 2001));
    assert_eq!(check(&pinned, Some(&other)), Err(LoginError::OtherCertificate));
}
