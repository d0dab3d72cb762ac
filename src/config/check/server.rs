//! The section `server`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use wharf_backends::Buffers;

use super::super::checked::{
    AsciiSize, Chmod, Control, DefaultType, Limits, Passive, PassiveAddress, Reload, Server,
};
use super::super::files::say;
use super::super::suggest::nearest;
use super::*;
use crate::listing_time::{self, ListingTime, UnknownZone};
use crate::network::IPV6_PREFIX;

const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);
const REMEMBER_LOGINS: Duration = Duration::from_secs(10 * 60);
const FAILED_LOGIN_DELAY: Duration = Duration::from_secs(5);
/// Whoever waits takes a place among the sessions.
const FAILED_LOGIN_DELAY_MAX: Duration = Duration::from_secs(30);
/// A change of a password, or of whoever knows it, should not be long in coming.
const REMEMBER_LOGINS_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);
/// Above the range that Linux takes ports for outgoing connections from (32768 to 60999), so that none of these
/// is taken when a transfer wants it.
const PASSIVE_PORTS: RangeInclusive<u16> = 61000..=61999;
const BUFFER_MEMORY: u64 = 256 << 20;
const SESSIONS: usize = 10_000;
const SESSIONS_PER_IP: usize = 64;
/// As zlib has it by default.
const DEFLATE_LEVEL: usize = 6;
/// Where the control socket is if systemd has made that directory.
const CONTROL: &str = "/run/wharf/control.sock";
/// What fits into an address of the system, with the NUL behind it.
const CONTROL_MAX: usize = 107;
/// A reply of FTP is a line, and some clients have small buffers for lines.
const GREETING_MAX: usize = 200;

impl From<raw::DefaultType> for DefaultType {
    fn from(raw: raw::DefaultType) -> Self {
        match raw {
            raw::DefaultType::Ascii => Self::Ascii,
            raw::DefaultType::Image => Self::Image,
        }
    }
}

impl From<raw::Chmod> for Chmod {
    fn from(raw: raw::Chmod) -> Self {
        match raw {
            raw::Chmod::Apply => Self::Apply,
            raw::Chmod::Ignore => Self::Ignore,
        }
    }
}

/// How long somebody may be silent.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        duration if duration < Duration::from_secs(1) => Err("at least one second is needed".to_owned()),
        duration => Ok(duration),
    }
}

