//! Issuers of tokens (`users_from[].jwt`).

use std::time::Duration;

use serde_json::{Map, Value};
use wharf_backends::object;

use super::super::checked::UsersFrom;
use super::super::suggest::{hint, list};
use super::super::template::{EntryTemplate, TextTemplate};
use super::super::{Bearer, Claim, KeysUrl, Mapped, TokenIssuer, TokenKeys};
use super::users_from::{TIMEOUT, TIMEOUT_LEAST, TIMEOUT_MOST};
use super::*;

/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(30);
const LEEWAY_MOST: Duration = Duration::from_secs(5 * 60);
/// The most that a file of keys holds, in bytes.
const MAX_KEYS: u64 = 256 * 1024;
/// The name of a user, unless something else is said: the claim that says of whom a token speaks.
const NAME: &str = "{sub}";

impl Checker<'_> {
    /// Users of somebody who signs tokens.
    pub(super) fn token_issuer(
        &self,
        at: At<raw::Jwt>,
        defaults: Option<At<Map<String, Value>>>,
        entries: &Entries,
    ) -> Option<UsersFrom> {
        if !cfg!(feature = "jwt") {
            self.problem(at.key, "this build of Wharf reads no tokens (its feature `jwt` is off)");
        }
        let (owner, raw) = (at.key, at.value?);
        let issuer = self.required(raw.issuer, "issuer", owner);
        let issuer = issuer.and_then(|(issuer, span)| self.not_empty(issuer, span));
        let audiences = self.required(raw.audience, "audience", owner);
        let audiences = audiences.and_then(|(texts, span)| self.several(texts, span));
        let keys =
            self.required(raw.keys, "keys", owner).and_then(|(keys, span)| self.token_keys(keys, span));
        let algorithms = self.token_algorithms(raw.algorithms);
        let leeway = self.parsed(raw.leeway, |text| match units::duration(text)? {
            duration if duration <= LEEWAY_MOST => Ok(duration),
            _ => Err("at most 5m is possible".to_owned()),
        });
        let (name, span) = raw.name.map_or_else(|| (Some(NAME.to_owned()), owner), |at| (at.value, at.span));
        let name = name.and_then(|text| self.accept(name_of_claims(&text), span));
        let require = self.required_claims(raw.require);
        let map = raw.map.and_then(|at| at.value).unwrap_or_default();
        let map: Vec<_> = map.into_iter().map(|at| self.mapped(at, entries)).collect();
        let has_backend =
            |at: &At<Map<String, Value>>| at.value.as_ref().is_none_or(|keys| keys.contains_key("backend"));
        if raw.entry_claim.is_none() && !defaults.as_ref().is_some_and(has_backend) {
            self.problem(owner, "no entry has a backend: name one in `defaults`, which stands beside `jwt`");
        }
        let has_entry = raw.entry_claim.is_some();
        let entry = raw.entry_claim.and_then(|at| self.claim(&at.value?, at.span));
        let defaults = match defaults {
            Some(at) => self.defaults(at, &is_place, entries),
            None => Some(EntryTemplate::default()),
        };
        let issuer = TokenIssuer {
            issuer: issuer?,
            audiences: audiences?,
            keys: keys?,
            algorithms: algorithms?,
            leeway: leeway.map_or(LEEWAY, |(leeway, _)| leeway),
            name: name?,
            require: require?,
            entry_claim: if has_entry { Some(entry?) } else { None },
            map: map.into_iter().collect::<Option<_>>()?,
            defaults: defaults?,
        };
        Some(UsersFrom::Jwt(Box::new(issuer)))
    }

    fn not_empty(&self, text: String, span: Span) -> Option<String> {
        let checked = if text.is_empty() { Err("this text is empty".to_owned()) } else { Ok(text) };
        self.accept(checked, span)
    }

    /// One text or more.
    fn several(&self, texts: raw::Texts, span: Span) -> Option<Vec<String>> {
        let texts = match texts {
            raw::Texts::One(text) => return self.not_empty(text, span).map(|text| vec![text]),
            raw::Texts::List(texts) => texts,
        };
        if texts.is_empty() {
            self.problem(span, "at least one text is needed");
            return None;
        }
        texts.into_iter().map(|at| self.not_empty(at.value?, at.span)).collect()
    }

    fn token_algorithms(&self, field: Option<At<Vec<At<String>>>>) -> Option<Vec<&'static str>> {
        let all = TokenIssuer::ALGORITHMS;
        let Some(field) = field else { return Some(all.to_vec()) };
        let words = field.value?;
        if words.is_empty() {
            self.problem(field.span, "at least one algorithm is needed");
            return None;
        }
        let known = |at: At<String>| {
            let word = at.value?;
            let found = all.into_iter().find(|known| *known == word);
            self.accept(found.ok_or_else(|| why_no_algorithm(&word)), at.span)
        };
        let checked: Vec<_> = words.into_iter().map(known).collect();
        checked.into_iter().collect()
    }

    fn required_claims(
        &self,
        field: Option<At<raw::Named<raw::Texts>>>,
    ) -> Option<Vec<(Claim, Vec<String>)>> {
        let Some(field) = field else { return Some(Vec::new()) };
        let checked = field.value?.0.into_iter().map(|(claim, values)| {
            let claim = claim.value.and_then(|text| self.claim(&text, claim.span));
            let values = values.value.and_then(|texts| self.several(texts, values.span));
            Some((claim?, values?))
        });
        let checked: Vec<_> = checked.collect();
        checked.into_iter().collect()
    }

    fn claim(&self, text: &str, span: Span) -> Option<Claim> {
        self.accept(Claim::new(text), span)
    }

    /// An item of `map`.
    fn mapped(&self, at: At<raw::JwtEntry>, entries: &Entries) -> Option<Mapped> {
        let (owner, raw) = (at.span, at.value?);
        let claim = self.required(raw.claim, "claim", owner);
        let claim = claim.and_then(|(text, span)| self.claim(&text, span));
        let has = self.required(raw.has, "has", owner);
        let has = has.and_then(|(text, span)| self.not_empty(text, span));
        let entry = match raw.entry {
            Some(at) => self.entry_template(at, "entry", &is_place, entries),
            None => {
                self.problem(owner, "`entry` is missing");
                None
            }
        };
        Some(Mapped { claim: claim?, has: has?, entry: entry? })
    }

    fn token_keys(&self, raw: raw::JwtKeys, span: Span) -> Option<TokenKeys> {
        match (raw.file, raw.url) {
            (Some(file), None) => {
                for (key, place) in [
                    ("ca_file", raw.ca_file.map(|at| at.key)),
                    ("token", raw.token.map(|at| at.key)),
                    ("timeout", raw.timeout.map(|at| at.key)),
                ] {
                    if let Some(place) = place {
                        self.problem(place, format!("`{key}` has no use here: it belongs to `url`"));
                    }
                }
                self.file_of_keys(file).map(TokenKeys::Here)
            }
            (None, Some(url)) => {
                let url = self.url_of_keys(url);
                let token = raw.token.map(|at| self.bearer(at));
                let authorities = raw.ca_file.map(|at| self.authorities_of_users(at, url.as_deref()));
                let timeout = self.parsed(raw.timeout, |text| match units::duration(text)? {
                    duration if (TIMEOUT_LEAST..=TIMEOUT_MOST).contains(&duration) => Ok(duration),
                    _ => Err("from 100ms to 1m is possible".to_owned()),
                });
                Some(TokenKeys::At(KeysUrl {
                    url: url?,
                    authorities: match authorities {
                        Some(authorities) => Some(authorities?),
                        None => None,
                    },
                    token: match token {
                        Some(token) => Some(token?),
                        None => None,
                    },
                    timeout: timeout.map_or(TIMEOUT, |(timeout, _)| timeout),
                }))
            }
            (None, None) => {
                self.problem(span, "say where the keys are: { file: PATH } or { url: URL }");
                None
            }
            (Some(_), Some(_)) => {
                self.problem(span, "say either `file` or `url`, not both");
                None
            }
        }
    }

    /// What the file holds, if these are keys.
    fn file_of_keys(&self, at: At<String>) -> Option<String> {
        let path = self.local_path(&at.value?, at.span)?;
        let wrong = |reason: String| format!("keys {}: {reason}", path.display());
        let bytes = self.read_file(&path, MAX_KEYS).map_err(|error| wrong(error.to_string()));
        let text = String::from_utf8(self.accept(bytes, at.span)?);
        let text = self.accept(text.map_err(|_| wrong("it is not valid UTF-8".to_owned())), at.span)?;
        #[cfg(feature = "jwt")]
        self.accept(crate::public_keys::PublicKeys::in_file(&text).map_err(wrong), at.span)?;
        Some(text)
    }

    fn url_of_keys(&self, at: At<String>) -> Option<String> {
        let text = at.value?;
        if text.contains(['@', '?', '#']) {
            self.hide(at.span);
        }
        let checked = object::parse_endpoint(&text).map(|_| ()).map_err(|error| error.to_string());
        self.accept(checked, at.span)?;
        if object::is_exposed(&text) {
            let message = "whoever is on the way there can put in keys, and let anybody in: use https://";
            self.source.danger(at.span, message);
        }
        Some(text)
    }

    fn bearer(&self, at: At<raw::Secret>) -> Option<Bearer> {
        let file = match &at.value {
            Some(raw::Secret::Source(raw::SecretSource { file: Some(file), .. })) => {
                file.value.as_ref().map(|file| self.base.join(file))
            }
            _ => None,
        };
        Some(Bearer { then: self.bearer_token(at)?, file })
    }
}

/// Why this is no algorithm of a token.
fn why_no_algorithm(word: &str) -> String {
    let all = TokenIssuer::ALGORITHMS;
    match word {
        "none" => "a token that nobody has signed proves nothing".to_owned(),
        word if word.starts_with("HS") => {
            format!("whoever can check such a token can sign one; known are: {}", list(all.into_iter()))
        }
        word => format!("unknown algorithm {}{}", quote(word), hint(word, all.into_iter(), "known are")),
    }
}

/// The name of a user has a place: otherwise every token is of the same user.
fn name_of_claims(text: &str) -> Result<TextTemplate, String> {
    let name = TextTemplate::new(text)?;
    let places = name.places();
    if places.is_empty() {
        return Err("there is no place for a claim in it, such as {sub}".to_owned());
    }
    places.into_iter().try_for_each(|place| Claim::new(place).map(|_| ()))?;
    Ok(name)
}

/// Any claim may be put in.
fn is_place(name: &str) -> Result<(), String> {
    Claim::new(name).map(|_| ())
}
