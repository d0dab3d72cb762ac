//! The directory, and how a login becomes requests to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt;
use serde_json::Map;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connection::{Bound, Connection, Found, Trouble};
use super::entry::{Entry, comparable_dn};
use super::idle::Idle;
use super::messages::{Outcome, Scope, Search, code};
use super::steady::Steady;
use crate::accounts::sources::Attempt;
use crate::accounts::sources::asked::{Answer, Service, Unanswered, cut};
use crate::config::{EntryTemplate, LdapEncryption, LdapGroups, LdapLookup, LdapService};

/// The most groups of one user.
const MOST_GROUPS: u32 = 1000;

/// A directory.
#[derive(Debug)]
pub(in crate::accounts::sources) struct Ldap {
    settings: LdapService,
    /// What its users are asked about: the attributes that something depends on.
    attributes: Vec<String>,
    /// Or why there is none.
    tls: Result<Option<Arc<ClientConfig>>, String>,
    /// Connections that search.
    idle: Idle,
    pub(super) binds: Steady,
}

/// What becomes of a step: it goes on with this, or that is the answer.
type Step<T> = Result<Result<T, Answer>, Unanswered>;

impl Ldap {
    pub(in crate::accounts::sources) fn new(settings: &LdapService) -> Self {
        Self {
            attributes: attributes(settings),
            tls: tls(settings),
            settings: settings.clone(),
            idle: Idle::default(),
            binds: Steady::default(),
        }
    }

    /// A new connection; nobody is logged in on it.
    async fn connect(&self) -> Result<Connection, Trouble> {
        let tls = self.tls.as_ref().map_err(|reason| Trouble::Wrong(reason.clone()))?;
        Connection::open(&self.settings, tls.as_ref()).await
    }

    /// Searches as whoever is configured, on a connection that is there, or else on a new one.
    async fn search(&self, search: &Search<'_>) -> Result<Found, Trouble> {
        if let Some(mut connection) = self.idle.take() {
            // Time is left for another one, if the directory went away without a word.
            match timeout(self.settings.timeout / 4, connection.search(search)).await {
                Ok(Ok(found)) => {
                    self.idle.keep(connection);
                    return Ok(found);
                }
                // It was closed while nobody needed it.
                Ok(Err(Trouble::Gone(_))) | Err(_) => self.idle.forget(),
                Ok(Err(trouble)) => return Err(trouble),
            }
        }
        let mut connection = self.connect().await?;
        if let LdapLookup::Search { bind: Some((dn, password)), .. } = &self.settings.lookup
            && let Bound::Refused(outcome) = connection.bind(dn, password.expose()).await?
        {
            let said = outcome.describe();
            return Err(Trouble::Wrong(format!("the directory refuses `bind_dn` and its password: {said}")));
        }
        let found = connection.search(search).await?;
        self.idle.keep(connection);
        Ok(found)
    }

    /// Whether the password shows that whoever logs in is `dn`. The connection is that user's from then on.
    async fn bind(&self, dn: &str, password: &str) -> Step<Connection> {
        if password.is_empty() {
            return self.refuse("the password is empty").await;
        }
        let began = Instant::now();
        let mut connection = self.connect().await?;
        let bound = connection.bind(dn, password).await?;
        self.binds.took(began.elapsed());
        match bound {
            Bound::Proven => Ok(Ok(connection)),
            Bound::Refused(outcome) => {
                connection.close().await;
                Ok(Err(Answer::Refused(cut(&reason(&outcome)))))
            }
        }
    }

    /// Refuses after the time of a bind.
    async fn refuse<T>(&self, reason: &str) -> Step<T> {
        self.binds.wait().await;
        Ok(Err(Answer::Refused(reason.to_owned())))
    }

    async fn search_and_bind(&self, attempt: &Attempt<'_>) -> Step<(Entry, Option<Connection>)> {
        let LdapLookup::Search { base, filter, .. } = &self.settings.lookup else {
            return Err(Unanswered::wrong("nothing says how to search"));
        };
        let name = attempt.name;
        let text = filter.filled(|_| name);
        let search = self.request(base, Scope::Subtree, &text, &self.attributes, 2)?;
        let found = self.search(&search).await?;
        if found.has_no_base {
            return Err(Unanswered::wrong(format!("the directory has no entry {base:?}")));
        }
        let mut entries = found.entries.into_iter();
        let entry = match (entries.next(), entries.next(), found.are_more) {
            (Some(entry), None, false) => entry,
            (None, None, false) if found.is_elsewhere => return Err(elsewhere(base)),
            (None, None, false) => {
                self.binds.wait().await;
                return Ok(Err(Answer::Unknown));
            }
            _ => return self.refuse("the filter finds more than one entry").await,
        };
        if !filter.compared(name).any(|(attribute, value)| entry.texts(attribute).any(|own| own == value)) {
            return self.refuse(&other_name(&entry, filter.attributes())).await;
        }
        match self.bind(&entry.dn, attempt.credential.password).await? {
            Ok(connection) => {
                connection.close().await;
                Ok(Ok((entry, None)))
            }
            Err(answer) => Ok(Err(answer)),
        }
    }