impl Checker<'_> {
    pub(super) fn server(&self, raw: raw::Server) -> Server {
        let implicit = raw.implicit_tls_listen.as_ref().and_then(|at| at.value.as_ref());
        let has_implicit = implicit.is_some_and(|list| !list.is_empty());
        let mut taken = BTreeMap::new();
        let listen = match raw.listen {
            None => vec![SocketAddr::from(([0, 0, 0, 0], 2121))],
            Some(At { value: Some(list), span, .. }) if list.is_empty() && !has_implicit => {
                self.problem(span, "at least one address is needed");
                Vec::new()
            }
            Some(at) => self.addresses(at, &mut taken),
        };
        let implicit_tls_listen =
            raw.implicit_tls_listen.map_or_else(Vec::new, |at| self.addresses(at, &mut taken));
        let idle_timeout = self.parsed(raw.idle_timeout, timeout);
        let login_timeout = self.parsed(raw.login_timeout, timeout);
        let limits = raw.limits.and_then(|at| at.value).unwrap_or_default();
        let most = u64::from(u32::MAX);
        Server {
            engine: self.engine,
            ascii_size: match raw.ascii_size.and_then(|at| at.value) {
                Some(raw::AsciiSize::Stored) => AsciiSize::Stored,
                Some(raw::AsciiSize::Refuse) | None => AsciiSize::Refuse,
            },
            default_type: raw.default_type.and_then(|at| at.value).map_or(DefaultType::Ascii, Into::into),
            chmod: raw.chmod.and_then(|at| at.value).map_or(Chmod::Apply, Into::into),
            create_parents: raw.create_parents.and_then(|at| at.value).unwrap_or(false),
            listing_time: self.listing_time(raw.listing_time).unwrap_or(ListingTime::UTC),
            passive: self.passive(
                raw.passive.and_then(|at| at.value).unwrap_or_default(),
                taken.iter().map(|(address, span)| (address.port(), *span)),
            ),
            listen,
            implicit_tls_listen,
            idle_timeout: idle_timeout.map_or(IDLE_TIMEOUT, |(duration, _)| duration),
            login_timeout: login_timeout.map_or(LOGIN_TIMEOUT, |(duration, _)| duration),
            remember_logins: self
                .parsed(raw.remember_logins, |text| match units::duration(text)? {
                    duration if duration > REMEMBER_LOGINS_MAX => Err("at most `24h`".to_owned()),
                    duration => Ok(duration),
                })
                .map_or(REMEMBER_LOGINS, |(duration, _)| duration),
            failed_login_delay: self
                .parsed(raw.failed_login_delay, |text| match units::duration(text)? {
                    duration if duration > FAILED_LOGIN_DELAY_MAX => Err("at most `30s`".to_owned()),
                    duration => Ok(duration),
                })
                .map_or(FAILED_LOGIN_DELAY, |(duration, _)| duration),
            active: raw.active.and_then(|at| at.value).unwrap_or(true),
            active_on_this_machine: raw.active_on_this_machine.and_then(|at| at.value).unwrap_or(false),
            limits: Limits {
                sessions: self.count(limits.sessions, most, SESSIONS),
                sessions_per_ip: self.count(limits.sessions_per_ip, most, SESSIONS_PER_IP),
                ipv6_prefix: self.ipv6_prefix(limits.ipv6_prefix),
                connections_per_ip: self.connection_rate(limits.connections_per_ip),
                sessions_per_user: limits.sessions_per_user.map(|at| self.count(Some(at), most, 1)),
                bandwidth: self.bandwidth(limits.upload, limits.download),
                bandwidth_per_ip: self.bandwidth(limits.upload_per_ip, limits.download_per_ip),
                deflate_level: self.deflate_level(limits.deflate_level),
                buffer_memory: self
                    .parsed(limits.buffer_memory, |text| match units::size(text)? {
                        size if size < Buffers::LEAST => Err("at least 32MiB are needed".to_owned()),
                        size => Ok(size),
                    })
                    .map_or(BUFFER_MEMORY, |(size, _)| size),
                spill_directory: limits.spill_directory.and_then(|at| self.own_directory(at)),
            },
            lockout: None,
            proxies: self.proxies(raw.proxy_protocol),
            greeting: raw.greeting.and_then(|at| self.greeting(at)),
            sandbox: raw.sandbox.and_then(|at| at.value).unwrap_or(true),
            control: self.control(raw.control),
            state_directory: raw.state_directory.and_then(|at| self.own_directory(at)),
            reload: match raw.reload.and_then(|at| at.value) {
                Some(raw::Reload::Watch) => Reload::Watch,
                Some(raw::Reload::Asked) | None => Reload::Asked,
            },
            shutdown_grace: self
                .parsed(raw.shutdown_grace, units::duration)
                .map_or(SHUTDOWN_GRACE, |(duration, _)| duration),
        }
    }

    /// The socket on which the running server is told what to do.
    pub(super) fn control(&self, field: Option<At<String>>) -> Option<Control> {
        let Some(At { value, span, .. }) = field else {
            let path = Path::new(CONTROL);
            let is_there = path.parent().is_some_and(Path::is_dir);
            return is_there.then(|| Control { path: path.to_owned(), by_default: true });
        };
        let text = value.filter(|text| text != "off")?;
        let path = self.local_path(&text, span)?;
        if path.as_os_str().len() > CONTROL_MAX {
            self.problem(span, format!("the path of a socket has at most {CONTROL_MAX} bytes"));
            return None;
        }
        Some(Control { path, by_default: false })
    }

    fn ipv6_prefix(&self, field: Option<At<u64>>) -> u8 {
        let Some(At { value: Some(bits), span, .. }) = field else { return IPV6_PREFIX };
        match u8::try_from(bits) {
            Ok(bits @ 32..=128) => bits,
            _ => {
                self.problem(span, "from 32 to 128 bits are a network");
                IPV6_PREFIX
            }
        }
    }

    /// How well MODE Z compresses at most.
    fn deflate_level(&self, field: Option<At<u64>>) -> u32 {
        u32::try_from(self.count(field, 9, DEFLATE_LEVEL)).unwrap_or(9)
    }

    /// The time zone of listings, of the server or of a user.
    pub(super) fn listing_time(&self, field: Option<At<String>>) -> Option<ListingTime> {
        let At { value: Some(word), span, .. } = field? else { return None };
        let zone = ListingTime::named(&word).map_err(|error| match error {
            UnknownZone::NoSuchName => {
                let names = listing_time::names();
                let meant =
                    nearest(&word, ["utc", "local"].into_iter().chain(names.iter().map(String::as_str)));
                let hint = meant.map_or_else(
                    || {
                        "; it is `utc`, `local`, or a name of the IANA database, such as `Europe/Berlin`"
                            .to_owned()
                    },
                    |name| format!("; did you mean {name:?}?"),
                );
                format!("{} is no time zone{hint}", quote(&word))
            }
            error => error.to_string(),
        });
        self.accept(zone, span)
    }

    /// A directory in which files can be made.
    fn own_directory(&self, at: At<String>) -> Option<PathBuf> {
        let directory = self.local_path(&at.value?, at.span)?;
        match std::fs::metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => return Some(directory),
            Ok(_) => self.problem(at.span, format!("{}: this is not a directory", directory.display())),
            Err(error) => self.problem(at.span, format!("{}: {}", directory.display(), say(&error))),
        }
        None
    }

    fn addresses(
        &self,
        at: At<Vec<At<raw::Scalar>>>,
        taken: &mut BTreeMap<SocketAddr, Span>,
    ) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        for item in at.value.unwrap_or_default() {
            let Some((address, span)) = self.parsed(Some(item), units::listen) else { continue };
            // Any number of sockets may each ask for some free port.
            if address.port() != 0 && taken.insert(address, span).is_some() {
                self.problem(span, format!("{address} is listed twice"));
            }
            addresses.push(address);
        }
        addresses
    }

    /// The networks of load balancers.
    fn proxies(&self, raw: Option<At<raw::ProxyProtocol>>) -> Vec<IpNet> {
        let Some(At { value: Some(raw), key, .. }) = raw else { return Vec::new() };
        let Some((trusted, span)) = self.required(raw.trusted, "trusted", key) else { return Vec::new() };
        if trusted.is_empty() {
            self.problem(span, "at least one network is needed");
        }
        self.networks(trusted)
    }

    /// Other addresses for clients of certain networks.
    fn address_for(&self, raw: Option<At<Vec<At<raw::AddressFor>>>>) -> Vec<(IpNet, PassiveAddress)> {
        let Some(At { value: Some(list), .. }) = raw else { return Vec::new() };
        let one = |at: At<raw::AddressFor>| {
            let raw = at.value?;
            let clients = self.required(raw.clients, "clients", at.span);
            let address = self.required(raw.address, "address", at.span);
            let clients = clients.and_then(|(text, span)| self.accept(units::network(&text), span));
            let address = address.and_then(|(text, span)| self.accept(units::passive_address(&text), span));
            Some((clients?, address?))
        };
        list.into_iter().filter_map(one).collect()
    }

    fn passive_addresses(&self, at: At<raw::Texts>) -> Vec<PassiveAddress> {
        let span = at.span;
        let texts = match at.value {
            None => return Vec::new(),
            Some(raw::Texts::One(text)) => vec![(text, span)],
            Some(raw::Texts::List(list)) => {
                if list.is_empty() {
                    self.problem(span, "there is no address in this list");
                }
                list.into_iter().filter_map(|at| Some((at.value?, at.span))).collect()
            }
        };
        let addresses = texts.into_iter();
        addresses.filter_map(|(text, span)| self.accept(units::passive_address(&text), span)).collect()
    }

    fn passive(&self, raw: raw::Passive, listening: impl Iterator<Item = (u16, Span)>) -> Passive {
        let given = raw.ports.as_ref().map(|at| at.span);
        let ports = self.parsed(raw.ports, units::ports).map_or(PASSIVE_PORTS, |(ports, _)| ports);
        for (port, listen) in listening.filter(|(port, _)| ports.contains(port)) {
            let (low, high) = (ports.start(), ports.end());
            let (span, message) = match given {
                Some(span) => (span, format!("port {port} is among these, and the server listens on it")),
                None => (
                    listen,
                    format!(
                        "port {port} is for data connections, as are all of {low}-{high}; `passive.ports` changes that"
                    ),
                ),
            };
            self.problem(span, message);
        }
        let addresses = raw.address.map_or_else(Vec::new, |at| self.passive_addresses(at));
        Passive { ports, addresses, address_for: self.address_for(raw.address_for) }
    }

    fn greeting(&self, at: At<String>) -> Option<String> {
        let text = at.value?;
        let reason = match text.as_str() {
            "" => "the greeting is empty",
            text if text.len() > GREETING_MAX => "the greeting is too long; it has at most 200 bytes",
            text if text.chars().any(char::is_control) => {
                "the greeting is one line and has no control characters"
            }
            _ => return Some(text),
        };
        self.problem(at.span, reason);
        None
    }
}
