//! What of a configuration can't change while the server runs.

use super::{Cluster, Config, Secret, Tls};

/// A key, and whether two configurations say the same of it.
struct Row {
    key: &'static str,
    part: Part,
    is_same: fn(&Config, &Config) -> bool,
}

/// What of a key it is.
#[derive(Clone, Copy)]
enum Part {
    /// The key, with all that stands below it.
    All,
    /// All but these keys below it.
    Without(&'static [&'static str]),
    /// This alone, said of the change.
    Only(&'static str),
}

const fn all(key: &'static str, is_same: fn(&Config, &Config) -> bool) -> Row {
    Row { key, part: Part::All, is_same }
}

/// What is bound, or decided, once in the life of the process.
const ROWS: &[Row] = &[
    all("server.engine", |a, b| a.server.engine.word == b.server.engine.word),
    all("server.listen", |a, b| a.server.listen == b.server.listen),
    all("server.implicit_tls_listen", |a, b| a.server.implicit_tls_listen == b.server.implicit_tls_listen),
    all("server.passive.ports", |a, b| a.server.passive.ports == b.server.passive.ports),
    all("server.proxy_protocol.trusted", |a, b| a.server.proxies == b.server.proxies),
    all("server.limits.ipv6_prefix", |a, b| a.server.limits.ipv6_prefix == b.server.limits.ipv6_prefix),
    all("server.limits.buffer_memory", |a, b| a.server.limits.buffer_memory == b.server.limits.buffer_memory),
    all("server.limits.spill_directory", |a, b| {
        a.server.limits.spill_directory == b.server.limits.spill_directory
    }),
    all("server.state_directory", |a, b| a.server.state_directory == b.server.state_directory),
    all("server.sandbox", |a, b| a.server.sandbox == b.server.sandbox),
    all("server.control", |a, b| a.server.control == b.server.control),
    all("server.reload", |a, b| a.server.reload == b.server.reload),
    all("audit", |a, b| a.audit == b.audit),
    all("events", |a, b| a.events == b.events),
    all("http.listen", |a, b| a.http.listen == b.http.listen),
    Row {
        key: "cluster",
        part: Part::Without(&["secret", "more_secrets"]),
        is_same: |a, b| a.cluster.as_ref().map(without_secrets) == b.cluster.as_ref().map(without_secrets),
    },
    all("traces", |a, b| a.traces == b.traces),
    Row {
        key: "http.admin",
        part: Part::Only("whether there is an admin interface"),
        is_same: |a, b| a.http.admin.is_some() == b.http.admin.is_some(),
    },
    all("http.admin.listen", |a, b| {
        let listen = |config: &Config| config.http.admin.as_ref().map(|admin| admin.listen.clone());
        a.http.admin.is_none() || b.http.admin.is_none() || listen(a) == listen(b)
    }),
    all("http.admin.tls", |a, b| {
        let tls = |config: &Config| config.http.admin.as_ref().and_then(|admin| admin.tls.clone());
        a.http.admin.is_none() || b.http.admin.is_none() || tls(a) == tls(b)
    }),
    all("log.format", |a, b| a.log.format == b.log.format),
    // A connection that comes in begins with a handshake, whatever this reading says.
    Row {
        key: "tls.mode",
        part: Part::Only("switching TLS on or off, if there is implicit TLS,"),
        is_same: |a, b| {
            a.server.implicit_tls_listen.is_empty() || matches!((&a.tls, &b.tls), (Tls::On(_), Tls::On(_)))
        },
    },
];

/// Secrets of a cluster are replaced while it runs.
fn without_secrets(cluster: &Cluster) -> Cluster {
    Cluster { secret: Secret::new(""), more_secrets: Vec::new(), ..cluster.clone() }
}

impl Config {
    /// The keys whose change takes a restart, of those in which another configuration differs from this one.
    pub fn restart_for(&self, other: &Self) -> Vec<&'static str> {
        ROWS.iter().filter(|row| !(row.is_same)(self, other)).map(|row| row.key).collect()
    }
}

/// When a change of a key counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// When the configuration is read again.
    Reload,
    /// When the server is started again.
    Restart,
    /// When the configuration is read again, but for this, which needs a restart.
    RestartFor(String),
    /// When the server is started again, but for these keys.
    ReloadFor(Vec<&'static str>),
}

impl Change {
    /// Of the key at this place, as in `server.passive.ports`.
    pub(super) fn of(place: &str) -> Self {
        for row in ROWS {
            let Some(below) = place.strip_prefix(row.key) else { continue };
            match (row.part, below.strip_prefix('.')) {
                (Part::All, Some(_)) => return Self::Restart,
                (Part::Without(keys), Some(below)) if !keys.contains(&below) => return Self::Restart,
                (_, Some(_)) => {}
                (_, None) if !below.is_empty() => {}
                (Part::All, None) => return Self::Restart,
                (Part::Without(keys), None) => return Self::ReloadFor(keys.to_vec()),
                (Part::Only(what), None) => {
                    let others = Self::keys_below(place);
                    let what =
                        if others.is_empty() { what.to_owned() } else { format!("{what} and {others}") };
                    return Self::RestartFor(what);
                }
            }
        }
        match Self::keys_below(place) {
            keys if keys.is_empty() => Self::Reload,
            keys => Self::RestartFor(keys),
        }
    }

    fn keys_below(place: &str) -> String {
        let is_below = |key: &str| key.strip_prefix(place).is_some_and(|rest| rest.starts_with('.'));
        let keys: Vec<_> = ROWS
            .iter()
            .filter(|row| is_below(row.key))
            .map(|row| match row.part {
                Part::Only(what) => what.to_owned(),
                _ => format!("`{}`", row.key),
            })
            .collect();
        match keys.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, before)) => format!("{} and {last}", before.join(", ")),
            None => String::new(),
        }
    }
}

#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.key)
}
