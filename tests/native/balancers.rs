//! Load balancers: the PROXY protocol, and their looks at whether the server is alive.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::{Client, Running, SOON, Setup, request, wait_until};

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Headers that name nobody, as HAProxy and Amazon's network load balancer send them to see whether the server is alive.
fn probes() -> Vec<Vec<u8>> {
    let local = |family: u8, rest: &[u8]| {
        [V2, &[0x20, family], &u16::try_from(rest.len()).unwrap().to_be_bytes(), rest].concat()
    };
    vec![
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ::1 ::1 1 2\r\n".to_vec(),
        local(0, &[]),
        local(0x11, &[127, 0, 0, 9, 127, 0, 0, 1, 0x30, 0x39, 0, 21]),
        local(0, &[0xea, 0, 3, 1, b'v', b'p']),
    ]
}

fn behind_a_balancer() -> Setup {
    Setup::local()
        .tls("optional")
        .server("implicit_tls_listen: [\"127.0.0.1:0\"]")
        .server("proxy_protocol: { trusted: [127.0.0.0/8] }")
        .http()
}

fn open(address: SocketAddr, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&address, SOON).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(first).unwrap();
    stream
}

/// A session by the balancer, and all that it says until its end.
fn talk(address: SocketAddr, said: &[u8]) -> String {
    let mut stream = open(address, said);
    let mut heard = Vec::new();
    // What was not read is answered with a reset.
    if let Err(error) = stream.read_to_end(&mut heard) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(heard).unwrap()
}

/// Some read the greeting, and some say goodbye.
#[test]
fn a_balancer_that_speaks_for_itself_is_greeted() {
    let setup = behind_a_balancer();
    let server = setup.start();
    for probe in probes() {
        let heard = talk(server.address, &[&probe[..], b"QUIT\r\n"].concat());
        assert!(heard.starts_with("220 ") && heard.contains("\r\n221 "), "{probe:?}: {heard}");
    }
    let heard = talk(server.address, b"PROXY TCP4 127.0.0.7 127.0.0.1 4000 21\r\nQUIT\r\n");
    assert!(heard.starts_with("220 "), "{heard}");
    let heard = talk(server.address, b"QUIT AND WHAT IS NO HEADER\r\n");
    assert_eq!(heard, "");
}

/// Whom a balancer does not know, it forwards all the same, data connections too.
#[test]
fn a_client_that_nobody_knows_transfers_files() {
    let setup = behind_a_balancer();
    let server = setup.start();
    let mut client = Client::connect(server.address);
    client.send_raw(b"PROXY UNKNOWN\r\n");
    client.expect_reply(220);
    client.login("demo", "demo");
    let address = client.pasv();
    let mut data = open(address, b"PROXY UNKNOWN\r\n");
    client.expect("STOR file", 150);
    data.write_all(b"12345").unwrap();
    drop(data);
    client.expect_reply(226);
    let address = client.pasv();
    let mut data = open(address, &probes()[2]);
    client.expect("RETR file", 150);
    let mut found = String::new();
    data.read_to_string(&mut found).unwrap();
    assert_eq!(found, "12345");
    client.expect_reply(226);
}

/// Those who ask for health may or may not be balancers.
#[test]
fn health_is_told_with_a_header_and_without() {
    let setup = behind_a_balancer();
    let server = setup.start();
    let get = "GET /readyz HTTP/1.1\r\nHost: test\r\nConnection: close";
    assert_eq!(request(server.http_address(), get).0, 200);
    let named = b"PROXY TCP4 127.0.0.7 127.0.0.1 4000 80\r\n".to_vec();
    for header in probes().into_iter().chain([named]) {
        let said = [&header[..], get.as_bytes(), b"\r\n\r\n"].concat();
        let heard = talk(server.http_address(), &said);
        assert!(heard.starts_with("HTTP/1.1 200 "), "{header:?}: {heard}");
    }
    assert_eq!(talk(server.http_address(), b"PROXY NONSENSE\r\n"), "");
    // From elsewhere a header is a bad request.
    let setup = Setup::local().server("proxy_protocol: { trusted: [127.0.0.7] }").http();
    let server = setup.start();
    let said = [&b"PROXY UNKNOWN\r\n"[..], get.as_bytes(), b"\r\n\r\n"].concat();
    assert!(!talk(server.http_address(), &said).starts_with("HTTP/1.1 200 "));
}