    async fn bind_and_look(&self, attempt: &Attempt<'_>) -> Step<(Entry, Option<Connection>)> {
        let LdapLookup::Direct { before, behind, attribute } = &self.settings.lookup else {
            return Err(Unanswered::wrong("nothing says what the user's entry is called"));
        };
        let name = attempt.name;
        let dn = format!("{before}{}{behind}", ldap3::dn_escape(name));
        let mut connection = match self.bind(&dn, attempt.credential.password).await? {
            Ok(connection) => connection,
            Err(answer) => return Ok(Err(answer)),
        };
        let search = self.request(&dn, Scope::Base, "(objectClass=*)", &self.attributes, 1)?;
        let found = connection.search(&search).await?;
        let Some(entry) = found.entries.into_iter().next() else {
            let reason = "the directory does not show the user its own entry";
            return Ok(Err(Answer::Refused(reason.to_owned())));
        };
        // The password was right: no further wait, which would tell so.
        if !entry.texts(attribute).any(|own| own == name) {
            return Ok(Err(Answer::Refused(other_name(&entry, std::iter::once(attribute.as_str())))));
        }
        Ok(Ok((entry, Some(connection))))
    }

    /// What becomes of a user who has shown who it is; `connection` is its own.
    async fn entry_of(
        &self,
        name: &str,
        entry: &Entry,
        connection: Option<&mut Connection>,
    ) -> Step<&EntryTemplate> {
        let groups = match &self.settings.groups {
            None => Vec::new(),
            Some(LdapGroups::Listed { attribute }) => {
                if entry.is_cut(attribute) {
                    let reason = format!("the directory shows a part of {attribute} only: search for groups");
                    return Ok(Err(Answer::Unusable(reason)));
                }
                entry.texts(attribute).map(comparable_dn).collect()
            }
            Some(LdapGroups::Searched { base, filter, attribute }) => {
                let text = filter.filled(|place| if place == "dn" { &entry.dn } else { name });
                let attributes = [attribute.clone()];
                let search = self.request(base, Scope::Subtree, &text, &attributes, MOST_GROUPS)?;
                let found = match connection {
                    Some(own) => own.search(&search).await?,
                    None => self.search(&search).await?,
                };
                if found.is_elsewhere {
                    return Err(elsewhere(base));
                }
                if found.are_more {
                    let reason = "the user is in more groups than the directory shows";
                    return Ok(Err(Answer::Unusable(reason.to_owned())));
                }
                if found.has_no_base {
                    return Err(Unanswered::wrong(format!("the directory has no entry {base:?}")));
                }
                found.entries.iter().flat_map(|group| group.texts(attribute)).map(str::to_lowercase).collect()
            }
        };
        let is_dn = matches!(self.settings.groups, Some(LdapGroups::Listed { .. }));
        let is_member = |group: &str| {
            let group = if is_dn { comparable_dn(group) } else { group.to_lowercase() };
            groups.contains(&group)
        };
        let of_group = self.settings.map.iter().find(|(group, _)| is_member(group));
        match of_group.map(|(_, template)| template).or(self.settings.others.as_ref()) {
            Some(template) => Ok(Ok(template)),
            None => Ok(Err(Answer::Refused("the user is in none of the groups of `map`".to_owned()))),
        }
    }

    fn request<'a>(
        &self,
        base: &'a str,
        scope: Scope,
        filter: &str,
        attributes: &'a [String],
        most: u32,
    ) -> Result<Search<'a>, Unanswered> {
        let seconds = u32::try_from(self.settings.timeout.as_secs()).unwrap_or(u32::MAX).max(1);
        let filter = encoded(filter).ok_or_else(|| Unanswered::wrong("this name makes no filter"))?;
        Ok(Search { base, scope, filter, attributes, most, seconds })
    }

    async fn steps(&self, attempt: &Attempt<'_>) -> Step<String> {
        let found = match &self.settings.lookup {
            LdapLookup::Search { .. } => self.search_and_bind(attempt).await?,
            LdapLookup::Direct { .. } => self.bind_and_look(attempt).await?,
        };
        let (entry, mut connection) = match found {
            Ok(found) => found,
            Err(answer) => return Ok(Err(answer)),
        };
        let template = self.entry_of(attempt.name, &entry, connection.as_mut()).await?;
        if let Some(connection) = connection {
            connection.close().await;
        }
        let template = match template {
            Ok(template) => template,
            Err(answer) => return Ok(Err(answer)),
        };
        let mut parts = std::collections::HashMap::from([("name".to_owned(), attempt.name.to_owned())]);
        for place in template.places().into_iter().filter(|place| place != "name") {
            match entry.only(&place) {
                Ok(value) => parts.insert(place, value.to_owned()),
                Err(reason) => return Ok(Err(Answer::Unusable(reason))),
            };
        }
        let filled = template.fill(&|place| parts.get(place).cloned(), Map::new());
        Ok(filled.map_err(Answer::Unusable))
    }
}

