//! The configuration: one YAML file, from what is written to what is usable.
//!
//! [`load`] reports every problem of a file at once, each with its place. On the way, the text becomes a tree in
//! which every value knows where it stands, the tree becomes the types of `raw`, which also make the JSON Schema, and
//! the checks make the [`Config`] of these.

mod audit_sink;
mod backend;
mod check;
mod checked;
mod cluster_settings;
mod engines;
mod entries;
pub mod environment;
mod event_targets;
mod files;
mod ground;
mod help;
mod http_service;
mod http_settings;
mod key_paths;
mod keys;
mod kinds;
mod ldap_filter;
mod ldap_service;
mod lockout;
mod log_settings;
mod password_hash;
mod permissions;
mod problem;
mod raw;
mod read;
mod restart;
mod scanner;
mod secret;
mod source;
mod sql_service;
mod stamp;
mod suggest;
mod syntax;
mod template;
mod token_issuer;
mod traces;
mod tree;
pub(crate) mod units;

use std::path::Path;

pub use audit_sink::{AuditFormat, AuditSink, AuditTo, Rotation, SyslogAddress};
pub use backend::{Backend, Needs, OpenError, Shared};
pub use checked::{
    Account, Anonymous, AsciiSize, Bandwidth, Chmod, ClientCertificates, Config, Control, DefaultType,
    HostCertificate, Limits, Lockout, Mount, OwnCertificate, Passive, PassiveAddress, Password, Quota, Rate,
    Reload, Server, Tls, TlsSettings, TlsVersion, User, UserLimits, UsersFrom,
};
pub use cluster_settings::{Cluster, MOST_REPLICAS, ReplicaAddress, ReplicaIndex, Replicas, hostname};
pub use engines::{Engine, Lack};
pub use entries::{Entries, Found, can_be_a_name};
pub use event_targets::{EventSpool, EventTarget, EventWay, Events, Webhook};
pub(crate) use files::read_file;
use files::read_file_or_pipe;
pub use files::{FileStamp, ReadFile};
pub use ground::Ground;
pub use http_service::HttpService;
pub use http_settings::{Admin, Http};
pub use keys::{Change, Explanation, SubKey, explain, explain_all};
pub use kinds::Kind;
pub use ldap_filter::LdapFilter;
pub use ldap_service::{LdapEncryption, LdapGroups, LdapLookup, LdapService};
pub use log_settings::{Log, LogFormat};
pub use password_hash::{PasswordHash, PasswordHashError};
pub use permissions::{Permissions, UnknownPermission};
pub use problem::{Place, Problem, Problems};
pub use scanner::{Quarantine, Scan, Scanner, ScannerAddress, Unscanned};
pub use secret::Secret;
pub use sql_service::{Database, DatabaseHost, DatabaseServer, Encryption, SqlService};
pub use stamp::Stamp;
pub use template::{EntryTemplate, TextTemplate};
pub use token_issuer::{Bearer, Claim, KeysUrl, Mapped, TokenIssuer, TokenKeys};
pub use traces::Traces;

/// What a kind of storage reads and checks its section with.
pub(crate) mod section {
    pub(crate) use super::check::{Around, Checker, Placed};
    pub(crate) use super::files::say;
    pub(crate) use super::kinds::Section;
    pub(crate) use super::raw::{Named, Scalar, Secret};
    pub(crate) use super::read::At;
    pub(crate) use super::suggest::quote;
    pub(crate) use super::tree::Span;
    pub(crate) use super::units;
}

use check::{Checker, Environment};
use source::{Findings, Source};
use tree::{Node, Span, Value};

/// The largest file that is read, in bytes. Some thousand users fit.
const MAX_SIZE: u64 = 1024 * 1024;
/// The most that a file of a secret holds, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Reads a configuration file, whose backends are of these `kinds`, for one of these `engines`. Relative paths in it start from
/// its folder.
///
/// # Errors
/// [`Problems`]: everything that is wrong with it.
pub fn load(path: &Path, kinds: &[Kind], engines: &'static [Engine]) -> Result<Config, Problems> {
    let name = path.display().to_string();
    let base = path.parent().unwrap_or(Path::new(""));
    // It may change while it is read.
    let this = ReadFile::now(path);
    let mut config = parse(&text_of(path, &name)?, &name, base, kinds, engines)?;
    config.files.push(this);
    Ok(config)
}

/// Reads where a configuration file has health and metrics. What else is wrong with it is of no interest here: neither secrets
/// nor certificates are looked at.
///
/// # Errors
/// [`Problems`], if it can't be told.
pub fn load_http(path: &Path, kinds: &[Kind], engines: &'static [Engine]) -> Result<Http, Problems> {
    let name = path.display().to_string();
    let text = text_of(path, &name)?;
    let source = Source::new(&name, text.strip_prefix('\u{feff}').unwrap_or(&text));
    let http = raw(&source, kinds, engines).map(|Written { raw, engine, .. }| {
        let environment: Environment<'_> = &|variable| std::env::var(variable);
        Checker { source: &source, base: Path::new(""), environment, engine, engines }.http_alone(raw)
    });
    let Findings { problems, .. } = source.finish();
    match http {
        Some(http) if problems.is_empty() || !http.listen.is_empty() => Ok(http),
        None if problems.is_empty() => Err(empty(&name)),
        _ => Err(Problems::new(&name, problems)),
    }
}

