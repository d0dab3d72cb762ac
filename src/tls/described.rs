//! What a certificate says, in words.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, UnixTime};

use super::names::DistinguishedName;

/// How long before its end a certificate should have been renewed, and how long before it is late; of one that is valid for weeks
/// or days, a third and a ninth of its time.
const RENEWED: Duration = Duration::from_secs(21 * 24 * 60 * 60);
const LATE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many names are named.
const NAMED: usize = 5;

/// A certificate.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// The names of the DNS that it is of.
    pub(crate) names: Vec<String>,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) end: Option<SystemTime>,
    /// How long it is valid in all.
    pub(crate) lifetime: Option<Duration>,
    /// It is an authority's own, by its basic constraints. Clients that are built on webpki, as those with rustls are, refuse it from
    /// a server, even if they trust it as an authority; those with OpenSSL don't.
    pub(crate) is_authority: bool,
    /// What is wrong with its dates.
    pub(crate) out_of_time: Option<&'static str>,
}

/// How near the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Good,
    /// It should be renewed soon.
    Old,
    /// It ends any day.
    Late,
}

impl Described {
    /// `None` if it can't be read.
    pub(crate) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let read = webpki::EndEntityCert::try_from(der).ok()?;
        let name =
            |der: &[u8]| DistinguishedName::of_der(der).map(|name| name.to_string()).unwrap_or_default();
        let validity = super::dates::validity(der);
        let end = validity.map(|(_, end)| end);
        Some(Self {
            names: read.valid_dns_names().map(str::to_owned).collect(),
            subject: name(read.subject()),
            issuer: name(read.issuer()),
            end,
            lifetime: validity.and_then(|(begin, end)| end.duration_since(begin).ok()),
            is_authority: end.is_some_and(|end| is_authority(&read, end)),
            out_of_time: super::out_of_time(&read),
        })
    }

    /// The certificates in a file that can be read.
    pub(crate) fn all_in(path: &Path) -> Vec<Self> {
        let chain = super::certificates(path).unwrap_or_default();
        chain.iter().filter_map(Self::of).collect()
    }

    /// Whether it is signed by itself.
    pub(crate) fn is_own_issuer(&self) -> bool {
        self.subject == self.issuer
    }

    /// How near its end is.
    pub(crate) fn age(&self, now: SystemTime) -> Age {
        let lifetime = self.lifetime.unwrap_or(Duration::MAX);
        match self.end.map(|end| end.duration_since(now).unwrap_or_default()) {
            Some(left) if left < LATE.min(lifetime / 9) => Age::Late,
            Some(left) if left < RENEWED.min(lifetime / 3) => Age::Old,
            _ => Age::Good,
        }
    }

    /// A sentence if something is wrong with its dates, or soon will be.
    pub(crate) fn warning(&self, now: SystemTime) -> Option<String> {
        match (self.out_of_time, self.end) {
            (Some(wrong), _) => Some(format!("{wrong}: clients refuse it")),
            (None, Some(end)) if self.age(now) != Age::Good => Some(format!(
                "this certificate {}: renew it; the server takes the new files without a restart",
                ends(end, now)
            )),
            (None, _) => None,
        }
    }

    /// Whom it is of, who signed it, and when it ends.
    pub(crate) fn sentence(&self, now: SystemTime) -> String {
        let whom = match self.names.as_slice() {
            [] if self.subject.is_empty() => "nobody that can be named".to_owned(),
            [] => self.subject.clone(),
            names if names.len() > NAMED => {
                format!("{} and {} more", names[..NAMED].join(", "), names.len() - NAMED)
            }
            names => names.join(", "),
        };
        let issuer = match self.is_own_issuer() {
            true => "itself".to_owned(),
            false => self.issuer.clone(),
        };
        let end = self.end.map_or_else(|| "whose end can't be read".to_owned(), |end| ends(end, now));
        format!("a certificate of {whom}, signed by {issuer}, which {end}")
    }
}

/// Whether a certificate is an authority's own, which the library tells only in the time of the certificate.
fn is_authority(certificate: &webpki::EndEntityCert<'_>, end: SystemTime) -> bool {
    let Ok(end) = end.duration_since(SystemTime::UNIX_EPOCH) else { return false };
    matches!(
        super::verify_alone(certificate, UnixTime::since_unix_epoch(end)),
        Err(webpki::Error::CaUsedAsEndEntity)
    )
}

/// When something ends, by day and by the days that are left.
fn ends(end: SystemTime, now: SystemTime) -> String {
    let day = chrono::DateTime::<chrono::Utc>::from(end).format("%Y-%m-%d");
    let days = |time: Duration| match time.as_secs() / (24 * 60 * 60) {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    match end.duration_since(now) {
        Ok(left) => format!("ends on {day} ({} left)", days(left)),
        Err(past) => format!("ended on {day} ({} ago)", days(past.duration())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_described() {
        let mut parameters = rcgen::CertificateParams::new(["ftp.example.com".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2030, 1, 31);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let described = Described::of(certificate.der()).unwrap();
        let at = |days: u64| {
            described.end.unwrap() - Duration::from_secs(days * 24 * 60 * 60) - Duration::from_secs(60)
        };
        assert_eq!(
            described.sentence(at(30)),
            "a certificate of ftp.example.com, signed by itself, which ends on 2030-01-31 (30 days left)"
        );
        for (days, age) in [(30, Age::Good), (20, Age::Old), (6, Age::Late)] {
            assert_eq!(described.age(at(days)), age, "{days}");
        }
        let after = described.end.unwrap() + Duration::from_secs(25 * 60 * 60);
        assert!(described.sentence(after).ends_with("which ended on 2030-01-31 (1 day ago)"));
        assert_eq!(described.age(after), Age::Late);
    }

    #[test]
    fn one_for_some_days_is_not_always_old() {
        let mut parameters = rcgen::CertificateParams::new(["ftp.example.com".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2030, 1, 25);
        parameters.not_after = rcgen::date_time_ymd(2030, 1, 31);
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let described = Described::of(certificate.der()).unwrap();
        for (hours, age) in [(50, Age::Good), (47, Age::Old), (15, Age::Late)] {
            assert_eq!(
                described.age(described.end.unwrap() - Duration::from_secs(hours * 60 * 60)),
                age,
                "{hours}"
            );
        }
    }

    #[test]
    fn an_authority_is_told_from_a_server() {
        let key = rcgen::KeyPair::generate().unwrap();
        for (is_ca, is_authority) in [
            (rcgen::IsCa::NoCa, false),
            (rcgen::IsCa::ExplicitNoCa, false),
            (rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained), true),
        ] {
            for year in [2021, 2090] {
                let mut parameters = rcgen::CertificateParams::new(["ftp.example.com".to_owned()]).unwrap();
                parameters.is_ca = is_ca;
                parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
                let certificate = parameters.self_signed(&key).unwrap();
                assert_eq!(Described::of(certificate.der()).unwrap().is_authority, is_authority, "{year}");
            }
        }
    }
}
