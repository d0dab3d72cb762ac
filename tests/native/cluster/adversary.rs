//! Somebody at the relay port who is no replica.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::spreader::What;
use super::{EACH, RELAY, Replicas, Wanted, address, at, first_port, session, sum};
use crate::support::{SOON, noise, wait_until};

fn connect() -> TcpStream {
    let stream = TcpStream::connect_timeout(&at(address(1), RELAY), SOON).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// All that is said to this.
fn answer(said: &[u8]) -> Vec<u8> {
    let mut stream = connect();
    let _may_be_closed = stream.write_all(said).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut heard = Vec::new();
    let _may_be_reset = stream.read_to_end(&mut heard);
    heard
}

/// What every connection hears at first: a name and a nonce.
const GREETING: usize = 8 + 32;

#[test]
fn whoever_knows_no_secret_gets_nothing_and_disturbs_nobody() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let mut client = session(&spreader, 0);
    // A port scanner, a browser, another protocol, noise, an opening with a wrong code, and one that never ends.
    let mut opening = b"WHARF-R1".to_vec();
    opening.extend([7; 32]);
    opening.extend([1, 0, 1, 0, 0, 0, 4]);
    opening.extend(b"said");
    opening.extend([0; 32]);
    let noise = noise(100_000, 3);
    for said in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", &noise, &opening, &opening[..60]] {
        assert!(answer(said).len() <= GREETING, "nothing but the greeting");
    }
    let refused = |cause: &str| {
        sum(&running[0], &format!("wharf_cluster_relay_port_refused_total{{cause=\"{cause}\"}}"))
    };
    wait_until("they are counted", || refused("secret") >= 1.0 && refused("protocol") >= 2.0);
    // No two greetings have the same nonce.
    assert_ne!(answer(b""), answer(b""));
    spreader.send_to(Some(1));
    client.store("file", b"as ever");
}

/// Connections that say nothing have so many places, and lose them.
#[test]
fn a_flood_of_silent_connections_keeps_nobody_out() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let mut client = session(&spreader, 0);
    let flood: Vec<_> = (0..600).map(|_| connect()).collect();
    // Here the other replicas have the same address.
    spreader.send_to(Some(1));
    client.store("meanwhile", b"through another replica");
    let refused = |cause: &str| {
        sum(&running[0], &format!("wharf_cluster_relay_port_refused_total{{cause=\"{cause}\"}}"))
    };
    wait_until("some are turned away, and the others lose their places", || {
        refused("limit") + refused("timeout") >= 600.0
    });
    assert!(refused("limit") > 0.0, "one address has no more than its places");
    for mut stream in flood {
        let mut heard = Vec::new();
        let _may_be_reset = stream.read_to_end(&mut heard);
        assert!(heard.len() <= GREETING);
    }
    let lines = running[0].log.text().matches("turned somebody away").count();
    assert!(lines < 50, "{lines} lines of the log");
    client.store("afterwards", b"as ever");
}

/// Somebody without a session connects to ports of another replica, and keeps the connections: the owner wants none of them, so
/// that they take no place.
#[test]
fn connections_that_nobody_expects_are_not_kept() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let kept: Vec<_> = (0..400)
        .map(|number| {
            let port = first_port(1) + number % EACH;
            TcpStream::connect_timeout(&at(address(1), port), SOON).unwrap()
        })
        .collect();
    wait_until("all of them were passed on, and are over", || {
        let passed_on = sum(&running[0], "wharf_cluster_relayed_connections_total{")
            + sum(&running[0], "wharf_cluster_relay_failures_total{");
        passed_on >= 400.0 && sum(&running[0], "wharf_cluster_relays_open") == 0.0
    });
    let mut client = session(&spreader, 1);
    spreader.send_to(Some(0));
    client.store("file", b"as ever");
    drop(kept);
}
