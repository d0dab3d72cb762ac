//! From what is written to what is usable. Whatever is wrong is reported, and the checks go on with a default in its
//! place: the result counts only if nothing was reported.

mod access;
mod accounts;
mod audit;
mod backends;
mod certificates;
mod cluster;
mod dangers;
mod encryption;
mod events;
mod grounds;
mod hosts;
mod http;
mod ldap;
mod limits;
mod lockout;
mod reach;
mod scan;
mod secrets;
mod server;
mod tokens;
mod traces;
mod users_from;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wharf_backends::StoragePath;

use self::accounts::Elsewhere;
pub(super) use self::accounts::{Users, list_of};
pub(crate) use self::backends::Around;
pub(super) use self::backends::{Check, Section};
use self::dangers::Places;
use super::Http;
use super::checked::{Config, Control, Tls, TlsSettings};
use super::engines::Engine;
use super::entries::Entries;
use super::files::{self, FileError};
use super::log_settings::{Log, LogFormat};
use super::raw;
use super::read::At;
use super::source::Source;
use super::suggest::quote;
use super::tree::Span;
use super::units;
use crate::tls::{self, TlsError};

/// Looks up an environment variable.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Result<String, std::env::VarError>;

/// What the checks need beside the values.
pub(crate) struct Checker<'a> {
    /// Where problems go.
    pub(super) source: &'a Source<'a>,
    /// What relative paths start from.
    pub(super) base: &'a Path,
    /// Where secrets may be.
    pub(super) environment: Environment<'a>,
    /// The engine that the file names, whose lacks have been reported.
    pub(super) engine: &'static Engine,
    /// All that there are.
    pub(super) engines: &'static [Engine],
}

/// Why nobody, and no backend, can have this name; `None`: somebody can.
pub(super) fn why_not_a_name(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("a name can't be empty"),
        name if name.len() > 64 => Some("a name has at most 64 bytes"),
        name if name.chars().any(|c| c.is_whitespace() || c.is_control()) => {
            Some("a name can't contain spaces or control characters")
        }
        name if name.contains(['/', '\\']) => Some("a name can't contain slashes"),
        _ => None,
    }
}

/// What a TLS record holds at most (RFC 8446, section 5.1), and the least that a server may be told, in bytes.
const MAX_RECORD: usize = 16 * 1024;
const LEAST_RECORD: usize = 512;

/// A value with its place, once it is known to be there.
pub(crate) type Placed<T> = (T, Span);

