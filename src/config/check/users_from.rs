//! The section `users_from`: each item names one source.

mod sql;

use std::io;
use std::time::Duration;

use serde_json::{Map, Value};
use wharf_backends::object::{self, Authorities};

use super::super::checked::UsersFrom;
use super::super::files::say;
use super::super::template::EntryTemplate;
use super::super::{HttpService, Problem, Secret};
use super::*;

/// How long a question may take altogether, unless something else is said.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const TIMEOUT_LEAST: Duration = Duration::from_millis(100);
pub(super) const TIMEOUT_MOST: Duration = Duration::from_secs(60);
/// How long an answer is known at most.
pub(super) const CACHE_MOST: Duration = Duration::from_secs(24 * 60 * 60);
/// For an item that names no source.
const WHERE: &str = "say where these users stand: { directory: PATH }, { http: URL }, { ldap: { … } }, { sql: { … } } or { jwt: { … } }";
/// More than the authorities of a whole system take, in bytes.
const MAX_CA_FILE: u64 = 4 << 20;

impl Checker<'_> {
    /// Where other users stand.
    pub(super) fn users_from(
        &self,
        field: Option<At<Vec<At<raw::UsersFrom>>>>,
        entries: &Entries,
    ) -> Vec<UsersFrom> {
        let mut sources: Vec<UsersFrom> = Vec::new();
        for at in field.and_then(|at| at.value).unwrap_or_default() {
            let Some(mut raw) = at.value else { continue };
            // Each kind of source is a key of its own.
            let (jwt, ldap, sql) = (raw.jwt.take(), raw.ldap.take(), raw.sql.take());
            let defaults = raw.defaults.take();
            if jwt.is_none()
                && ldap.is_none()
                && sql.is_none()
                && let Some(at) = defaults.clone()
            {
                let place = at.key;
                self.defaults(at, &|_| Ok(()), entries);
                self.problem(place, "`defaults` has no use here: the entries of these users are whole");
            }
            let mut kinds = Vec::new();
            let http = raw.http.take();
            if http.is_none() {
                self.belongs_to_http(&raw);
            }
            kinds.extend(ldap.map(|at| (at.key, self.ldap(at, defaults.clone(), entries))));
            kinds.extend(raw.directory.take().map(|at| (at.key, self.users_directory(at))));
            kinds.extend(http.map(|at| (at.key, self.users_service(at, raw))));
            kinds.extend(sql.map(|at| (at.key, self.users_database(at, defaults.clone(), entries))));
            kinds.extend(jwt.map(|at| (at.key, self.token_issuer(at, defaults, entries))));
            match kinds.len() {
                0 => self.problem(at.span, WHERE),
                1 => {}
                _ => self.problem(at.span, "each source is an item of its own"),
            }
            for (place, source) in kinds {
                let Some(source) = source else { continue };
                if sources.iter().any(|other| other.is_same_place(&source)) {
                    self.problem(place, "this source is listed twice");
                }
                sources.push(source);
            }
        }
        sources
    }

    fn users_directory(&self, at: At<String>) -> Option<UsersFrom> {
        let path = self.local_path(&at.value?, at.span)?;
        match std::fs::read_dir(&path) {
            Ok(_) => return Some(UsersFrom::Directory(path)),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                self.problem(at.span, format!("{}: this is not a directory", path.display()));
            }
            Err(error) => self.problem(at.span, format!("{}: {}", path.display(), say(&error))),
        }
        None
    }

    /// Reports keys that have no use in a source of another kind.
    fn belongs_to_http(&self, raw: &raw::UsersFrom) {
        let keys = [
            ("token", raw.token.as_ref().map(|at| at.key)),
            ("timeout", raw.timeout.as_ref().map(|at| at.key)),
            ("cache", raw.cache.as_ref().map(|at| at.key)),
            ("ca_file", raw.ca_file.as_ref().map(|at| at.key)),
        ];
        for (key, place) in keys {
            if let Some(place) = place {
                self.problem(place, format!("`{key}` has no use here: it belongs to `http`"));
            }
        }
    }

    /// What the entries of a source have in common. `place` refuses the names of places with which the source can do nothing.
    pub(super) fn defaults(
        &self,
        at: At<Map<String, Value>>,
        place: &dyn Fn(&str) -> Result<(), String>,
        entries: &Entries,
    ) -> Option<EntryTemplate> {
        self.entry_template(at, "defaults", place, entries)
    }

    /// The same under this key.
    pub(super) fn entry_template(
        &self,
        at: At<Map<String, Value>>,
        key: &str,
        place: &dyn Fn(&str) -> Result<(), String>,
        entries: &Entries,
    ) -> Option<EntryTemplate> {
        let template = self.accept(EntryTemplate::new(at.value?), at.span)?;
        for name in template.places() {
            self.accept(place(&name), at.span)?;
        }
        let backend = entries.backends.first().map_or("", String::as_str);
        let Err(problems) = entries.without_proof("x", &template.sample(backend), key) else {
            return Some(template);
        };
        for Problem { message, .. } in problems {
            self.problem(at.span, format!("`{key}`: {message}"));
        }
        None
    }

    fn users_service(&self, at: At<String>, rest: raw::UsersFrom) -> Option<UsersFrom> {
        let url = at.value.and_then(|text| {
            // A user and password before the host, or a key behind it.
            if text.contains(['@', '?', '#']) {
                self.hide(at.span);
            }
            // Unlike with a store, a slash at the end makes another path.
            let checked = object::parse_endpoint(&text).map(|_| text.clone());
            self.accept(checked.map_err(|error| error.to_string()), at.span)
        });
        if url.as_deref().is_some_and(object::is_exposed) {
            let message = "names and passwords go there in plain text, and whoever is on the way can let anybody in: use https://";
            self.source.danger(at.span, message);
        }
        let token = rest.token.map(|at| self.bearer_token(at));
        let timeout = self.parsed(rest.timeout, |text| match units::duration(text)? {
            duration if (TIMEOUT_LEAST..=TIMEOUT_MOST).contains(&duration) => Ok(duration),
            _ => Err("from 100ms to 1m is possible".to_owned()),
        });
        let cache = self.parsed(rest.cache, |text| match units::duration(text)? {
            duration if duration <= CACHE_MOST => Ok(duration),
            _ => Err("at most a day is possible".to_owned()),
        });
        let authorities = rest.ca_file.map(|at| self.authorities_of_users(at, url.as_deref()));
        let duration = |given: Option<Placed<Duration>>, usual| given.map_or(usual, |(duration, _)| duration);
        let service = HttpService {
            url: url?,
            token: match token {
                Some(token) => Some(token?),
                None => None,
            },
            timeout: duration(timeout, TIMEOUT),
            cache: duration(cache, Duration::ZERO),
            authorities: match authorities {
                Some(authorities) => Some(authorities?),
                None => None,
            },
        };
        Some(UsersFrom::Http(Box::new(service)))
    }

    pub(super) fn bearer_token(&self, at: At<raw::Secret>) -> Option<Secret> {
        let (token, span) = self.secret(at)?;
        if !token.expose().bytes().all(|b| b.is_ascii_graphic()) {
            self.problem(span, "a token has no spaces, and only letters, digits and signs of ASCII");
            return None;
        }
        Some(token)
    }

    pub(super) fn authorities_of_users(&self, at: At<String>, url: Option<&str>) -> Option<Authorities> {
        let path = self.local_path(&at.value?, at.span)?;
        if url.is_some_and(|url| url.starts_with("http://")) {
            self.problem(at.key, "`ca_file` has no use here: the URL is http://, which has no certificates");
            return None;
        }
        let pem = self.read_file(&path, MAX_CA_FILE).map_err(|error| error.to_string());
        let read = pem.and_then(|pem| Authorities::from_pem(&pem));
        self.accept(read.map_err(|reason| format!("ca_file {}: {reason}", path.display())), at.span)
    }
}

impl UsersFrom {
    fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(one), Self::Directory(other)) => one == other,
            (Self::Http(one), Self::Http(other)) => one.url == other.url,
            (Self::Jwt(one), Self::Jwt(other)) => one.issuer == other.issuer,
            (Self::Ldap(one), Self::Ldap(other)) => (&one.url, &one.lookup) == (&other.url, &other.lookup),
            (Self::Sql(one), Self::Sql(other)) => one.identity() == other.identity(),
            _ => false,
        }
    }
}
