//! The sections `users` and `anonymous`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::checked::{Account, Anonymous, Mount, Password, User};
use super::super::suggest::{hint, list, quote};
use super::backends::Defined;
use super::*;
use crate::charset::Charset;
use crate::config::{PasswordHash, PasswordHashError, Permissions};

/// Names that stand for a login without a password.
const RESERVED: [&str; 2] = ["anonymous", "ftp"];

/// Who may log in.
pub(super) struct Accounts {
    pub(super) users: Vec<User>,
    pub(super) anonymous: Option<Anonymous>,
    /// `ftp` may be the name of a user.
    pub(super) ftp_is_free: bool,
}

/// What users and the anonymous login have in common.
struct RawAccount {
    backend: Option<At<String>>,
    path: Option<At<String>>,
    permissions: Option<At<raw::PermissionWords>>,
    quota: Option<At<raw::Quota>>,
    resume_uploads: Option<At<raw::Scalar>>,
    mounts: Option<At<Vec<At<raw::Mount>>>>,
}

/// What the rest of the file says about users.
pub(super) struct Elsewhere {
    /// There are users who stand elsewhere.
    pub(super) others: bool,
    /// There are authorities of clients.
    pub(super) client_authorities: bool,
    /// The backend of infected files.
    pub(super) quarantine: Option<String>,
    /// The backend where events wait, if there is one.
    pub(super) spool: Option<String>,
    /// Uploads are scanned.
    pub(super) scans: bool,
}

/// What a user has to fit in with.
pub(in crate::config) struct Users {
    /// The names of users, and where they stand.
    pub(in crate::config) names: BTreeMap<String, Span>,
    /// The backends that are defined.
    pub(in crate::config) backends: BTreeSet<String>,
    /// Their names in the order of the file, as the end of a sentence.
    pub(in crate::config) list: String,
    /// Those that somebody uses.
    pub(in crate::config) used: BTreeSet<String>,
    /// `ftp` is no login without a password.
    pub(in crate::config) ftp_is_free: bool,
    /// There are authorities of clients.
    pub(in crate::config) client_authorities: bool,
    /// The backends that keep no uploads, as far as that is known, each with the reason.
    pub(in crate::config) keepless: BTreeMap<String, &'static str>,
}

