//! `sql`: a database that is asked at each login.

use super::super::super::{Database, DatabaseServer, Encryption, SqlService};
use super::*;

/// The most connections, unless something else is said.
const CONNECTIONS: usize = 4;
const CONNECTIONS_MOST: u64 = 64;

impl Checker<'_> {
    pub(super) fn users_database(
        &self,
        at: At<raw::Sql>,
        defaults: Option<At<Map<String, Value>>>,
        entries: &Entries,
    ) -> Option<UsersFrom> {
        if !cfg!(feature = "sql") {
            self.problem(at.key, "this build of Wharf can't ask databases (its feature `sql` is off)");
        }
        let raw = at.value?;
        let url = raw.url.map(|url| (url.key, self.database_url(url)));
        if url.is_none() {
            self.problem(at.span, "`url` is missing");
        }
        let url_key = url.as_ref().map_or(at.span, |(key, _)| *key);
        let database = url.and_then(|(_, database)| database);
        let authorities = raw.ca_file.and_then(|at| self.authorities_of_database(at, database.as_ref()));
        let query = self.required(raw.query, "query", at.span);
        if let (Some((query, span)), Some(database)) = (&query, &database) {
            let placeholder = SqlService::placeholder(database);
            if !query.contains(placeholder) {
                self.problem(*span, format!("the query has no {placeholder}, which stands for the name"));
            }
        }
        let timeout = self.parsed(raw.timeout, |text| match units::duration(text)? {
            duration if (TIMEOUT_LEAST..=TIMEOUT_MOST).contains(&duration) => Ok(duration),
            _ => Err("from 100ms to 1m is possible".to_owned()),
        });
        let cache = self.parsed(raw.cache, |text| match units::duration(text)? {
            duration if duration <= CACHE_MOST => Ok(duration),
            _ => Err("at most a day is possible".to_owned()),
        });
        let place = |name: &str| match name {
            "name" => Ok(()),
            _ => Err(format!(
                "there is no place {{{name}}} here, only {{name}}; the query can put texts together"
            )),
        };
        let defaults = match defaults {
            Some(at) => self.defaults(at, &place, entries)?,
            None => EntryTemplate::default(),
        };
        let mut database = database?;
        if let Database::Postgres(_) = &database {
            for variable in ["PGOPTIONS", "PGSSLCERT", "PGSSLKEY"] {
                if self.variable(variable).is_some() {
                    let message =
                        format!("the variable {variable} is set, and would change what is asked: unset it");
                    self.problem(url_key, message);
                }
            }
        }
        if let Database::Postgres(server) | Database::MySql(server) = &mut database {
            server.authorities = authorities;
            self.way_to_database(server, url_key);
        }
        Some(UsersFrom::Sql(Box::new(SqlService {
            database,
            query: query?.0,
            plain: raw.plain.and_then(|at| at.value).unwrap_or(false),
            timeout: timeout.map_or(TIMEOUT, |(duration, _)| duration),
            cache: cache.map_or(Duration::ZERO, |(duration, _)| duration),
            connections: self.count(raw.connections, CONNECTIONS_MOST, CONNECTIONS),
            defaults,
        })))
    }

    fn database_url(&self, at: At<raw::Secret>) -> Option<Database> {
        self.hide(at.span);
        let (url, span) = self.secret(at)?;
        let database = self.accept(Database::parse(url.expose()), span)?;
        let Database::Sqlite(path) = database else { return Some(database) };
        let path = self.base.join(path);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => return Some(Database::Sqlite(path)),
            Ok(_) => self.problem(span, format!("{}: this is not a file", path.display())),
            Err(error) => self.problem(span, format!("{}: {}", path.display(), say(&error))),
        }
        None
    }

    /// What somebody on the way can do.
    fn way_to_database(&self, server: &DatabaseServer, place: Span) {
        if server.host.is_here() {
            return;
        }
        let message = match server.encryption {
            Encryption::Never | Encryption::IfOffered => {
                "hashes of passwords may come from there in plain text, and whoever is on the way can let anybody in: use sslmode=verify-full"
            }
            Encryption::Unverified => {
                "nobody looks whether it is this database, so whoever is on the way can let anybody in: use sslmode=verify-full"
            }
            Encryption::Authority | Encryption::Host => return,
        };
        self.source.danger(place, message);
    }

    fn authorities_of_database(&self, at: At<String>, database: Option<&Database>) -> Option<Vec<u8>> {
        let path = self.local_path(&at.value?, at.span)?;
        let is_verified = |server: &DatabaseServer| server.encryption >= Encryption::Authority;
        if database.is_some_and(|database| !database.server().is_some_and(is_verified)) {
            self.problem(
                at.key,
                "`ca_file` has no use here: no certificate is looked at without sslmode=verify-full",
            );
            return None;
        }
        let pem = self.read_file(&path, MAX_CA_FILE).map_err(|error| error.to_string());
        let read = pem.and_then(|pem| Authorities::from_pem(&pem).map(|_| pem));
        self.accept(read.map_err(|reason| format!("ca_file {}: {reason}", path.display())), at.span)
    }
}
