//! A database that is asked at each login.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::{EntryTemplate, Secret};

/// A database that is asked at each login who a name belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlService {
    /// Where it is.
    pub database: Database,
    /// The query, whose only parameter is the name.
    pub query: String,
    /// Whether passwords stand there as they are.
    pub plain: bool,
    /// How long a question may take altogether.
    pub timeout: Duration,
    /// How long a row is known; zero: not at all.
    pub cache: Duration,
    /// The most connections at once; at least 1.
    pub connections: usize,
    /// What entries have in common.
    pub defaults: EntryTemplate,
}

/// A database, by who serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL.
    Postgres(DatabaseServer),
    /// MySQL or MariaDB.
    MySql(DatabaseServer),
    /// A file of SQLite.
    Sqlite(PathBuf),
}

/// A database behind a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseServer {
    /// Where the server is.
    pub host: DatabaseHost,
    /// The port; of PostgreSQL, it is part of the name of the socket.
    pub port: u16,
    /// As whom to log in there.
    pub user: String,
    /// The password there.
    pub password: Option<Secret>,
    /// The name of the database.
    pub name: Option<String>,
    /// What has to be true of the way there.
    pub encryption: Encryption,
    /// Authorities that are trusted beside the public ones (PEM).
    pub authorities: Option<Vec<u8>>,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseHost {
    /// A name or an address.
    Name(String),
    /// A Unix socket, or, for PostgreSQL, its directory.
    Socket(PathBuf),
}

/// What has to be true of the way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encryption {
    /// Nothing: it is plain text.
    Never,
    /// It is encrypted if the server offers that, whoever that is.
    IfOffered,
    /// It is encrypted, whoever the server is.
    Unverified,
    /// An authority vouches for the server, under whatever name.
    Authority,
    /// An authority vouches for the server under its name.
    Host,
}

impl DatabaseHost {
    /// Whether it is this machine.
    pub fn is_here(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Name(name) => {
                name.eq_ignore_ascii_case("localhost")
                    || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
            }
        }
    }
}

/// Without any secret.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, server) = match self {
            Self::Sqlite(path) => return write!(f, "sqlite:{}", path.display()),
            Self::Postgres(server) => ("postgres", server),
            Self::MySql(server) => ("mysql", server),
        };
        let DatabaseServer { host, port, user, name, .. } = server;
        write!(f, "{scheme}://{user}@")?;
        match host {
            DatabaseHost::Name(host) if host.contains(':') => write!(f, "[{host}]:{port}")?,
            DatabaseHost::Name(host) => write!(f, "{host}:{port}")?,
            DatabaseHost::Socket(path) => write!(f, "{}", path.display())?,
        }
        name.iter().try_for_each(|name| write!(f, "/{name}"))
    }
}

impl Database {
    /// The database that a URL names; a relative path of SQLite is left relative. Messages never repeat the URL.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.contains(['?', '#']) {
                return Err("the URL of a file of SQLite can't have parameters".to_owned());
            }
            let path = decoded(path)?;
            if path.is_empty() || path.starts_with(":memory:") || path.contains('\0') {
                return Err("the URL of SQLite has to name a file: sqlite:///var/lib/users.db".to_owned());
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let url = Url::parse(text).map_err(|error| format!("this is not a URL: {error}"))?;
        match url.scheme() {
            "postgres" | "postgresql" => Ok(Self::Postgres(server(&url, 5432)?)),
            "mysql" | "mariadb" => Ok(Self::MySql(server(&url, 3306)?)),
            _ => Err("the URL has to start with postgres://, mysql://, mariadb:// or sqlite:".to_owned()),
        }
    }

    /// The server; `None` for a file.
    pub fn server(&self) -> Option<&DatabaseServer> {
        match self {
            Self::Postgres(server) | Self::MySql(server) => Some(server),
            Self::Sqlite(_) => None,
        }
    }
}

fn server(url: &Url, port: u16) -> Result<DatabaseServer, String> {
    let host =
        url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']')).unwrap_or_default();
    let host = match decoded(host)? {
        path if path.starts_with('/') => DatabaseHost::Socket(PathBuf::from(path)),
        name if name.is_empty() => return Err("the URL has no host".to_owned()),
        name => DatabaseHost::Name(name),
    };
    let mut encryption = None;
    for (key, value) in url.query_pairs() {
        match &*key {
            "sslmode" | "ssl-mode" => encryption = Some(mode(&value)?),
            // It may be a part of a password.
            _ => return Err("the URL can have the parameter sslmode and no other".to_owned()),
        }
    }
    if url.username().is_empty() {
        return Err("the URL has no user".to_owned());
    }
    let name = decoded(url.path().trim_start_matches('/'))?;
    let usual = if host.is_here() { Encryption::IfOffered } else { Encryption::Host };
    Ok(DatabaseServer {
        port: url.port().unwrap_or(port),
        user: decoded(url.username())?,
        password: url.password().map(decoded).transpose()?.map(Secret::new),
        name: Some(name).filter(|name| !name.is_empty()),
        encryption: encryption.unwrap_or(usual),
        authorities: None,
        host,
    })
}

fn mode(word: &str) -> Result<Encryption, String> {
    Ok(match &*word.to_ascii_lowercase().replace('_', "-") {
        "disable" | "disabled" => Encryption::Never,
        "prefer" | "preferred" => Encryption::IfOffered,
        "require" | "required" => Encryption::Unverified,
        "verify-ca" => Encryption::Authority,
        "verify-full" | "verify-identity" => Encryption::Host,
        _ => {
            let words = "disable, prefer, require, verify-ca and verify-full";
            return Err(format!("the URL has an unknown sslmode; possible are {words}"));
        }
    })
}

/// A part of a URL, in which `%40` stands for `@`.
fn decoded(part: &str) -> Result<String, String> {
    // A plus is itself, as in every part of a URL but its query.
    let pair = format!("a={}", part.replace('+', "%2B").replace('&', "%26"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    match decoded {
        Some(text) if !text.contains('\u{fffd}') => Ok(text),
        _ => Err("a part of the URL is not UTF-8".to_owned()),
    }
}

impl SqlService {
    /// The placeholder of the one parameter.
    pub(super) fn placeholder(database: &Database) -> &'static str {
        match database {
            Database::MySql(_) => "?",
            Database::Postgres(_) | Database::Sqlite(_) => "$1",
        }
    }

    /// What distinguishes it from others, without any secret.
    pub fn identity(&self) -> String {
        format!("sql {} {}", self.database, self.query)
    }
}

#[cfg(test)]
#[path = "sql_service_tests.rs"]
mod tests;
