//! Services with users (`users_from`): whether they can be reached. What they answer only a login shows.

use std::time::Duration;

use tokio::net::{TcpStream, UnixStream, lookup_host};
use url::Url;

use super::super::findings::Report;
use crate::config::{Config, Database, DatabaseHost, DatabaseServer, TokenKeys, UsersFrom};

/// Where a service is.
enum Place {
    Host(String, u16),
    Socket(std::path::PathBuf),
}

pub(super) async fn examine(config: &Config, timeout: Duration, report: &mut Report) {
    for from in &config.users_from {
        let Some((name, place)) = place(from) else { continue };
        let reach = async {
            match &place {
                Place::Host(host, port) => reach(host, *port).await,
                Place::Socket(path) => {
                    UnixStream::connect(path).await.map(drop).map_err(|error| error.to_string())
                }
            }
        };
        let reached = tokio::time::timeout(timeout, reach).await;
        match reached.unwrap_or_else(|_| Err(format!("no answer within {timeout:?}"))) {
            Ok(()) => {
                report.ok("users", format!("{name} takes connections; what it answers only a login shows"))
            }
            Err(error) => report.problem(
                "users",
                format!("{name} can't be reached: {error}"),
                "nobody whom it knows can log in (430): start it, or look at its address and at firewalls",
            ),
        }
    }
}

async fn reach(host: &str, port: u16) -> Result<(), String> {
    let addresses = lookup_host((host, port)).await.map_err(|error| error.to_string())?;
    let mut failure = "the name has no address".to_owned();
    for address in addresses.take(8) {
        match TcpStream::connect(address).await {
            Ok(_) => return Ok(()),
            Err(error) => failure = error.to_string(),
        }
    }
    Err(failure)
}

/// What a source is called, and where it is; `None` if it is in files.
fn place(from: &UsersFrom) -> Option<(String, Place)> {
    match from {
        UsersFrom::Http(service) => at(&service.url),
        UsersFrom::Jwt(issuer) => match &issuer.keys {
            TokenKeys::At(keys) => at(&keys.url),
            TokenKeys::Here(_) => None,
        },
        UsersFrom::Ldap(service) => {
            Some((service.url.clone(), Place::Host(service.host.clone(), service.port)))
        }
        UsersFrom::Sql(service) => {
            let (Database::Postgres(server) | Database::MySql(server)) = &service.database else {
                return None;
            };
            let DatabaseServer { host, port, .. } = server;
            let place = match host {
                DatabaseHost::Name(host) => Place::Host(host.clone(), *port),
                DatabaseHost::Socket(path) if matches!(service.database, Database::Postgres(_)) => {
                    Place::Socket(path.join(format!(".s.PGSQL.{port}")))
                }
                DatabaseHost::Socket(path) => Place::Socket(path.clone()),
            };
            Some((service.database.to_string(), place))
        }
        UsersFrom::Directory(_) => None,
    }
}

fn at(url: &str) -> Option<(String, Place)> {
    let parsed = Url::parse(url).ok()?;
    let host = parsed.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((url.to_owned(), Place::Host(host, parsed.port_or_known_default()?)))
}
