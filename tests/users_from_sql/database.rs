//! The databases that `scripts/with-servers` starts, and what goes between them and the server.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::{fresh_prefix, on_demand};

/// The database user's password `p@ss w/rd`, in a URL.
const PASSWORD: &str = "p%40ss%20w%2Frd";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Postgresql,
    Mariadb,
}

/// A database of a server that no other test uses.
pub struct Database {
    pub kind: Kind,
    pub name: String,
    pub address: SocketAddr,
    client: Vec<String>,
    /// The file of the authority that vouches for `localhost`.
    pub authority: String,
}

impl Database {
    /// With the table `u` of anna, whose password is `apple`, and the slow one, whose row takes a minute.
    #[track_caller]
    pub fn with_users(kind: Kind) -> Self {
        let database = Self::fresh(kind);
        // MariaDB compares without capitals and accents then.
        let (text, more) = match kind {
            Kind::Postgresql => ("text", ""),
            Kind::Mariadb => ("varchar(64)", "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"),
        };
        database.run(&format!(
            "CREATE TABLE u (name {text} PRIMARY KEY, password {text}) {more};
             INSERT INTO u VALUES ('anna', '{APPLE}'), ('slow', '{APPLE}');",
            APPLE = super::APPLE
        ));
        if kind == Kind::Postgresql {
            database.run("GRANT SELECT ON u TO wharf;");
        }
        database
    }

    #[track_caller]
    pub fn fresh(kind: Kind) -> Self {
        let server = if kind == Kind::Postgresql { "postgresql" } else { "mariadb" };
        let [address, client, authority, _] = on_demand(server);
        let name = fresh_prefix().replace('-', "_");
        let client = client.split(' ').map(str::to_owned).collect();
        let database = Self { kind, name, address: address.parse().unwrap(), client, authority };
        database.client_run(&format!("CREATE DATABASE {};", database.name));
        database
    }

    /// Runs statements as the database's administrator; what they print.
    #[track_caller]
    pub fn run(&self, sql: &str) -> String {
        let there = if self.kind == Kind::Postgresql { "\\c" } else { "USE" };
        self.client_run(&format!("{there} {}\n;{sql}\n", self.name))
    }

    #[track_caller]
    fn client_run(&self, sql: &str) -> String {
        let mut client = Command::new(&self.client[0]);
        client.args(&self.client[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = client.spawn().unwrap();
        client.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn url(&self) -> String {
        self.url_at(&self.address.to_string())
    }

    /// The same at another address.
    pub fn url_at(&self, address: &str) -> String {
        let scheme = if self.kind == Kind::Postgresql { "postgres" } else { "mariadb" };
        format!("{scheme}://wharf:{PASSWORD}@{address}/{}", self.name)
    }

    /// By the socket of the server.
    pub fn url_of_socket(&self) -> String {
        let folder = self.authority.strip_suffix("/ca.pem").unwrap();
        match self.kind {
            Kind::Postgresql => {
                self.url_at(&format!("{}:{}", folder.replace('/', "%2F"), self.address.port()))
            }
            Kind::Mariadb => self.url_at(&format!("{folder}/mariadb.sock").replace('/', "%2F")),
        }
    }

    /// The query for a row of `u`.
    pub fn query(&self) -> &'static str {
        match self.kind {
            Kind::Postgresql => {
                "SELECT name, password FROM u WHERE name = $1 AND (name <> 'slow' OR pg_sleep(60) IS NOT NULL)"
            }
            Kind::Mariadb => {
                "SELECT name, password FROM u WHERE name = ? AND (name <> 'slow' OR SLEEP(60) IN (0, 1))"
            }
        }
    }

    /// How many queries run in this database.
    pub fn running(&self) -> usize {
        let running = match self.kind {
            Kind::Postgresql => format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND usename = 'wharf' AND state = 'active'",
                self.name
            ),
            Kind::Mariadb => format!(
                "SELECT count(*) FROM information_schema.processlist WHERE db = '{}' AND user = 'wharf' AND command <> 'Sleep'",
                self.name
            ),
        };
        self.client_run(&format!("{running};")).parse().unwrap()
    }
}

/// Goes between the server and a database, and can break off.
pub struct Relay {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_over: AtomicBool,
    accepted: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
}

impl Relay {
    pub fn to(target: SocketAddr) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), target)
    }

    pub fn at(address: SocketAddr, target: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let relay = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&relay.state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if state.is_over.load(Ordering::SeqCst) {
                    break;
                }
                let (client, server) = (client.unwrap(), TcpStream::connect(target).unwrap());
                state.accepted.fetch_add(1, Ordering::SeqCst);
                state.most.fetch_max(state.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                state
                    .streams
                    .lock()
                    .unwrap()
                    .extend([&client, &server].map(|stream| stream.try_clone().unwrap()));
                let back = [&server, &client].map(|stream| stream.try_clone().unwrap());
                thread::spawn(move || pass(back));
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    pass([client, server]);
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        relay
    }

    /// How many connections have come, how many there are, and how many there were at once.
    pub fn connections(&self) -> [usize; 3] {
        let State { accepted, open, most, .. } = &*self.state;
        [accepted, open, most].map(|count| count.load(Ordering::SeqCst))
    }

    /// Breaks all connections.
    pub fn cut(&self) {
        for stream in self.state.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn pass([from, to]: [TcpStream; 2]) {
    let _ = io::copy(&mut &from, &mut &to);
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // It may be waiting for the next one.
        let _ = TcpStream::connect(self.address);
        self.cut();
        // The listener is closed when nobody can connect.
        crate::support::wait_until("the relay is gone", || TcpStream::connect(self.address).is_err());
    }
}