#[async_trait]
impl Service for Ldap {
    fn origin(&self) -> &str {
        &self.settings.url
    }

    fn identity(&self) -> String {
        format!("ldap {} {}", self.settings.url, identity_of(&self.settings.lookup))
    }

    fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    fn cache(&self) -> Duration {
        self.settings.cache
    }

    /// Without TLS, another attempt to get ready may succeed.
    fn is_like(&self, other: &Self) -> bool {
        self.settings == other.settings && self.tls.is_ok()
    }

    /// Neither has a control character in it, or this one.
    fn question(&self, attempt: &Attempt<'_>) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\0{}", attempt.name, attempt.credential.password))
    }

    async fn answer(&self, _: &str, attempt: &Attempt<'_>) -> Result<Answer, Unanswered> {
        Ok(match self.steps(attempt).await? {
            Ok(entry) => Answer::User { entry, holds: self.settings.cache },
            Err(answer) => answer,
        })
    }
}

fn identity_of(lookup: &LdapLookup) -> String {
    match lookup {
        LdapLookup::Search { base, filter, .. } => format!("{base} {}", filter.filled(|_| "{name}")),
        LdapLookup::Direct { before, behind, .. } => format!("{before}{{name}}{behind}"),
    }
}

/// What was looked for may be in another directory, which is not asked.
fn elsewhere(base: &str) -> Unanswered {
    Unanswered::wrong(format!(
        "the directory refers to others for what is below {base:?}: name a base below its own"
    ))
}

/// A filter as it is sent.
fn encoded(filter: &str) -> Option<Vec<u8>> {
    use ldap3::asn1::{ASNTag, write};
    let tag = ldap3::parse_filter(filter).ok()?;
    let mut bytes = bytes::BytesMut::new();
    write::encode_into(&mut bytes, tag.into_structure()).ok()?;
    Some(bytes.to_vec())
}

/// The attributes that something depends on.
fn attributes(settings: &LdapService) -> Vec<String> {
    let mut names: Vec<String> = match &settings.lookup {
        LdapLookup::Search { filter, .. } => filter.attributes().map(str::to_owned).collect(),
        LdapLookup::Direct { attribute, .. } => vec![attribute.clone()],
    };
    if let Some(LdapGroups::Listed { attribute }) = &settings.groups {
        names.push(attribute.clone());
    }
    let templates = settings.map.iter().map(|(_, template)| template).chain(&settings.others);
    names.extend(templates.flat_map(EntryTemplate::places).filter(|place| place != "name"));
    let mut each: Vec<String> = Vec::new();
    for name in names {
        if !each.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            each.push(name);
        }
    }
    each
}

fn tls(settings: &LdapService) -> Result<Option<Arc<ClientConfig>>, String> {
    if settings.encryption == LdapEncryption::None {
        return Ok(None);
    }
    let config = match &settings.authorities {
        Some(authorities) => authorities.tls().map_err(|error| error.to_string())?,
        None => ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|error| error.to_string())?
            .with_no_client_auth(),
    };
    Ok(Some(Arc::new(config)))
}

/// Why an entry that was found is not that of this name: a directory takes `Anna` for `anna`, and for Wharf these are two users.
fn other_name<'a>(entry: &Entry, attributes: impl Iterator<Item = &'a str>) -> String {
    let own: Vec<_> = attributes.flat_map(|name| entry.texts(name)).map(|own| format!("{own:?}")).collect();
    match own.as_slice() {
        [] => cut("the directory does not show what it compared with the name"),
        own => cut(&format!("the directory writes this name {}", own.join(" or "))),
    }
}

/// Why a directory refuses a password, in words. Active Directory says so by a number in its text.
fn reason(outcome: &Outcome) -> String {
    let data = outcome.text.split_once("data ").map(|(_, rest)| rest);
    let number = data.map(|rest| rest.split([',', ' ', '\0']).next().unwrap_or_default());
    let word = match (outcome.code, number) {
        (code::INVALID_CREDENTIALS, Some("525")) => "there is no such user",
        (code::INVALID_CREDENTIALS, Some("530")) => "the user may not log in at this time",
        (code::INVALID_CREDENTIALS, Some("531")) => "the user may not log in from here",
        (code::INVALID_CREDENTIALS, Some("532")) => "the password has expired",
        (code::INVALID_CREDENTIALS, Some("533")) => "the account is disabled",
        (code::INVALID_CREDENTIALS, Some("701")) => "the account has expired",
        (code::INVALID_CREDENTIALS, Some("773")) => "the password has to be changed first",
        (code::INVALID_CREDENTIALS, Some("775")) => "the account is locked",
        (code::INVALID_CREDENTIALS, _) => "wrong password",
        _ => return outcome.describe(),
    };
    word.to_owned()
}
