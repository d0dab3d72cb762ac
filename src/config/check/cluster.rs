//! The section `cluster`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::super::checked::Server;
use super::super::cluster_settings::{Cluster, ReplicaAddress, ReplicaIndex, Replicas, hostname};
use super::super::secret::Secret;
use super::*;

const PORTS_PER_REPLICA: usize = 8;
/// The fewest characters of a secret.
const SECRET_LEAST: usize = 32;
/// How many secrets may be accepted beside the first.
const MORE_SECRETS: usize = 4;
/// The most sessions of all replicas.
const MOST_SESSIONS: u64 = 1_000_000_000;
/// Where the system says which ports it gives to outgoing connections.
const LENT: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// And which of these it does not.
const KEPT: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";
const RELAY: ([u8; 4], u16) = ([0, 0, 0, 0], 2122);

impl Checker<'_> {
    /// `None` also if something is wrong, which was reported.
    pub(super) fn cluster(
        &self,
        field: Option<At<raw::Cluster>>,
        server: &Server,
        http: &Http,
    ) -> Option<Cluster> {
        let at = field?;
        let owner = at.key;
        let raw = at.value.unwrap_or_default();
        let ports = server.passive.ports.len();
        let per_replica_span = raw.ports_per_replica.as_ref().map_or(owner, |at| at.span);
        let per_replica = self.count(raw.ports_per_replica, u64::from(u16::MAX), PORTS_PER_REPLICA);
        let sessions = raw.sessions.is_some().then(|| self.count(raw.sessions, MOST_SESSIONS, 1));
        let relay_span = raw.relay.as_ref().map_or(owner, |at| at.span);
        let relay =
            self.parsed(raw.relay, units::listen).map_or_else(|| SocketAddr::from(RELAY), |(relay, _)| relay);
        self.relay_is_free(relay, relay_span, server, http);
        let replicas = self
            .required(raw.replicas, "replicas", owner)
            .and_then(|(replicas, span)| Some((self.replicas(replicas, span, relay.port())?, span)));
        let index_span = raw.index.as_ref().map_or(owner, |at| at.span);
        let index = self.parsed(raw.index, |text| match text {
            "from-hostname" => Ok(ReplicaIndex::FromHostname),
            number => number
                .parse()
                .map(ReplicaIndex::Is)
                .map_err(|_| "expected the number of this replica, from 0 on, or from-hostname".to_owned()),
        });
        let secret = match raw.secret {
            Some(at) => self.cluster_secret(at),
            None => {
                self.problem(
                    owner,
                    "`secret` is missing: replicas know each other by it; `openssl rand -hex 32` makes one",
                );
                None
            }
        };
        let more_secrets = self.more_secrets(raw.more_secrets, secret.as_ref());
        let (replicas, replicas_span) = replicas?;
        let cluster = Cluster {
            replicas,
            index: index.map_or(ReplicaIndex::FromHostname, |(index, _)| index),
            // `count` has limited it.
            ports_per_replica: u16::try_from(per_replica).unwrap_or(u16::MAX),
            sessions,
            relay,
            secret: secret?,
            more_secrets,
            client_addresses_are_lost: matches!(
                raw.client_addresses.and_then(|at| at.value),
                Some(raw::ClientAddresses::Lost)
            ),
        };
        if per_replica > ports {
            self.problem(
                per_replica_span,
                format!("`server.passive.ports` has {ports} ports, and each replica needs {per_replica}"),
            );
            return None;
        }
        if let Replicas::List(list) = &cluster.replicas
            && list.len() * per_replica > ports
        {
            let needed = list.len() * per_replica;
            self.problem(
                replicas_span,
                format!(
                    "{} replicas with {per_replica} ports each need {needed} ports, and `server.passive.ports` has {ports}",
                    list.len(),
                ),
            );
        }
        self.index_fits(&cluster, index_span, ports);
        self.ports_are_not_lent(&server.passive.ports, per_replica_span);
        let left = ports % per_replica;
        if left > 0 {
            self.source.warning(
                per_replica_span,
                format!(
                    "the last {left} of the {ports} `server.passive.ports` belong to no replica: {per_replica} for each"
                ),
            );
        }
        Some(cluster)
    }

    /// All ports are open from the start, so the system must not lend one of them to somebody who connects elsewhere.
    fn ports_are_not_lent(&self, ports: &RangeInclusive<u16>, span: Span) {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (text, kept) = (read(LENT), read(KEPT));
        if let Some((first, last)) = lent(&text).filter(|lent| is_lent(ports, *lent, &kept)) {
            self.source.warning(
                span,
                format!(
                    "`server.passive.ports` has ports that this machine gives to outgoing connections ({first} to {last}, \
                     net.ipv4.ip_local_port_range): one that is in use when the replica starts keeps it from starting. Ports from 61000 \
                     on are free of that by default; or list the ports in net.ipv4.ip_local_reserved_ports"
                ),
            );
        }
    }

    fn replicas(&self, replicas: raw::Texts, span: Span, port: u16) -> Option<Replicas> {
        let list = match replicas {
            raw::Texts::One(text) => return self.accept(Replicas::pattern(&text, port), span),
            raw::Texts::List(list) if list.is_empty() => {
                self.problem(span, "there is no replica in this list");
                return None;
            }
            raw::Texts::List(list) => list,
        };
        let expected = list.len();
        let mut replicas: Vec<ReplicaAddress> = Vec::with_capacity(expected);
        for (text, span) in list.into_iter().filter_map(|at| Some((at.value?, at.span))) {
            if let Some(replica) = self.accept(ReplicaAddress::parse(&text, port), span) {
                match replicas.contains(&replica) {
                    true => self.problem(span, "this replica stands here twice"),
                    false => replicas.push(replica),
                }
            }
        }
        (replicas.len() == expected).then_some(Replicas::List(replicas))
    }

    /// Nobody else has the port of the relay.
    fn relay_is_free(&self, relay: SocketAddr, span: Span, server: &Server, http: &Http) {
        let admin = http.admin.iter().flat_map(|admin| &admin.listen);
        let taken = server
            .listen
            .iter()
            .chain(&server.implicit_tls_listen)
            .chain(&http.listen)
            .chain(admin)
            .find(|address| http::collide(**address, relay));
        let port = relay.port();
        if let Some(taken) = taken {
            self.problem(span, format!("the server listens for others on {taken}"));
        } else if server.passive.ports.contains(&port) {
            let (low, high) = (server.passive.ports.start(), server.passive.ports.end());
            self.problem(
                span,
                format!(
                    "port {port} is for data connections, as are all of {low}-{high} (`server.passive.ports`)"
                ),
            );
        } else if port == 0 {
            self.problem(span, "the other replicas have to know the port; write one, such as 0.0.0.0:2122");
        }
    }

    /// Which replica it is may be known on its machine alone, so that this is only an advice.
    fn index_fits(&self, cluster: &Cluster, span: Span, ports: usize) {
        let most = cluster.most(ports);
        match cluster.index {
            ReplicaIndex::Is(index) if index >= most => {
                self.problem(span, format!("there are {most} replicas, whose numbers begin with 0"));
            }
            ReplicaIndex::Is(_) => {}
            ReplicaIndex::FromHostname => {
                let name = hostname().unwrap_or_default();
                let reason = match Cluster::number_in(&name) {
                    Some(index) if index < most => return,
                    Some(index) => format!("is replica {index}, and there are {most}, from 0 on"),
                    None => "has no number at its end".to_owned(),
                };
                self.source.warning(
                    span,
                    format!(
                        "this machine ({}) {reason}: `wharf serve` needs another `index` here, or --cluster-index",
                        quote(&name)
                    ),
                );
            }
        }
    }

    fn cluster_secret(&self, at: At<raw::Secret>) -> Option<Secret> {
        let (secret, span) = self.secret(at)?;
        if secret.expose().len() < SECRET_LEAST {
            self.problem(
                span,
                format!(
                    "the secret of a cluster has at least {SECRET_LEAST} characters, so that nobody guesses it; `openssl rand -hex 32` makes one"
                ),
            );
            return None;
        }
        Some(secret)
    }

    fn more_secrets(&self, field: Option<At<Vec<At<raw::Secret>>>>, first: Option<&Secret>) -> Vec<Secret> {
        let Some(at) = field else { return Vec::new() };
        let list = at.value.unwrap_or_default();
        if list.len() > MORE_SECRETS {
            self.problem(at.span, format!("at most {MORE_SECRETS} more secrets are possible"));
        }
        let mut secrets: Vec<Secret> = Vec::new();
        for at in list {
            let span = at.span;
            let Some(secret) = self.cluster_secret(at) else { continue };
            match first == Some(&secret) || secrets.contains(&secret) {
                true => self.problem(span, "this secret stands here twice"),
                false => secrets.push(secret),
            }
        }
        secrets
    }
}

