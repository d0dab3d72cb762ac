//! Certificates of clients: who signs them, and which user has which.

use super::super::checked::{ClientCertificates, OwnCertificate, Password};
use super::accounts::Users;
use super::*;
use crate::tls::{DistinguishedName, Fingerprint};

/// Certificates that clients show, and where the parts of that stand.
pub(super) struct Clients {
    pub(super) value: Option<ClientCertificates>,
    pub(super) authorities: Option<Span>,
    pub(super) lists: Option<Span>,
}

/// Whether there are authorities of clients, right or wrong.
pub(super) fn has_authorities(at: &At<raw::Tls>) -> bool {
    at.value.as_ref().is_some_and(|tls| {
        let mode = tls.mode.as_ref().and_then(|at| at.value);
        tls.client_authorities.is_some() && mode != Some(raw::Mode::Off)
    })
}

impl Checker<'_> {
    /// `None` if a path is none; that has been reported.
    pub(super) fn client_certificates(
        &self,
        authorities: Option<At<String>>,
        required: Option<At<bool>>,
        lists: Option<At<raw::Texts>>,
    ) -> Option<Clients> {
        let lists = lists.and_then(|at| Some((at.value?, at.span)));
        let Some((text, span)) = authorities.and_then(|at| Some((at.value?, at.span))) else {
            if let Some(At { value: Some(true), span, .. }) = required {
                self.problem(span, "`client_authorities` is missing: who signs these certificates?");
            }
            if let Some((_, span)) = lists {
                self.problem(
                    span,
                    "`client_authorities` is missing: who signs the certificates that are revoked?",
                );
            }
            return Some(Clients { value: None, authorities: None, lists: None });
        };
        let authorities = self.local_path(&text, span)?;
        let lists_span = lists.as_ref().map(|(_, span)| *span);
        let mut revocations = Vec::new();
        for (text, span) in lists.into_iter().flat_map(|(lists, span)| texts(lists, span)) {
            revocations.push(self.local_path(&text, span)?);
        }
        if let Some(span) = lists_span.filter(|_| revocations.is_empty()) {
            self.problem(span, "at least one list is needed");
        }
        let required = required.and_then(|at| at.value).unwrap_or(true);
        let value = ClientCertificates { authorities, required, revocations };
        Some(Clients { value: Some(value), authorities: Some(span), lists: lists_span })
    }

    /// Of revocation lists that can be read.
    pub(super) fn client_certificate_dangers(
        &self,
        clients: Option<&ClientCertificates>,
        lists: Option<Span>,
    ) {
        let (Some(clients), Some(span)) = (clients, lists) else { return };
        for authority in tls::without_list(clients) {
            let message = format!(
                "there is no list of {}: the certificates that it signed are refused",
                quote(&authority)
            );
            self.source.warning(span, message);
        }
        if let Some((due, path)) = tls::next_update(clients)
            && due <= std::time::SystemTime::now()
        {
            let (path, due) = (path.display(), humantime::format_rfc3339_seconds(due));
            let message = format!(
                "{path}: there should be a newer list since {due}; what was revoked since is not known"
            );
            self.source.warning(span, message);
        }
    }

    /// The certificate of a user; `None` if it is wrong.
    pub(super) fn own_certificate(&self, at: At<raw::Certificate>, known: &Users) -> Option<OwnCertificate> {
        if !known.client_authorities {
            self.problem(
                at.key,
                "`tls.client_authorities` is missing: who signs the certificates of clients?",
            );
        }
        let place = at.span;
        match at.value? {
            raw::Certificate { sha256: Some(_), subject: Some(_) } => {
                self.problem(place, "say either `sha256` or `subject`, not both");
                None
            }
            raw::Certificate { sha256: Some(at), subject: None } => {
                let (value, span) = (at.value?, at.span);
                let found = texts(value, span);
                if found.is_empty() {
                    self.problem(span, "at least one fingerprint is needed");
                    return None;
                }
                let count = found.len();
                let read = |(text, span): (String, Span)| self.accept(fingerprint(&text), span);
                let fingerprints: Vec<_> = found.into_iter().filter_map(read).collect();
                (fingerprints.len() == count).then_some(OwnCertificate::Sha256(fingerprints))
            }
            raw::Certificate { sha256: None, subject: Some(at) } => {
                let subject = DistinguishedName::parse(&at.value?);
                self.accept(subject, at.span).map(OwnCertificate::Subject)
            }
            raw::Certificate { sha256: None, subject: None } => {
                self.problem(place, "say which certificate: { sha256: FINGERPRINT } or { subject: NAME }");
                None
            }
        }
    }

    /// What a login takes: of a password and a certificate that stand there, right or wrong, those that `login` names.
    pub(super) fn proofs(
        &self,
        password: Option<(Span, Option<Password>)>,
        certificate: Option<(Span, Option<OwnCertificate>)>,
        login: Option<At<raw::Login>>,
        owner: Span,
    ) -> Option<(Option<Password>, Option<OwnCertificate>)> {
        let login = login.and_then(|at| Some((at.value?, at.span)));
        let (by, span) = login.unwrap_or(match (&password, &certificate) {
            (Some(_), Some(_)) => (raw::Login::Both, owner),
            (None, Some(_)) => (raw::Login::Certificate, owner),
            (_, None) => (raw::Login::Password, owner),
        });
        let (takes_password, takes_certificate) = match by {
            raw::Login::Password => (true, false),
            raw::Login::Certificate => (false, true),
            raw::Login::Both => (true, true),
        };
        let password = self.proof(password, takes_password, "password", span);
        let certificate = self.proof(certificate, takes_certificate, "certificate", span);
        Some((password?, certificate?))
    }

    /// One of them. `None` if it is wrong, or missing.
    fn proof<T>(
        &self,
        found: Option<(Span, Option<T>)>,
        is_taken: bool,
        key: &str,
        wanted_by: Span,
    ) -> Option<Option<T>> {
        match found {
            Some((_, value)) if is_taken => value.map(Some),
            Some((place, value)) => {
                self.source.warning(place, format!("`{key}` has no use here: `login` says otherwise"));
                value.map(|_| None)
            }
            None if is_taken => {
                self.problem(wanted_by, format!("`{key}` is missing"));
                None
            }
            None => Some(None),
        }
    }
}

/// The texts of a value that is one or several.
fn texts(value: raw::Texts, span: Span) -> Vec<(String, Span)> {
    match value {
        raw::Texts::One(text) => vec![(text, span)],
        raw::Texts::List(list) => list.into_iter().filter_map(|at| Some((at.value?, at.span))).collect(),
    }
}

/// A fingerprint as programs print it.
fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let wrong = || {
        format!(
            "{} is no SHA-256 fingerprint: 64 hexadecimal digits, with a colon between every two or without",
            quote(text)
        )
    };
    let pairs: Vec<&str> = text.split(':').collect();
    let digits = match pairs.as_slice() {
        [whole] => (*whole).to_owned(),
        pairs if pairs.iter().all(|pair| pair.len() == 2) => pairs.concat(),
        _ => return Err(wrong()),
    };
    let mut fingerprint = [0; 32];
    hex::decode_to_slice(&digits, &mut fingerprint).map_err(|_| wrong())?;
    Ok(fingerprint)
}
