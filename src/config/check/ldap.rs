//! `users_from: [{ ldap: … }]`: a directory service that knows users.

use serde_json::{Map, Value};
use url::{Host, Url};
use wharf_backends::object;

use super::super::checked::UsersFrom;
use super::super::ldap_filter::LdapFilter;
use super::super::template::EntryTemplate;
use super::super::{LdapEncryption, LdapGroups, LdapLookup, LdapService};
use super::users_from::{CACHE_MOST, TIMEOUT, TIMEOUT_LEAST, TIMEOUT_MOST};
use super::*;

/// Where a directory is.
struct Place {
    url: String,
    host: String,
    port: u16,
    encryption: LdapEncryption,
}

impl Checker<'_> {
    pub(super) fn ldap(
        &self,
        at: At<raw::Ldap>,
        defaults: Option<At<Map<String, Value>>>,
        entries: &Entries,
    ) -> Option<UsersFrom> {
        let owner = at.key;
        if !cfg!(feature = "ldap") {
            self.problem(owner, "this build of Wharf can't ask directories (its feature `ldap` is off)");
        }
        let raw = at.value?;
        let place = self.directory_place(raw.url, raw.start_tls, owner);
        let is_plain = place.as_ref().is_some_and(|place| place.encryption == LdapEncryption::None);
        let authorities = match raw.ca_file {
            Some(at) if is_plain => {
                self.problem(at.key, "`ca_file` has no use here: the connection is not encrypted");
                None
            }
            Some(at) => Some(self.authorities_of_users(at, None)),
            None => None,
        };
        let timeout = self.parsed(raw.timeout, |text| match units::duration(text)? {
            duration if (TIMEOUT_LEAST..=TIMEOUT_MOST).contains(&duration) => Ok(duration),
            _ => Err("from 100ms to 1m is possible".to_owned()),
        });
        let cache = self.parsed(raw.cache, |text| match units::duration(text)? {
            duration if duration <= CACHE_MOST => Ok(duration),
            _ => Err("at most a day is possible".to_owned()),
        });
        let as_whom =
            AsWhom { dn: raw.bind_dn, password: raw.bind_password, anonymous: raw.anonymous, base: raw.base };
        let lookup = match (raw.filter, raw.user_dn) {
            (Some(filter), None) => self.search(filter, as_whom, owner),
            (None, Some(dn)) => self.direct(dn, &as_whom),
            (Some(_), Some(dn)) => {
                self.problem(dn.key, "a user is found by `filter` or by `user_dn`, and not by both");
                None
            }
            (None, None) => {
                self.problem(owner, "say how a user is found: by `filter` or by `user_dn`");
                None
            }
        };
        let groups = raw.groups.map(|at| self.groups(at));
        let require_group = raw.require_group.filter(|at| at.value == Some(true));
        if let (None, Some(place)) = (&groups, raw.map.as_ref().map(|at| at.key)) {
            self.problem(place, "`map` has no use without `groups`");
        }
        if let (None, Some(at)) = (&raw.map, &require_group) {
            self.problem(at.key, "`require_group` has no use without `map`: nobody could log in");
        }
        if let (None, Some(_)) = (&raw.map, &groups) {
            self.problem(owner, "`groups` has no use without `map`");
        }
        let common = defaults.as_ref().and_then(|at| at.value.clone()).unwrap_or_default();
        let others = defaults.map_or_else(
            || Some(EntryTemplate::default()),
            |at| self.defaults(at, &why_not_a_place, entries),
        );
        let map = raw.map.and_then(|at| at.value).unwrap_or_default();
        // What is wrong with the defaults is wrong with all of these.
        let map: Option<Vec<_>> = match &others {
            Some(_) => map.into_iter().map(|at| self.group_entry(at, &common, entries)).collect(),
            None => None,
        };
        let others = if require_group.is_some() {
            None
        } else {
            if others.is_some() && !common.contains_key("backend") {
                self.problem(owner, "no entry has a backend: name one in `defaults`");
            }
            Some(others?)
        };
        let Place { url, host, port, encryption } = place?;
        Some(UsersFrom::Ldap(Box::new(LdapService {
            url,
            host,
            port,
            encryption,
            authorities: match authorities {
                Some(authorities) => Some(authorities?),
                None => None,
            },
            timeout: timeout.map_or(TIMEOUT, |(timeout, _)| timeout),
            cache: cache.map_or(std::time::Duration::ZERO, |(cache, _)| cache),
            lookup: lookup?,
            groups: match groups {
                Some(groups) => Some(groups?),
                None => None,
            },
            map: map?,
            others,
        })))
    }

    fn directory_place(
        &self,
        url: Option<At<String>>,
        start_tls: Option<At<bool>>,
        owner: Span,
    ) -> Option<Place> {
        let (url, span) = self.required(url, "url", owner)?;
        if url.contains(['@', '?', '#']) {
            self.hide(span);
        }
        let (port, rest) = match url.split_once("://") {
            Some(("ldap", rest)) => (389, rest),
            Some(("ldaps", rest)) => (636, rest),
            _ => {
                self.problem(span, "the URL has to start with ldap:// or ldaps://");
                return None;
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // By the rules of other URLs, whose usual port is another one.
        let as_http = format!("http://{rest}");
        let host = object::parse_endpoint(&as_http).ok().and_then(|_| Url::parse(&as_http).ok());
        let host = host.filter(|_| !rest.contains('/')).and_then(|url| {
            let host = match url.host()? {
                Host::Domain(name) => name.to_owned(),
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            };
            let own = if rest.ends_with(":80") { 80 } else { port };
            Some((host, url.port().unwrap_or(own)))
        });
        let Some((host, port_of)) = host else {
            self.problem(
                span,
                "expected a URL such as ldaps://ldap.example.com or ldap://ldap.example.com:3389",
            );
            return None;
        };
        let start_tls = start_tls.filter(|at| at.value == Some(true));
        let encryption = match (port, start_tls) {
            (636, None) => LdapEncryption::Tls,
            (636, Some(at)) => {
                self.problem(
                    at.key,
                    "`start_tls` has no use here: connections to ldaps:// begin with encryption",
                );
                return None;
            }
            (_, Some(_)) => LdapEncryption::StartTls,
            (_, None) => {
                if object::is_exposed(&as_http) {
                    let message = "names and passwords go there in plain text, and whoever is on the way can let anybody in: use \
                                   ldaps:// or `start_tls: true`";
                    self.source.danger(span, message);
                }
                LdapEncryption::None
            }
        };
        Some(Place { url, host, port: port_of, encryption })
    }

    fn search(&self, filter: At<String>, as_whom: AsWhom, owner: Span) -> Option<LdapLookup> {
        let span = filter.span;
        let filter = self.accept(LdapFilter::parse(&filter.value?, &["name"]), span);
        if cfg!(feature = "ldap")
            && filter.as_ref().is_some_and(|filter| filter.attributes().next().is_none())
        {
            self.problem(span, "an attribute has to be compared with {name}, such as (uid={name})");
            return None;
        }
        let base = self.required(as_whom.base, "base", owner).and_then(|(base, span)| self.dn(base, span));
        let anonymous = as_whom.anonymous.filter(|at| at.value == Some(true));
        let bind = match (as_whom.dn, as_whom.password) {
            (Some(dn), Some(password)) => {
                if let Some(at) = anonymous {
                    self.problem(at.key, "`anonymous` has no use with `bind_dn`");
                }
                let dn = dn.value.filter(|text| !text.is_empty()).or_else(|| {
                    // Whoever binds without a name is nobody, whatever the password is (RFC 4513, section 5.1.2).
                    self.problem(dn.span, "this name is empty");
                    None
                });
                let password = self.secret(password).map(|(password, _)| password);
                Some((dn?, password?))
            }
            (Some(at), None) => {
                self.problem(at.key, "`bind_password` is missing");
                return None;
            }
            (None, Some(at)) => {
                self.problem(at.key, "`bind_dn` is missing");
                return None;
            }
            (None, None) if anonymous.is_some() => None,
            (None, None) => {
                self.problem(
                    owner,
                    "say as whom to search: `bind_dn` and `bind_password`, or `anonymous: true`",
                );
                return None;
            }
        };
        Some(LdapLookup::Search { bind, base: base?, filter: filter? })
    }

    fn direct(&self, dn: At<String>, as_whom: &AsWhom) -> Option<LdapLookup> {
        let unused = [
            ("bind_dn", as_whom.dn.as_ref().map(|at| at.key)),
            ("bind_password", as_whom.password.as_ref().map(|at| at.key)),
            ("anonymous", as_whom.anonymous.as_ref().filter(|at| at.value == Some(true)).map(|at| at.key)),
            ("base", as_whom.base.as_ref().map(|at| at.key)),
        ];
        for (key, place) in unused {
            if let Some(place) = place {
                self.problem(
                    place,
                    format!("`{key}` has no use with `user_dn`: nothing is searched before the login"),
                );
            }
        }
        let text = dn.value?;
        let parts = text.split_once("{name}").and_then(|(before, behind)| {
            let ends = behind.is_empty() || behind.starts_with(',');
            let field = before.rsplit([',', '+']).next()?.strip_suffix('=')?.trim();
            let fits =
                ends && is_attribute(field) && !behind.contains(['{', '}']) && !before.contains(['{', '}']);
            fits.then(|| (before.to_owned(), behind.to_owned(), field.to_owned()))
        });
        let Some((before, behind, attribute)) = parts else {
            let message =
                "one field of this name has to be {name}, such as uid={name},ou=people,dc=example,dc=com";
            self.problem(dn.span, message);
            return None;
        };
        Some(LdapLookup::Direct { before, behind, attribute })
    }

    fn groups(&self, at: At<raw::LdapGroups>) -> Option<LdapGroups> {
        let raw = at.value?;
        let attribute = match raw.attribute.map(|at| (at.value, at.span)) {
            Some((Some(name), span)) if !is_attribute(&name) => {
                self.problem(span, "this is no name of an attribute");
                return None;
            }
            Some((name, _)) => Some(name?),
            None => None,
        };
        let Some(base) = raw.base else {
            if let Some(at) = raw.filter {
                self.problem(at.key, "`filter` has no use here without `base`");
                return None;
            }
            return Some(LdapGroups::Listed { attribute: attribute.unwrap_or_else(|| "memberOf".into()) });
        };
        let base = self.dn(base.value?, base.span);
        let filter = match raw.filter {
            Some(at) => self.accept(LdapFilter::parse(&at.value?, &["dn", "name"]), at.span),
            None => LdapFilter::parse("(member={dn})", &["dn"]).ok(),
        };
        let attribute = attribute.unwrap_or_else(|| "cn".into());
        Some(LdapGroups::Searched { base: base?, filter: filter?, attribute })
    }

    /// A group and what becomes of its members: `common` are the keys of the defaults.
    fn group_entry(
        &self,
        at: At<raw::LdapEntry>,
        common: &Map<String, Value>,
        entries: &Entries,
    ) -> Option<(String, EntryTemplate)> {
        let raw = at.value?;
        let group = self.required(raw.group, "group", at.span);
        let (place, own) = match raw.entry {
            Some(at) => (at.span, at.value?),
            None => (at.span, Map::new()),
        };
        let mut keys = common.clone();
        keys.extend(own);
        if !keys.contains_key("backend") {
            self.problem(place, "this entry has no backend: name one here, or in `defaults`");
        }
        let keys = At { value: Some(keys), span: place, key: place };
        let template = self.entry_template(keys, "entry", &why_not_a_place, entries)?;
        Some((group?.0, template))
    }

    /// The name of an entry of the directory.
    fn dn(&self, text: String, span: Span) -> Option<String> {
        if !text.contains('=') || text.chars().any(char::is_control) {
            self.problem(span, "expected the name of an entry, such as ou=people,dc=example,dc=com");
            return None;
        }
        Some(text)
    }
}

/// Keys about the search for a user.
struct AsWhom {
    dn: Option<At<String>>,
    password: Option<At<raw::Secret>>,
    anonymous: Option<At<bool>>,
    base: Option<At<String>>,
}

/// Whether this can be the name of an attribute (RFC 4512, section 1.4).
fn is_attribute(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    (1..=64).contains(&name.len()) && begins && name.bytes().all(fits)
}

/// The places are the name at the login, and attributes of the user.
fn why_not_a_place(name: &str) -> Result<(), String> {
    match name {
        _ if name.eq_ignore_ascii_case("userPassword") || name.eq_ignore_ascii_case("unicodePwd") => {
            Err(format!("{{{name}}} is a secret"))
        }
        "dn" => Err("{dn} is no place here; there are {name} and attributes of the user".into()),
        _ if is_attribute(name) => Ok(()),
        _ => Err(format!(
            "{{{name}}} is no place here; there are {{name}} and attributes of the user, such as {{uid}}"
        )),
    }
}