/// The first and the last port that the system gives to outgoing connections.
fn lent(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Whether one of these ports is given away; `kept` lists numbers and ranges that are not.
fn is_lent(ports: &RangeInclusive<u16>, (first, last): (u16, u16), kept: &str) -> bool {
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    let kept: Vec<RangeInclusive<u16>> = kept.split(',').filter_map(range).collect();
    let mut both = (*ports.start()).max(first)..=(*ports.end()).min(last);
    both.any(|port| !kept.iter().any(|kept| kept.contains(&port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_ports_are_found() {
        assert_eq!(lent("32768\t60999\n"), Some((32768, 60999)));
        for text in ["", "32768", "a b", "1 99999"] {
            assert_eq!(lent(text), None, "{text}");
        }
        for (ports, is_lent) in [
            (61000..=61999, false),
            (60999..=61999, true),
            (1024..=32767, false),
            (1024..=32768, true),
            (1024..=65535, true),
            (40000..=40010, true),
        ] {
            assert_eq!(super::is_lent(&ports, (32768, 60999), ""), is_lent, "{ports:?}");
        }
        for (kept, is_lent) in [
            ("40000-40010\n", false),
            ("40000-40005,40006-40010", false),
            ("40000-40009", true),
            ("40005", true),
        ] {
            assert_eq!(super::is_lent(&(40000..=40010), (32768, 60999), kept), is_lent, "{kept}");
        }
    }
}
