//! The section `scan`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;
use url::{Host, Url};
use wharf_backends::object;

use super::super::checked::Account;
use super::super::{Quarantine, Scan, Scanner, ScannerAddress, Unscanned};
use super::accounts::Accounts;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(60);
const TIMEOUT_LEAST: Duration = Duration::from_secs(1);
const TIMEOUT_MOST: Duration = Duration::from_secs(10 * 60);
/// As much as ClamAV takes unless it is told otherwise.
const MOST: u64 = 100 << 20;
const CONNECTIONS: usize = 100;
const CONNECTIONS_MOST: u64 = 10_000;
/// The ports that are meant where none is given.
const CLAMD_PORT: u16 = 3310;
const ICAP_PORT: u16 = 1344;

/// The name of the backend for infected files, if there is one.
pub(super) fn quarantine_of(raw: &raw::Config) -> Option<String> {
    let scan = raw.scan.as_ref()?.value.as_ref()?;
    scan.quarantine.as_ref()?.value.as_ref()?.backend.as_ref()?.value.clone()
}

/// What is known of users who stand elsewhere.
pub(super) struct Elsewhere {
    /// There are some.
    any: bool,
    /// The backends that they have unless their entries say something else.
    backends: BTreeSet<String>,
}

impl Elsewhere {
    pub(super) fn of(raw: &raw::Config) -> Self {
        let sources = raw.users_from.as_ref().and_then(|at| at.value.as_deref()).unwrap_or_default();
        let defaults = sources.iter().filter_map(|at| at.value.as_ref()?.defaults.as_ref()?.value.as_ref());
        let mut backends = BTreeSet::new();
        for entry in defaults {
            let mounts = entry.get("mounts").and_then(Value::as_array).into_iter().flatten();
            let named = mounts.map(|mount| mount.get("backend")).chain([entry.get("backend")]);
            backends.extend(named.filter_map(|name| name?.as_str()).map(str::to_owned));
        }
        Self { any: !sources.is_empty(), backends }
    }

    /// Whether one of them may well have a part of this backend: others have, or there is no other one. Only the entries themselves
    /// say which directories they are.
    pub(super) fn may_have(
        &self,
        backend: &str,
        all: &BTreeMap<String, backends::Defined>,
        accounts: &Accounts,
    ) -> bool {
        let users = accounts.users.iter().map(|user| &user.account);
        let mut known = users.chain(accounts.anonymous.iter().map(|login| &login.account));
        self.any
            && (all.len() == 1
                || self.backends.contains(backend)
                || known.any(|account| places(account).any(|(name, _)| name == backend)))
    }
}

impl From<raw::Unscanned> for Unscanned {
    fn from(word: raw::Unscanned) -> Self {
        match word {
            raw::Unscanned::Refuse => Self::Refuse,
            raw::Unscanned::Pass => Self::Pass,
        }
    }
}