/// Reads where a configuration file has the socket on which the running server is told what to do. What else is wrong with it is
/// of no interest here.
///
/// # Errors
/// [`Problems`], if it can't be told.
pub fn load_control(
    path: &Path,
    kinds: &[Kind],
    engines: &'static [Engine],
) -> Result<Option<Control>, Problems> {
    let name = path.display().to_string();
    let text = text_of(path, &name)?;
    let source = Source::new(&name, text.strip_prefix('\u{feff}').unwrap_or(&text));
    let base = path.parent().unwrap_or(Path::new(""));
    let control = raw(&source, kinds, engines).map(|Written { raw, engine, .. }| {
        let environment: Environment<'_> = &|variable| std::env::var(variable);
        Checker { source: &source, base, environment, engine, engines }.control_alone(raw)
    });
    let Findings { problems, .. } = source.finish();
    match control {
        Some(Some(control)) => Ok(Some(control)),
        Some(None) if problems.is_empty() => Ok(None),
        None if problems.is_empty() => Err(empty(&name)),
        _ => Err(Problems::new(&name, problems)),
    }
}

fn text_of(path: &Path, name: &str) -> Result<String, Problems> {
    let bytes = read_file_or_pipe(path, MAX_SIZE).map_err(|error| whole_file(name, error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        whole_file(name, format!("line {line} is not valid UTF-8"))
    })
}

/// Reads a configuration from its text, whose backends are of these `kinds`, for one of these `engines`. Problems call it `name`;
/// relative paths in it start from `base`.
///
/// # Errors
/// [`Problems`]: everything that is wrong with it.
pub fn parse(
    text: &str,
    name: &str,
    base: &Path,
    kinds: &[Kind],
    engines: &'static [Engine],
) -> Result<Config, Problems> {
    parse_with(text, name, base, kinds, engines, &|variable| std::env::var(variable))
}

fn parse_with(
    text: &str,
    name: &str,
    base: &Path,
    kinds: &[Kind],
    engines: &'static [Engine],
    environment: Environment<'_>,
) -> Result<Config, Problems> {
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_SIZE) {
        return Err(whole_file(name, format!("the file is larger than {MAX_SIZE} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(name, text);
    let config = raw(&source, kinds, engines).map(|Written { raw, sections, root, engine }| {
        Checker { source: &source, base, environment, engine, engines }.config(raw, sections, root)
    });
    let Findings { problems, warnings, dangers, files } = source.finish();
    match config {
        Some(config) if problems.is_empty() => {
            let mut places = source.places_of("backends", true);
            places.extend(source.places_of("scan", false));
            Ok(Config { warnings, dangers, files, places, ..config })
        }
        None if problems.is_empty() => Err(empty(name)),
        _ => Err(Problems::new(name, problems).after_reading(files)),
    }
}

/// A file as written.
struct Written {
    raw: raw::Config,
    /// The section of each backend.
    sections: Vec<check::Section>,
    root: Span,
    engine: &'static Engine,
}

/// `None` without a problem if there is nothing in the file.
fn raw(source: &Source<'_>, kinds: &[Kind], engines: &'static [Engine]) -> Option<Written> {
    if syntax::refuses_nul(source) {
        return None;
    }
    let root = tree::parse(source.text()).map_err(|error| syntax::report(source, &error)).ok()?;
    if root.value == Value::Null {
        return None;
    }
    source.hide_by_name(&root);
    let written = written(&root, source, kinds, engines);
    source.keep(root);
    written
}

fn written(root: &Node, source: &Source<'_>, kinds: &[Kind], engines: &'static [Engine]) -> Option<Written> {
    let raw = read::read(root, source)?;
    let sections = kinds::read_sections(root, source, kinds);
    let engine = engines::read(root, source, engines)?;
    Some(Written { raw, sections, root: root.span, engine })
}

impl Config {
    /// Where a backend stands in the file.
    pub fn place_of_backend(&self, name: &str) -> Option<&Place> {
        self.places.get(&key_paths::join("backends", name))
    }
}

fn empty(name: &str) -> Problems {
    whole_file(name, "the file is empty".to_owned())
}

fn whole_file(name: &str, message: String) -> Problems {
    Problems::new(name, vec![Problem { file: name.to_owned(), place: None, message }])
}

/// The JSON Schema of a file whose backends are of these `kinds`, for one of these `engines`, as text that ends in a line end.
/// Editors check and complete with it.
pub fn schema(kinds: &[Kind], engines: &'static [Engine]) -> String {
    let mut schema = annotated_schema(kinds, engines);
    help::publish(&mut schema);
    format!("{schema:#}\n")
}

/// The schema with what it tells the guide.
fn annotated_schema(kinds: &[Kind], engines: &'static [Engine]) -> serde_json::Value {
    // Editors understand this version best.
    let settings = schemars::generate::SchemaSettings::draft07();
    let mut generator = settings.into_generator();
    let backend = kinds::schema(kinds, &mut generator);
    generator.definitions_mut().insert("Backend".to_owned(), backend);
    generator.definitions_mut().insert("Engine".to_owned(), engines::schema(engines));
    generator.into_root_schema_for::<raw::Config>().to_value()
}

#[cfg(test)]
#[path = "tests/mod.rs"]
pub(crate) mod tests;
