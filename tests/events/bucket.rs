//! The spool below a path of a backend.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;

use rustix::net::listen;

use super::receiver::Receiver;
use crate::support::{S3, Setup, closed_port, fresh_prefix, metric, request, s3_backend, wait_until};

/// A server with its files on a disk, and its spool in a backend of its own.
fn setup(receiver: &Receiver, spool: &str) -> Setup {
    let setup = Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
  lake: {spool}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
events:
  spool: {{ backend: lake, path: .wharf/events }}
  node: here
  to:
  - {{ name: hook, url: '{}', pause: 20ms }}
",
        receiver.url()
    ));
    setup.http().server("shutdown_grace: 0s")
}

/// Forwards what comes to an address that nobody listened on so far.
fn forward(held: OwnedFd, to: SocketAddr) {
    // Programs that were started meanwhile may have it as well, so that it can't be bound again.
    listen(&held, 64).unwrap();
    let listener = TcpListener::from(held);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(to).unwrap();
            for (mut from, mut to) in [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))]
                .map(|(a, b)| (a.unwrap(), b.unwrap()))
            {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
}

#[test]
fn a_bucket_is_a_spool() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, &S3::SeaweedFs.backend());
    let mut server = setup.start();
    let mut client = server.login();
    client.store("a.part", b"hello");
    client.expect("RNFR a.part", 350);
    client.expect("RNTO a", 250);
    client.expect("MKD d", 257);
    client.expect("RNFR a", 350);
    client.expect("RNTO d/b", 250);
    client.expect("RNFR d", 350);
    client.expect("RNTO e", 250);
    client.expect("DELE e/b", 250);
    client.expect("RMD e", 250);
    let mut told: Vec<_> = receiver.expect(6).iter().map(super::receiver::Got::summary).collect();
    told.sort();
    let expected = [
        "directory.created /d",
        "directory.removed /e",
        "directory.renamed /e",
        "file.removed /e/b",
        "file.renamed /d/b",
        "file.stored /a",
    ];
    assert_eq!(told, expected);
    wait_until("it is empty", || metric(&server, "wharf_events_spool_bytes") == Some(0.0));
    assert_eq!(metric(&server, "wharf_events_spool_usable"), Some(1.0));
    client.store("left", b"x");
    server.kill();
    let server = setup.start();
    wait_until("it is told", || receiver.taken().iter().any(|got| got.path() == "/left"));
    assert_eq!(server.login().names("/"), ["left"]);
}

/// Without an intent no file becomes visible, also at the start.
#[test]
fn changes_are_refused_until_the_bucket_answers() {
    let receiver = Receiver::new();
    let (held, address) = closed_port();
    let setup = setup(&receiver, &s3_backend(&format!("http://{address}"), &fresh_prefix()));
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.try_store("STOR a", b"x").code, 451);
    assert_eq!(client.names("/"), [""; 0]);
    let (status, answer) = request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test");
    assert_eq!(status, 503, "{answer}");
    assert!(
        answer.contains("events: changes are refused because of the spool: it could not be read yet"),
        "{answer}"
    );
    assert_eq!(metric(&server, "wharf_events_spool_usable"), Some(0.0));
    forward(held, S3::SeaweedFs.address().parse().unwrap());
    wait_until("the spool is read", || metric(&server, "wharf_events_spool_usable") == Some(1.0));
    client.store("a", b"x");
    receiver.expect(1);
    assert_eq!(request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test").0, 200);
}
