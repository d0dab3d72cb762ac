//! What of a configuration can't change while the server runs.

use super::{Cluster, Config, Secret, Tls};

/// A key, and whether two configurations say the same of it.
type Row = (&'static str, fn(&Config, &Config) -> bool);

/// What is bound, or decided, once in the life of the process.
const ROWS: &[Row] = &[
    ("server.engine", |a, b| a.server.engine.word == b.server.engine.word),
    ("server.listen", |a, b| a.server.listen == b.server.listen),
    ("server.implicit_tls_listen", |a, b| a.server.implicit_tls_listen == b.server.implicit_tls_listen),
    ("server.passive.ports", |a, b| a.server.passive.ports == b.server.passive.ports),
    ("server.proxy_protocol.trusted", |a, b| a.server.proxies == b.server.proxies),
    ("server.limits.ipv6_prefix", |a, b| a.server.limits.ipv6_prefix == b.server.limits.ipv6_prefix),
    ("server.limits.buffer_memory", |a, b| a.server.limits.buffer_memory == b.server.limits.buffer_memory),
    ("server.limits.spill_directory", |a, b| {
        a.server.limits.spill_directory == b.server.limits.spill_directory
    }),
    ("server.state_directory", |a, b| a.server.state_directory == b.server.state_directory),
    ("server.sandbox", |a, b| a.server.sandbox == b.server.sandbox),
    ("server.control", |a, b| a.server.control == b.server.control),
    ("server.reload", |a, b| a.server.reload == b.server.reload),
    ("audit", |a, b| a.audit == b.audit),
    ("events", |a, b| a.events == b.events),
    ("http.listen", |a, b| a.http.listen == b.http.listen),
    ("cluster", |a, b| a.cluster.as_ref().map(without_secrets) == b.cluster.as_ref().map(without_secrets)),
    ("traces", |a, b| a.traces == b.traces),
    ("http.admin", |a, b| a.http.admin.is_some() == b.http.admin.is_some()),
    ("http.admin.listen", |a, b| {
        let listen = |config: &Config| config.http.admin.as_ref().map(|admin| admin.listen.clone());
        a.http.admin.is_none() || b.http.admin.is_none() || listen(a) == listen(b)
    }),
    ("http.admin.tls", |a, b| {
        let tls = |config: &Config| config.http.admin.as_ref().and_then(|admin| admin.tls.clone());
        a.http.admin.is_none() || b.http.admin.is_none() || tls(a) == tls(b)
    }),
    ("log.format", |a, b| a.log.format == b.log.format),
    // A connection that comes in begins with a handshake, whatever this reading says.
    ("tls.mode", |a, b| {
        a.server.implicit_tls_listen.is_empty() || matches!((&a.tls, &b.tls), (Tls::On(_), Tls::On(_)))
    }),
];

/// Secrets of a cluster are replaced while it runs.
fn without_secrets(cluster: &Cluster) -> Cluster {
    Cluster { secret: Secret::new(""), more_secrets: Vec::new(), ..cluster.clone() }
}

impl Config {
    /// The keys whose change takes a restart, of those in which another configuration differs from this one.
    pub fn restart_for(&self, other: &Self) -> Vec<&'static str> {
        ROWS.iter().filter(|(_, is_same)| !is_same(self, other)).map(|(key, _)| *key).collect()
    }
}