/// It comes each second from each balancer; who looks for a failure has to find it in the log.
#[test]
fn a_look_at_whether_the_server_is_alive_is_not_logged() {
    let setup = behind_a_balancer();
    let server = setup.start();
    let direct = Setup::local().tls("optional").server("implicit_tls_listen: [\"127.0.0.1:0\"]");
    let direct_server = direct.start();
    for address in [direct_server.address, direct_server.implicit_address()] {
        drop(open(address, b""));
        reset(open(address, b""));
        // Those of HAProxy with `check-ssl`, and those that say goodbye.
        if address == direct_server.implicit_address() {
            drop(Client::connect_implicit(address, &direct_server.certificates().client_config()).unwrap());
        } else {
            assert!(talk(address, b"QUIT\r\n").contains("221 "));
        }
    }
    for address in [server.address, server.implicit_address(), server.http_address()] {
        drop(open(address, b""));
        reset(open(address, b""));
        for probe in probes() {
            drop(open(address, &probe));
            reset(open(address, &probe));
        }
    }
    for server in [&server, &direct_server] {
        assert_only_the_start_is_logged(server);
    }
}

/// Closes a connection as those do who look very often, so that nothing is left of it in the system.
fn reset(stream: TcpStream) {
    let linger = Some(std::time::Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(&stream, linger).unwrap();
}

#[track_caller]
fn assert_only_the_start_is_logged(server: &Running<'_>) {
    // Sessions end in the order of nothing; the metrics tell when all have.
    server.terminate();
    wait_until("stopped", || server.log.count("stopped") > 0);
    for line in server.log.lines() {
        let known = [
            "sandbox",
            "listening",
            "health and metrics",
            "stopping",
            "stopped",
            "finishing running",
            "certificate",
        ];
        let starts = line.target().starts_with("wharf::cli");
        let log = server.log.text();
        assert!(starts || known.iter().any(|known| line.says(known)), "{line:?}\nin\n{log}");
    }
}

/// With IPv6, a single machine has 2^64 addresses.
#[test]
fn addresses_of_one_ipv6_network_are_counted_together() {
    let setup = behind_a_balancer().server("limits: { sessions_per_ip: 2, ipv6_prefix: 64 }");
    let server = setup.start();
    let connect = |from: &str| {
        let mut client = Client::connect(server.address);
        client.send_raw(format!("PROXY TCP6 {from} 2001:db8::21 4000 21\r\n").as_bytes());
        client
    };
    let log_in = |from: &str| {
        let mut client = connect(from);
        client.expect_reply(220);
        client.login("demo", "demo");
        client
    };
    let _open = [log_in("2001:db8::1"), log_in("2001:db8::ffff:1")];
    let mut refused = connect("2001:db8:0:0:aaaa::");
    refused.expect_reply(421);
    refused.expect_end();
    log_in("2001:db8:0:1::1");
}

/// Its ports are not those of the client that it has not named.
#[test]
fn no_data_connection_leads_to_a_balancer_that_names_no_client() {
    let setup = behind_a_balancer().server("active_on_this_machine: true");
    let server = setup.start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (header, code) in [("PROXY UNKNOWN", 504), ("PROXY TCP4 127.0.0.1 127.0.0.1 4000 21", 200)] {
        let mut client = Client::connect(server.address);
        client.send_raw(format!("{header}\r\n").as_bytes());
        client.expect_reply(220);
        client.login("demo", "demo");
        assert_eq!(client.port(&listener).code, code, "{header}");
    }
}
