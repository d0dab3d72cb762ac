//! What stands before the replicas: it listens where clients connect, on the port of control connections and on all passive
//! ports, and sends each connection to a replica at random or to the one it is told.
//!
//! It models a balancer of TCP connections that knows nothing of FTP. One that keeps the addresses of clients (as a router
//! does, and `externalTrafficPolicy: Local`) is modelled by connections that come from the client's loopback address; one that
//! puts those of nodes in their place (kube-proxy) by connections from two others, at random; HAProxy by a header of the PROXY
//! protocol. It passes ends and resets on. What it does not model: packets that are lost, and time.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket, sockopt};

use super::at;

/// What becomes of clients' addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Kept,
    Lost([Ipv4Addr; 2]),
    Told(Ipv4Addr),
}

const ANY: usize = usize::MAX;

pub struct Spreader {
    state: Arc<State>,
    control: SocketAddr,
}

struct State {
    replicas: Vec<SocketAddr>,
    what: What,
    to: AtomicUsize,
    seed: AtomicU64,
    is_over: AtomicBool,
    listening: Vec<SocketAddr>,
}

impl Spreader {
    pub fn start(
        address: Ipv4Addr,
        replicas: Vec<SocketAddr>,
        ports: RangeInclusive<u16>,
        what: What,
    ) -> Self {
        let listen =
            |port| TcpListener::bind(at(address, port)).unwrap_or_else(|e| panic!("{address}:{port}: {e}"));
        let listeners: Vec<_> = std::iter::once(0).chain(ports).map(listen).collect();
        let listening: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let control = listening[0];
        let state = Arc::new(State {
            replicas,
            what,
            to: AtomicUsize::new(ANY),
            seed: AtomicU64::new(1),
            is_over: AtomicBool::new(false),
            listening,
        });
        for (number, listener) in listeners.into_iter().enumerate() {
            let state = Arc::clone(&state);
            thread::spawn(move || state.accept(&listener, number == 0));
        }
        Self { state, control }
    }

    /// Where clients connect.
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// From now on connections go to this replica; `None`: to any.
    pub fn send_to(&self, replica: Option<usize>) {
        self.state.to.store(replica.unwrap_or(ANY), Ordering::SeqCst);
    }
}

impl Drop for Spreader {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        for address in &self.state.listening {
            let _wakes = TcpStream::connect_timeout(address, Duration::from_secs(1));
        }
    }
}

impl State {
    fn random(&self, below: usize) -> usize {
        // Numbers that look random, and are the same each time (splitmix64).
        let mut number = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((number ^ (number >> 31)) % below as u64).unwrap()
    }

    fn accept(self: Arc<Self>, listener: &TcpListener, is_control: bool) {
        while let Ok((client, peer)) = listener.accept() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let reached = client.local_addr().unwrap();
            let replica = match self.to.load(Ordering::SeqCst) {
                ANY => self.random(self.replicas.len()),
                number => number,
            };
            let mut to = self.replicas[replica];
            if !is_control {
                to.set_port(reached.port());
            }
            let what = self.what;
            let node = self.random(2);
            thread::spawn(move || {
                let from = match what {
                    What::Kept => peer.ip(),
                    What::Lost(nodes) => nodes[node].into(),
                    What::Told(balancer) => balancer.into(),
                };
                let Ok(mut server) = connect_from(from, to) else { return reset(&client) };
                if let What::Told(_) = what {
                    let (source, target) = (peer.ip(), reached.ip());
                    let header =
                        format!("PROXY TCP4 {source} {target} {} {}\r\n", peer.port(), reached.port());
                    server.write_all(header.as_bytes()).unwrap();
                }
                both_ways(&client, &server);
            });
        }
    }
}

fn connect_from(source: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::new(source, 0))?;
    connect(&socket, &to)?;
    Ok(socket.into())
}

fn both_ways(client: &TcpStream, server: &TcpStream) {
    thread::scope(|scope| {
        scope.spawn(|| one_way(client, server));
        one_way(server, client);
    });
}

fn one_way(mut from: &TcpStream, mut to: &TcpStream) {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) if to.write_all(&buffer[..count]).is_ok() => {}
            Ok(_) | Err(_) => {
                reset(from);
                return reset(to);
            }
        }
    }
}

/// Has the other end see a reset: it is sent when the connection is closed, and both directions are over now.
fn reset(stream: &TcpStream) {
    let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
    // A connection to nowhere ends the one that there is, in both directions, as a reset.
    let _ = disconnect(stream);
}

fn disconnect(stream: &TcpStream) -> rustix::io::Result<()> {
    rustix::net::connect_unspec(stream)
}