impl Checker<'_> {
    /// How uploads are scanned, of a file with these backends and accounts.
    pub(super) fn scan(
        &self,
        field: Option<At<raw::Scan>>,
        backends: &BTreeMap<String, backends::Defined>,
        accounts: &Accounts,
        elsewhere: &Elsewhere,
    ) -> Option<Scan> {
        let at = field?;
        let owner = at.key;
        let raw = at.value.unwrap_or_default();
        let scanner = match (raw.clamd, raw.icap) {
            (Some(at), None) => self.clamd(at),
            (None, Some(at)) => self.icap(at),
            (Some(_), Some(at)) => {
                self.problem(at.key, "uploads are scanned by `clamd` or by `icap`, and not by both");
                None
            }
            (None, None) => {
                self.problem(owner, "say who scans uploads: `clamd` or `icap`");
                None
            }
        };
        let timeout = self.parsed(raw.timeout, |text| match units::duration(text)? {
            duration if (TIMEOUT_LEAST..=TIMEOUT_MOST).contains(&duration) => Ok(duration),
            _ => Err("from 1s to 10m is possible".to_owned()),
        });
        let unavailable = self.unscanned(
            raw.unavailable,
            "with `unavailable: pass` whoever keeps the scanner from answering, by many uploads or by one that it fails at, \
             has files stored that nobody has scanned",
        );
        let over: raw::ScanOver = raw.over.and_then(|at| at.value).unwrap_or_default();
        let most = self.parsed(over.size, |text| match units::size(text)? {
            0 => Err("at least one byte is needed".to_owned()),
            size => Ok(size),
        });
        let then = self
            .unscanned(over.then, "with `then: pass` malware gets in behind enough bytes of anything else");
        let connections = self.count(raw.connections, CONNECTIONS_MOST, CONNECTIONS);
        let paths = match raw.paths {
            None => Some(vec![StoragePath::root()]),
            Some(at) => {
                let list = at.value.unwrap_or_default();
                if list.is_empty() {
                    self.problem(
                        at.span,
                        "with no path, nothing is scanned; leave `paths` out to have all scanned",
                    );
                }
                list.into_iter().map(|item| self.storage_path(Some(item))).collect()
            }
        };
        let quarantine = raw.quarantine.map(|at| self.quarantine(at, backends, accounts, elsewhere));
        Some(Scan {
            scanner: scanner?,
            timeout: timeout.map_or(TIMEOUT, |(timeout, _)| timeout),
            unavailable,
            most: most.map_or(MOST, |(most, _)| most),
            over: then,
            connections,
            paths: paths?,
            quarantine: match quarantine {
                Some(quarantine) => Some(quarantine?),
                None => None,
            },
        })
    }

    fn unscanned(&self, field: Option<At<raw::Unscanned>>, danger: &str) -> Unscanned {
        let Some((word, span)) = field.and_then(|at| Some((at.value?, at.span))) else {
            return Unscanned::Refuse;
        };
        let word = word.into();
        if word == Unscanned::Pass {
            self.source.danger(span, danger);
        }
        word
    }

    fn clamd(&self, at: At<String>) -> Option<Scanner> {
        let (text, span) = (at.value?, at.span);
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') {
                self.problem(
                    span,
                    "the path of the socket has to begin with a slash, as in unix:/run/clamav/clamd.ctl",
                );
                return None;
            }
            let path = self.local_path(path.strip_prefix("//").unwrap_or(path), span)?;
            return Some(Scanner::Clamd(ScannerAddress::Unix(path)));
        }
        let place = text.strip_prefix("tcp://").and_then(|rest| place_of(rest, CLAMD_PORT));
        let Some((host, port)) = place else {
            self.problem(
                span,
                "expected where clamd listens, such as tcp://127.0.0.1:3310 or unix:/run/clamav/clamd.ctl",
            );
            return None;
        };
        self.scanner_dangers(&host, span);
        Some(Scanner::Clamd(ScannerAddress::Tcp { host, port }))
    }

    fn icap(&self, at: At<String>) -> Option<Scanner> {
        let (url, span) = (at.value?, at.span);
        let (place, service) = url
            .strip_prefix("icap://")
            .and_then(|rest| rest.split_once('/'))
            .and_then(|(place, service)| Some((place_of(place, ICAP_PORT)?, service)))
            .unzip();
        let is_service = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'"')
        };
        let (Some((host, port)), true) = (place, service.is_some_and(is_service)) else {
            self.problem(span, "expected the URL of a service, such as icap://127.0.0.1:1344/avscan");
            return None;
        };
        self.scanner_dangers(&host, span);
        Some(Scanner::Icap { host, port, url })
    }

    fn scanner_dangers(&self, host: &str, span: Span) {
        let is_here =
            host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback());
        if !is_here {
            let message = "nothing encrypts the way to this scanner: whoever is on it reads all uploads, and can say of each \
                           that it is clean";
            self.source.danger(span, message);
        }
    }

    fn quarantine(
        &self,
        at: At<raw::ScanQuarantine>,
        backends: &BTreeMap<String, backends::Defined>,
        accounts: &Accounts,
        elsewhere: &Elsewhere,
    ) -> Option<Quarantine> {
        let raw = at.value.unwrap_or_default();
        let path = self.storage_path(raw.path);
        let (backend, span) = self.required(raw.backend, "backend", at.key)?;
        if !backends.contains_key(&backend) {
            let list = list_of(backends.keys().map(String::as_str));
            self.problem(span, format!("backend {} is not defined; {list}", quote(&backend)));
            return None;
        }
        let quarantine = Quarantine { backend, path: path? };
        let users = accounts.users.iter().map(|user| (quote(&user.name), &user.account));
        let anonymous = accounts
            .anonymous
            .iter()
            .map(|login| ("whoever logs in without a password".to_owned(), &login.account));
        let names: Vec<_> = users
            .chain(anonymous)
            .filter(|(_, account)| sees(account, &quarantine.backend, &quarantine.path))
            .map(|(name, _)| name)
            .collect();
        if let Some(first) = names.first() {
            let others =
                if names.len() > 1 { format!(" (and {} more)", names.len() - 1) } else { String::new() };
            let message = format!(
                "{first}{others} sees this directory, and may fetch what is infected: a backend of its own is safer"
            );
            self.source.danger(span, message);
        } else if elsewhere.may_have(&quarantine.backend, backends, accounts) {
            let message = "users of `users_from` may have a part of this backend that has this directory in it, and fetch what is infected: \
                           a backend of its own is safer";
            self.source.danger(span, message);
        }
        Some(quarantine)
    }
}

/// Whether somebody has a part of a directory, or more than that.
pub(super) fn sees(account: &Account, of: &str, directory: &StoragePath) -> bool {
    places(account)
        .any(|(backend, path)| *backend == of && (directory.starts_with(path) || path.starts_with(directory)))
}

/// The directories that somebody has, and their backends.
pub(super) fn places(account: &Account) -> impl Iterator<Item = (&String, &StoragePath)> {
    let own = (&account.backend, &account.path);
    account.mounts.iter().map(|mount| (&mount.backend, &mount.path)).chain(std::iter::once(own))
}

/// The host and the port of `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
fn place_of(text: &str, port: u16) -> Option<(String, u16)> {
    if text.is_empty() || text.contains(['/', '@', '?', '#']) {
        return None;
    }
    // By the rules of other URLs, whose usual port is another one.
    let as_http = format!("http://{text}");
    object::parse_endpoint(&as_http).ok()?;
    let url = Url::parse(&as_http).ok()?;
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let own = if text.ends_with(":80") { 80 } else { port };
    match url.port().unwrap_or(own) {
        0 => None,
        port => Some((host, port)),
    }
}
