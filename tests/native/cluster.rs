//! Several replicas behind one address. Each listens on a loopback address of its own; what stands before them is a small
//! balancer of connections in this process ([`spreader`]).

mod adversary;
mod clients;
mod counted;
mod losses;
mod operators;
mod programs;
mod secrets;
mod spreader;
mod transfers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tempfile::TempDir;

use self::spreader::{Spreader, What};
use crate::support::{Certificates, Client, Running, Setup, metrics};

/// The passive ports of all replicas, each of which has eight.
const PORTS: std::ops::RangeInclusive<u16> = 61000..=61023;
const EACH: u16 = 8;
const RELAY: u16 = 2122;
const SECRET: &str = "a secret of the tests, long enough";

/// Replicas that may be started, and the address before them.
struct Replicas {
    setups: Vec<Setup>,
    files: TempDir,
    certificates: Option<(TempDir, Certificates)>,
    address: Ipv4Addr,
}

/// Loopback addresses that no other test has at the same time.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x7f00_0000 | ((std::process::id() << 4) & 0x00ff_fff0) | number)
}

/// What differs from test to test.
struct Wanted {
    replicas: u32,
    /// Further keys of `cluster`.
    cluster: &'static str,
    /// Further lines of `server`.
    server: Vec<String>,
    tls: Option<&'static str>,
    /// Further users, and then whatever else there is.
    users: &'static str,
    /// Where replicas hear each other, if not where they say.
    others: fn(u32) -> String,
    /// How many ports each takes for its own.
    each: fn(u32) -> u16,
}

impl Default for Wanted {
    fn default() -> Self {
        let others = |number| address(number + 1).to_string();
        Self { replicas: 3, cluster: "", server: Vec::new(), tls: None, users: "", others, each: |_| EACH }
    }
}

impl Replicas {
    fn new(wanted: Wanted) -> Self {
        let Wanted { replicas, cluster, server, tls, users, others, each } = wanted;
        let files = tempfile::tempdir().unwrap();
        let certificates = tls.map(|_| {
            let folder = tempfile::tempdir().unwrap();
            let certificates = Certificates::write_to(folder.path());
            (folder, certificates)
        });
        let before = address(14);
        let list: Vec<_> = (0..replicas).map(others).collect();
        let setups = (0..replicas).map(|number| {
            let (at, each) = (address(number + 1), each(number));
            let encryption = match (&certificates, tls) {
                (Some((folder, _)), Some(tls)) => {
                    let folder = folder.path().display();
                    format!("tls: {{ mode: optional, certificate: {folder}/server.crt, key: {folder}/server.key{tls} }}\n")
                }
                _ => String::new(),
            };
            let rest = format!(
                "{encryption}cluster: {{ replicas: [{}], index: {number}, ports_per_replica: {each}, relay: '{at}:{RELAY}', secret: '{SECRET}'{cluster} }}
backends:
  disk: {{ kind: local, root: '{}' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
{users}
",
                list.join(", "),
                files.path().display(),
            );
            let setup = Setup::new(rest)
                .listen(&format!("{at}:0"))
                .passive(&format!("ports: {}-{}, address: {before}", PORTS.start(), PORTS.end()))
                .server("control: '{folder}/control.sock'")
                .admin();
            server.iter().fold(setup, |setup, line| setup.server(line))
        });
        Self { setups: setups.collect(), files, certificates, address: before }
    }

    fn start(&self) -> Vec<Running<'_>> {
        self.setups.iter().map(Setup::start).collect()
    }

    /// What spreads connections over these.
    fn spread(&self, running: &[Running<'_>], what: What) -> Spreader {
        Spreader::start(self.address, running.iter().map(|replica| replica.address).collect(), PORTS, what)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }
}

/// The first port that belongs to a replica.
fn first_port(replica: u16) -> u16 {
    PORTS.start() + replica * EACH
}

/// A session with the replica of this number; its data connections come in wherever the spreader is told.
fn session(spreader: &Spreader, replica: usize) -> Client {
    spreader.send_to(Some(replica));
    let mut client = Client::connect(spreader.control());
    client.expect_reply(220);
    client.login("demo", "demo");
    client
}

/// The sum of all metrics that begin so.
fn sum(server: &Running<'_>, beginning: &str) -> f64 {
    let text = metrics(server);
    let value = |line: &str| line.strip_prefix(beginning)?.rsplit(' ').next()?.parse::<f64>().ok();
    text.lines().filter_map(value).sum()
}

fn at(address: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(address), port)
}