impl Checker<'_> {
    pub(super) fn accounts(
        &self,
        users: Option<At<Vec<At<raw::User>>>>,
        anonymous: Option<At<raw::Anonymous>>,
        elsewhere: Elsewhere,
        defined: &BTreeMap<String, Defined>,
        root: Span,
    ) -> Accounts {
        let Elsewhere { others, client_authorities, quarantine, spool, scans } = elsewhere;
        let place = users.as_ref().map_or(root, |at| at.key);
        let has_users =
            users.as_ref().is_some_and(|at| at.value.as_ref().is_none_or(|list| !list.is_empty()));
        let users = users.and_then(|at| at.value).unwrap_or_default();
        let is_enabled =
            |raw: &raw::Anonymous| raw.enabled.as_ref().is_some_and(|at| at.value != Some(false));
        let ftp_is_free = !anonymous.as_ref().and_then(|at| at.value.as_ref()).is_some_and(is_enabled);
        let mut in_order: Vec<_> = defined.iter().map(|(name, backend)| (backend.name.start, name)).collect();
        in_order.sort_unstable();
        let mut known = Users {
            names: BTreeMap::new(),
            backends: defined.keys().cloned().collect(),
            list: list_of(in_order.into_iter().map(|(_, name)| name.as_str())),
            used: quarantine.into_iter().chain(spool).collect(),
            ftp_is_free,
            client_authorities,
            keepless: keepless(defined, scans),
        };
        let users = users.into_iter().filter_map(|at| self.user(at, &mut known)).collect();
        let has_anonymous = anonymous.is_some();
        let anonymous = anonymous.and_then(|at| self.anonymous(at, &mut known));
        if !has_users && anonymous.is_none() && !others {
            let message = if has_anonymous {
                "there are no users, and no anonymous login"
            } else {
                "there are no users"
            };
            self.source.warning(place, format!("{message}: nobody can log in"));
        }
        // Users who stand elsewhere may use what nobody uses here.
        let unused = defined.iter().filter(|(name, _)| !others && !known.used.contains(*name));
        for (name, backend) in unused {
            self.source.warning(backend.name, format!("backend {} is not used", quote(name)));
        }
        Accounts { users, anonymous, ftp_is_free }
    }

    /// A user whose name and proof stand there.
    pub(in crate::config) fn user(&self, at: At<raw::User>, known: &mut Users) -> Option<User> {
        let mut raw = at.value?;
        let owner = raw.name.as_ref().map_or(at.span, |name| name.span);
        let name = self.required(raw.name.take(), "name", owner);
        if let Some((name, span)) = &name
            && self.name(name, *span)
        {
            let is_reserved = RESERVED.contains(&name.to_ascii_lowercase().as_str());
            if is_reserved && !(known.ftp_is_free && name.eq_ignore_ascii_case("ftp")) {
                let message =
                    format!("{} is no user but the login without a password; see `anonymous`", quote(name));
                self.problem(*span, message);
            }
            if let Some(first) = known.names.get(name) {
                let line = self.source.line_number(first.start);
                self.problem(*span, format!("user {} is defined twice; first on line {line}", quote(name)));
            } else {
                known.names.insert(name.clone(), *span);
            }
        }
        let plain = raw.plain.take().filter(|at| at.value == Some(true)).map(|at| at.span);
        let is_here = raw.password.as_ref().is_some_and(|at| matches!(at.value, Some(raw::Secret::Text(_))));
        self.password_dangers(plain.filter(|_| is_here));
        let plain = plain.is_some();
        let password = raw.password.take().map(|at| (at.key, self.password(at, plain)));
        let certificate = raw.certificate.take().map(|at| (at.key, self.own_certificate(at, known)));
        let proofs = self.proofs(password, certificate, raw.login.take(), owner);
        let user = self.rest_of_user(raw, owner, known);
        let (password, certificate) = proofs?;
        Some(User { name: name?.0, password, certificate, ..user? })
    }

    /// A user of this name, who has shown to somebody else who it is.
    pub(in crate::config) fn proven_user(
        &self,
        at: At<raw::User>,
        name: &str,
        known: &mut Users,
    ) -> Option<User> {
        let raw = at.value?;
        self.name(name, at.span);
        for (key, place) in [
            ("name", raw.name.as_ref().map(|at| at.key)),
            ("password", raw.password.as_ref().map(|at| at.key)),
            ("plain", raw.plain.as_ref().map(|at| at.key)),
            ("certificate", raw.certificate.as_ref().map(|at| at.key)),
            ("login", raw.login.as_ref().map(|at| at.key)),
        ] {
            if let Some(place) = place {
                self.problem(place, format!("`{key}` has no use here: somebody else says who the user is"));
            }
        }
        let user = self.rest_of_user(raw, at.span, known)?;
        Some(User { name: name.to_owned(), ..user })
    }

    /// All but the name and the proof of a user.
    fn rest_of_user(&self, raw: raw::User, owner: Span, known: &mut Users) -> Option<User> {
        let account = RawAccount {
            backend: raw.backend,
            path: raw.path,
            permissions: raw.permissions,
            quota: raw.quota,
            resume_uploads: raw.resume_uploads,
            mounts: raw.mounts,
        };
        let account = self.account(account, Permissions::FULL, owner, known);
        let charset = raw.encoding.and_then(|at| Some((at.value?, at.span))).map(|(label, span)| {
            let charset = Charset::named(&label);
            if charset.is_none() {
                self.problem(
                    span,
                    format!("{} is no character set that commands can be read in", quote(&label)),
                );
            }
            self.charset_dangers(&label, span);
            charset
        });
        let networks = self.client_networks(raw.networks);
        let hosts = self.hosts(raw.hosts, "any is good");
        let expires = self.expires(raw.expires);
        let listing_time = self.listing_time(raw.listing_time);
        let limits = self.user_limits(raw.limits);
        // All is looked at: from here on, what is wrong ends it.
        Some(User {
            name: String::new(),
            password: None,
            certificate: None,
            networks,
            hosts: hosts.into_iter().map(|(host, _)| host).collect(),
            expires,
            charset: charset.flatten(),
            default_type: raw.default_type.and_then(|at| at.value).map(Into::into),
            chmod: raw.chmod.and_then(|at| at.value).map(Into::into),
            create_parents: raw.create_parents.and_then(|at| at.value),
            listing_time,
            limits,
            account: account?,
        })
    }

    fn password(&self, at: At<raw::Secret>, plain: bool) -> Option<Password> {
        let (secret, span) = self.secret(at)?;
        if plain {
            // Damaged or of a scheme that is not supported, it's still what somebody may have copied from elsewhere.
            if !matches!(PasswordHash::parse(secret.expose()), Err(PasswordHashError::NotAHash)) {
                let message = "with `plain: true` this hash is the password itself, and whoever has seen it can log in; \
                               leave `plain` out if the password is the one that was hashed";
                self.source.warning(span, message);
            }
            return Some(Password::Plain(secret));
        }
        let hash = PasswordHash::parse(secret.expose()).map_err(|error| match error {
            PasswordHashError::NotAHash => {
                format!("{error} (or say `plain: true` if it is the password itself)")
            }
            error => error.to_string(),
        });
        let hash = self.accept(hash, span)?;
        self.hash_dangers(&hash, span);
        Some(Password::Hash(hash))
    }

    fn anonymous(&self, at: At<raw::Anonymous>, known: &mut Users) -> Option<Anonymous> {
        let raw = at.value?;
        let enabled = raw.enabled.and_then(|at| at.value).unwrap_or(false);
        if !enabled && raw.backend.is_none() {
            return None;
        }
        let account = RawAccount {
            backend: raw.backend,
            path: raw.path,
            permissions: raw.permissions,
            quota: raw.quota,
            // Many are behind that name, and one must not go on with what is another's.
            resume_uploads: None,
            mounts: raw.mounts,
        };
        let account = self.account(account, Permissions::READ_ONLY, at.key, known)?;
        if account.mounts.iter().any(|mount| mount.resume_uploads.is_some()) {
            let message = "`resume_uploads` of a mount has no use here: many are behind that name, and one must not go on with what is another's";
            self.problem(at.key, message);
        }
        if enabled {
            self.anonymous_dangers(&account, at.key);
        }
        enabled.then_some(Anonymous { account })
    }

    fn account(
        &self,
        raw: RawAccount,
        default: Permissions,
        owner: Span,
        known: &mut Users,
    ) -> Option<Account> {
        let backend = self.backend_name(raw.backend, owner, known);
        let path = self.storage_path(raw.path);
        let permissions = raw.permissions.map_or(default, |at| self.permissions(at));
        let quota = self.quota(raw.quota);
        let keeps = (raw.resume_uploads, backend.as_deref());
        let resume_uploads = self.kept_for(keeps, None, known);
        let mut places = BTreeMap::new();
        let mounts = raw.mounts.and_then(|at| at.value).unwrap_or_default();
        let mounts = mounts
            .into_iter()
            .filter_map(|at| self.mount(at, (permissions, resume_uploads), &mut places, known))
            .collect();
        let account = Account { backend: backend?, path: path?, permissions, quota, resume_uploads, mounts };
        self.mount_dangers(&account, owner, &places);
        Some(account)
    }

    fn mount(
        &self,
        at: At<raw::Mount>,
        (default, resume_uploads): (Permissions, Option<Duration>),
        places: &mut BTreeMap<StoragePath, Span>,
        known: &mut Users,
    ) -> Option<Mount> {
        let raw = at.value?;
        let owner = raw.at.as_ref().map_or(at.span, |place| place.span);
        let place = match raw.at {
            None => self.required(None, "at", owner).map(|(place, _)| place),
            at => self.storage_path(at),
        };
        if let Some(place) = &place {
            if place.is_root() {
                self.problem(owner, "a mount can't stand at `/`: the user's own `backend` does");
            } else if let Some(first) = places.get(place) {
                let line = self.source.line_number(first.start);
                let place = quote(place.as_str());
                self.problem(
                    owner,
                    format!("overlapping mounts: {place} is taken by the mount on line {line}"),
                );
            } else {
                places.insert(place.clone(), owner);
            }
        }
        let backend = self.backend_name(raw.backend, owner, known);
        let path = self.storage_path(raw.path);
        let permissions = raw.permissions.map_or(default, |at| self.permissions(at));
        let quota = self.quota(raw.quota);
        let keeps = (raw.resume_uploads, backend.as_deref());
        let resume_uploads = self.kept_for(keeps, resume_uploads, known);
        Some(Mount { at: place?, backend: backend?, path: path?, permissions, quota, resume_uploads })
    }

    /// How long uploads are kept in a backend, which may keep none.
    fn kept_for(
        &self,
        (field, backend): (Option<At<raw::Scalar>>, Option<&str>),
        elsewhere: Option<Duration>,
        known: &Users,
    ) -> Option<Duration> {
        let place = field.as_ref().map(|at| at.span);
        let kept_for = self.resume_uploads(field, elsewhere);
        if let (Some(place), Some(_), Some(backend)) = (place, kept_for, backend)
            && let Some(reason) = known.keepless.get(backend)
        {
            let message = format!("uploads to backend {} are not kept: {reason}", quote(backend));
            self.source.warning(place, message);
        }
        kept_for
    }

    fn backend_name(&self, field: Option<At<String>>, owner: Span, known: &mut Users) -> Option<String> {
        let (name, span) = self.required(field, "backend", owner)?;
        if !known.backends.contains(&name) {
            self.problem(span, format!("backend {} is not defined; {}", quote(&name), known.list));
            return None;
        }
        known.used.insert(name.clone());
        Some(name)
    }

    fn permissions(&self, at: At<raw::PermissionWords>) -> Permissions {
        let word = |word: &str, span| {
            let known = || Permissions::WORDS.iter().map(|(word, _)| *word);
            let hint = || hint(word, known(), "known are");
            let parsed = word.parse().map_err(|_| format!("unknown permission {}{}", quote(word), hint()));
            self.accept(parsed, span).unwrap_or_default()
        };
        match at.value {
            None => Permissions::empty(),
            Some(raw::PermissionWords::One(text)) => word(&text, at.span),
            Some(raw::PermissionWords::List(items)) => items
                .into_iter()
                .filter_map(|item| Some(word(&item.value?, item.span)))
                .fold(Permissions::empty(), |all, one| all | one),
        }
    }
}

/// The backends that keep no uploads, each with the reason.
fn keepless(defined: &BTreeMap<String, Defined>, scans: bool) -> BTreeMap<String, &'static str> {
    let reason = |(name, defined): (&String, &Defined)| match defined.value.as_ref()?.keeps_uploads() {
        None => Some((name.clone(), "a backend of this kind keeps none")),
        Some(false) if scans => {
            Some((name.clone(), "what it keeps can't be read, and so not scanned, before it is whole"))
        }
        Some(_) => None,
    };
    defined.iter().filter_map(reason).collect()
}

/// Names of backends, as the end of a sentence.
pub(in crate::config) fn list_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.peekable();
    match names.peek() {
        None => "there are none".to_owned(),
        Some(_) => format!("defined are: {}", list(names)),
    }
}