impl Checker<'_> {
    /// The whole file, of whose `sections` there is one for each backend. Its `warnings`, `dangers`, `files`
    /// and `places` are left empty.
    pub(super) fn config(&self, raw: raw::Config, sections: Vec<Section>, root: Span) -> Config {
        let places = Places::of(&raw, root);
        let (quarantine, spool) = (scan::quarantine_of(&raw), events::backend_of(&raw));
        let strangers = scan::Elsewhere::of(&raw);
        let mut server = self.server(raw.server.and_then(|at| at.value).unwrap_or_default());
        server.lockout = self.lockout(raw.lockout);
        let http = self.http(raw.http, &server);
        let client_authorities = raw.tls.as_ref().is_some_and(certificates::has_authorities);
        let tls = raw.tls.map_or(Tls::Off, |at| self.tls(at));
        self.server_dangers(&places, &server, &tls);
        let (backends, stamps) = self.backends(raw.backends, sections, root, server.limits.buffer_memory);
        let others =
            raw.users_from.as_ref().and_then(|at| at.value.as_ref()).is_some_and(|list| !list.is_empty());
        let scans = raw.scan.is_some();
        let elsewhere = Elsewhere { others, client_authorities, quarantine, spool, scans };
        let accounts = self.accounts(raw.users, raw.anonymous, elsewhere, &backends, root);
        let scan = self.scan(raw.scan, &backends, &accounts, &strangers);
        let mut in_order: Vec<_> =
            backends.iter().map(|(name, backend)| (backend.name.start, name.clone())).collect();
        in_order.sort_unstable();
        let entries = Entries {
            engine: self.engine,
            engines: self.engines,
            backends: in_order.into_iter().map(|(_, name)| name).collect(),
            ftp_is_free: accounts.ftp_is_free,
            client_authorities,
        };
        let users_from = self.users_from(raw.users_from, &entries);
        let events = self.events(raw.events, &backends, &accounts, &strangers);
        let cluster = self.cluster(raw.cluster, &server, &http);
        let audit = self.audit(raw.audit);
        let own =
            reach::Own { server: &server, audit: &audit, users_from: &users_from, tls: &tls, http: &http };
        self.reach_dangers(&own, &backends, &accounts, &strangers);
        Config {
            server,
            tls,
            backends: backends
                .into_iter()
                .filter_map(|(name, backend)| Some((name, backend.value?)))
                .collect::<BTreeMap<_, _>>(),
            stamps,
            users: accounts.users,
            users_from,
            entries,
            anonymous: accounts.anonymous,
            scan,
            audit,
            events,
            http,
            cluster,
            log: self.log(raw.log.and_then(|at| at.value).unwrap_or_default()),
            traces: self.traces(raw.traces),
            warnings: Vec::new(),
            dangers: Vec::new(),
            files: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// Only where health and metrics are.
    pub(super) fn http_alone(&self, raw: raw::Config) -> Http {
        let server = self.server(raw.server.and_then(|at| at.value).unwrap_or_default());
        // Its secrets are for the server alone.
        let http =
            raw.http.map(|at| At { value: at.value.map(|http| raw::Http { admin: None, ..http }), ..at });
        self.http(http, &server)
    }

    /// Only where the running server is told what to do.
    pub(super) fn control_alone(&self, raw: raw::Config) -> Option<Control> {
        self.control(raw.server.and_then(|at| at.value).unwrap_or_default().control)
    }

    /// Reports that something is wrong. The message must not repeat a secret.
    pub(crate) fn problem(&self, span: Span, message: impl Into<String>) {
        self.source.problem(span, message);
    }

    /// Keeps a part of the file from being shown.
    pub(crate) fn hide(&self, span: Span) {
        self.source.hide(span);
    }

    /// The value of a variable of the environment; `None` if there is none, or nothing in it.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).ok().filter(|value| !value.is_empty())
    }

    /// The value of a key that must be there; `owner` is what is marked if it isn't.
    pub(crate) fn required<T>(&self, field: Option<At<T>>, key: &str, owner: Span) -> Option<Placed<T>> {
        match field {
            Some(at) => at.value.map(|value| (value, at.span)),
            None => {
                self.problem(owner, format!("`{key}` is missing"));
                None
            }
        }
    }

    /// The value of a key that has a text form of its own.
    pub(crate) fn parsed<T>(
        &self,
        field: Option<At<raw::Scalar>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        let field = field?;
        let raw::Scalar(text) = field.value?;
        self.accept(parse(&text), field.span).map(|value| (value, field.span))
    }

    /// The value, or `None` after a report of why there is none.
    pub(crate) fn accept<T>(&self, result: Result<T, String>, span: Span) -> Option<T> {
        result.map_err(|message| self.problem(span, message)).ok()
    }

    /// A whole number of at least 1 and at most `most`.
    pub(crate) fn count(&self, field: Option<At<u64>>, most: u64, default: usize) -> usize {
        let Some((number, span)) = field.and_then(|at| Some((at.value?, at.span))) else { return default };
        match usize::try_from(number) {
            Ok(count) if (1..=most).contains(&number) => count,
            _ if number == 0 => {
                self.problem(span, "at least 1 is needed");
                default
            }
            _ => {
                self.problem(span, format!("at most {most} is possible"));
                default
            }
        }
    }

    /// A path inside of a backend or of a user's tree.
    pub(crate) fn storage_path(&self, field: Option<At<String>>) -> Option<StoragePath> {
        let Some(field) = field else { return Some(StoragePath::root()) };
        let text = field.value?;
        if text.split('/').any(|name| name == "..") {
            self.problem(field.span, "this path can't contain `..`");
            return None;
        }
        self.accept(StoragePath::parse(&text).map_err(|error| error.to_string()), field.span)
    }

    /// The content of another file of at most `limit` bytes: the process has to be able to read it again later.
    pub(crate) fn read_file(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        self.source.reads(path);
        let content = files::read_file(path, limit)?;
        self.source.found(&content);
        Ok(content)
    }

    /// A path of this machine, which starts from the folder of the configuration file.
    pub(crate) fn local_path(&self, text: &str, span: Span) -> Option<PathBuf> {
        if text.is_empty() {
            self.problem(span, "this path is empty");
            return None;
        }
        if text.contains('\0') {
            self.problem(span, "a path can't contain NUL");
            return None;
        }
        Some(self.base.join(text))
    }

    /// A name of a user or backend: it appears in logs, metrics and messages.
    fn name(&self, name: &str, span: Span) -> bool {
        match why_not_a_name(name) {
            None => true,
            Some(reason) => {
                self.problem(span, reason);
                false
            }
        }
    }

    fn tls(&self, at: At<raw::Tls>) -> Tls {
        let Some(raw) = at.value else { return Tls::Off };
        let Some((mode, mode_span)) = self.required(raw.mode, "mode", at.key) else { return Tls::Off };
        if mode == raw::Mode::Off {
            return Tls::Off;
        }
        let (certificates, places) = self.host_certificates(raw.certificates);
        let certificate = self.required(raw.certificate, "certificate", mode_span);
        let key = self.required(raw.key, "key", mode_span);
        let path = |file: Option<Placed<String>>| {
            file.and_then(|(text, span)| Some((self.local_path(&text, span)?, span)))
        };
        let (Some((certificate, certificate_span)), Some((key, key_span))) = (path(certificate), path(key))
        else {
            return Tls::Off;
        };
        self.secret_file_dangers(&key, key_span);
        if let Some(warning) = tls::validity_warning(&certificate) {
            // A server that starts logs it when it loads the certificate.
            self.source.danger(certificate_span, warning);
        }
        let Some(clients) =
            self.client_certificates(raw.client_authorities, raw.require_client_certificate, raw.client_crl)
        else {
            return Tls::Off;
        };
        let max_record = self.parsed(raw.max_record, |text| match usize::try_from(units::size(text)?) {
            Ok(size) if (LEAST_RECORD..=MAX_RECORD).contains(&size) => Ok(size),
            _ => Err("a TLS record holds from 512B to 16KiB".to_owned()),
        });
        let suites_span = raw.cipher_suites.as_ref().map_or(mode_span, |at| at.span);
        let min_version = self.min_version(raw.min_version);
        let settings = TlsSettings {
            min_version,
            cipher_suites: self.cipher_suites(raw.cipher_suites, min_version),
            required_control: matches!(mode, raw::Mode::Required | raw::Mode::RequiredControl),
            required_data: matches!(mode, raw::Mode::Required | raw::Mode::RequiredData),
            certificate,
            key,
            certificates,
            clients: clients.value,
            require_session_reuse: raw.require_session_reuse.and_then(|at| at.value).unwrap_or(false),
            require_close_notify: raw.require_close_notify.and_then(|at| at.value).unwrap_or(true),
            max_record: max_record.map_or(MAX_RECORD, |(size, _)| size),
        };
        let checked = tls::checked_config(&settings);
        // With wrong suites, every certificate would be wrong.
        if !matches!(checked, Err(TlsError::CipherSuites(_))) {
            self.host_certificates_fit(&settings, &places);
        }
        match checked {
            Ok(_) => {
                self.client_certificate_dangers(settings.clients.as_ref(), clients.lists);
                Tls::On(settings)
            }
            Err(error) => {
                let span = match error {
                    TlsError::Certificate { .. } => certificate_span,
                    TlsError::Key { .. } | TlsError::Mismatch { .. } => key_span,
                    TlsError::Authorities { .. } => clients.authorities.unwrap_or(mode_span),
                    TlsError::Revocations { .. } => clients.lists.unwrap_or(mode_span),
                    TlsError::CipherSuites(_) => suites_span,
                    TlsError::Hosts { .. } | TlsError::Tickets(_) => mode_span,
                };
                self.problem(span, error.to_string());
                // Each file is wrong or right by itself, and both are to be heard of.
                if let (TlsError::Certificate { .. }, Err(error @ TlsError::Key { .. })) =
                    (&error, tls::check_key(&settings.key))
                {
                    self.problem(key_span, error.to_string());
                }
                Tls::Off
            }
        }
    }

    fn log(&self, raw: raw::Log) -> Log {
        let filter = raw.filter.and_then(|at| Some((at.value?, at.span))).and_then(|(filter, span)| {
            let parsed = tracing_subscriber::EnvFilter::builder().parse(&filter);
            let reason = |error| format!("{} is not a log filter: {error}", quote(&filter));
            let parsed = self.accept(parsed.map_err(reason), span);
            parsed.map(|_| filter)
        });
        let format = raw.format.and_then(|at| at.value).map(|format| match format {
            raw::Format::Text => LogFormat::Text,
            raw::Format::Json => LogFormat::Json,
        });
        Log { filter, format }
    }
}
