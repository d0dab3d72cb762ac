//! Who gets a data connection, where and by which protocol.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;

use crate::support::{Client, Program, Setup, Stream};

/// A range of ports that no other test uses until this process ends, below those that the system hands out.
fn few_ports(count: u16) -> String {
    static TAKEN: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());
    // Whoever has the last one, at an address of its own, has those before it.
    let ranges = (0..90).map(|number| 32_000 + number * 8);
    let mut free =
        ranges.filter_map(|first| Some((first, TcpListener::bind(("127.0.0.77", first + 7)).ok()?)));
    let (first, lock) = free.next().unwrap();
    TAKEN.lock().unwrap().push(lock);
    format!("ports: {first}-{}", first + count - 1)
}

fn ipv6() -> Setup {
    let usable = TcpListener::bind("[::1]:0");
    assert!(usable.is_ok(), "this machine has no IPv6 on loopback, which this test needs: {usable:?}");
    let setup = Setup::local().listen("[::1]:0").tls("optional");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    setup
}

fn read(mut data: impl Read) -> Vec<u8> {
    let mut found = Vec::new();
    data.read_to_end(&mut found).unwrap();
    found
}

#[test]
fn eprt_works_over_ipv6() {
    let setup = ipv6();
    let server = setup.start();
    let mut client = server.login();
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    client.expect(&format!("EPRT |2|::1|{port}|"), 200);
    client.expect("RETR file", 150);
    assert_eq!(read(listener.accept().unwrap().0), b"12345");
    client.expect_reply(226);
    client.expect(&format!("EPRT |2|::1|{port}|"), 200);
    client.expect("STOR new", 150);
    listener.accept().unwrap().0.write_all(b"new").unwrap();
    client.expect_reply(226);
    assert_eq!(fs::read(setup.files().join("new")).unwrap(), b"new");
    // Somebody else's.
    client.expect(&format!("EPRT |2|::2|{port}|"), 504);
    client.expect(&format!("EPRT |1|127.0.0.1|{port}|"), 504);
}

#[test]
fn epsv_works_over_ipv6_and_pasv_can_not() {
    let setup = ipv6();
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.retrieve("file"), b"12345");
    client.expect("EPSV 2", 229);
    client.expect("EPSV 1", 522);
    client.expect("PASV", 425);
    client.expect("PORT 127,0,0,1,200,1", 504);
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    assert_eq!(client.retrieve("file"), b"12345");
}

#[test]
fn eprt_works_over_ipv4_and_with_tls() {
    let setup = Setup::local().tls("required");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    client.expect(&format!("EPRT |1|127.0.0.1|{}|", listener.local_addr().unwrap().port()), 200);
    client.expect("RETR file", 150);
    assert_eq!(read(client.protect(listener.accept().unwrap().0)), b"12345");
    client.expect_reply(226);
}

/// A client behind a firewall that refuses the server's connection hears of it at once.
#[test]
fn a_client_that_does_not_listen_gets_425() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let (_held, address) = crate::support::closed_port();
    client.expect(&crate::support::port_command(address), 200);
    client.expect("RETR file", 150);
    client.expect_reply(425);
    client.expect(&crate::support::port_command(address), 200);
    client.expect("STOR file", 150);
    client.expect_reply(425);
    assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"12345");
}

#[test]
fn the_address_of_passive_mode_may_be_a_name() {
    let setup = Setup::local().passive(&format!("{}, address: localhost", few_ports(4)));
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let address = client.pasv();
    assert_eq!(address.ip().to_string(), "127.0.0.1");
    client.expect("RETR file", 150);
    assert_eq!(read(TcpStream::connect(address).unwrap()), b"12345");
    client.expect_reply(226);
}

#[test]
fn the_address_of_passive_mode_may_be_another_than_the_servers() {
    let setup = Setup::local().passive(&format!("{}, address: 203.0.113.7", few_ports(4)));
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.pasv().ip().to_string(), "203.0.113.7");
    // EPSV names none, so it leads to where the client is.
    assert_eq!(client.fetch("LIST"), b"");
}

/// A session from this address, and a way to open data connections from it.
fn from(source: &str, server: SocketAddr) -> Client {
    let mut client = Client::connect_from(source, server);
    client.expect_reply(220);
    client.login("demo", "demo");
    client
}

fn dial(source: &str, address: SocketAddr) -> TcpStream {
    Client::connect_from(source, address).tcp().try_clone().unwrap()
}

/// Each address has each port to itself: 200 clients transfer over four ports at the same time.
#[test]
fn four_ports_serve_200_sessions_at_once() {
    let setup = Setup::local().passive(&few_ports(4));
    let server = setup.start();
    let mut sessions = Vec::new();
    for number in 0..200_u8 {
        let source = format!("127.0.1.{}", number + 1);
        let mut client = from(&source, server.address);
        let address = client.pasv();
        client.expect(&format!("STOR file {number}"), 150);
        sessions.push((source, client, address));
    }
    // All wait for their connection, and each gets its own, in another order.
    let mut open = Vec::new();
    for (source, client, address) in sessions.into_iter().rev() {
        let mut data = dial(&source, address);
        data.write_all(source.as_bytes()).unwrap();
        open.push((source, client, data));
    }
    for (_, client, data) in &mut open {
        data.flush().unwrap();
        client.expect("NOOP", 200);
    }
    for (source, mut client, data) in open {
        drop(data);
        client.expect_reply(226);
        let number = source.rsplit_once('.').unwrap().1.parse::<u8>().unwrap() - 1;
        assert_eq!(fs::read(setup.files().join(format!("file {number}"))).unwrap(), source.as_bytes());
    }
}

/// Of one address, a session waits until another has its connection.
#[test]
fn a_session_waits_for_a_port_of_its_address() {
    let setup = Setup::local().passive(&few_ports(1));
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut first = server.login();
    let address = first.pasv();
    let mut second = server.login();
    second.send("PASV");
    let _taken = TcpStream::connect(address).unwrap();
    second.expect_reply(227);
    first.expect("STOR other", 150);
    assert_eq!(from("127.0.0.2", server.address).pasv(), address);
}

/// RFC 2577: whoever else comes is sent away, before and after the client, with TLS and without.
#[test]
fn strangers_and_second_connections_get_nothing() {
    let setup = Setup::local().tls("optional");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        let address = client.pasv();
        assert_eq!(read_to_reset(dial("127.0.0.3", address)), b"");
        let data = TcpStream::connect(address).unwrap();
        assert_eq!(read_to_reset(dial("127.0.0.3", address)), b"");
        let second = TcpStream::connect(address).unwrap();
        client.expect("RETR file", 150);
        assert_eq!(read(client.protect(data)), b"12345");
        client.expect_reply(226);
        assert_eq!(read_to_reset(second), b"", "a second one");
        if let Ok(late) = TcpStream::connect(address) {
            assert_eq!(read_to_reset(late), b"", "a late one");
        }
        client.expect("NOOP", 200);
    }
}

fn read_to_reset(mut data: impl Read) -> Vec<u8> {
    let mut found = Vec::new();
    match data.read_to_end(&mut found) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
    found
}

/// A port that was prepared and not used leads nowhere once another one is.
#[test]
fn what_was_prepared_before_is_forgotten() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let unused = client.pasv();
    let data = client.open_passive();
    if let Ok(old) = TcpStream::connect(unused) {
        assert_eq!(read_to_reset(old), b"");
    }
    client.expect("RETR file", 150);
    assert_eq!(read(Stream::Plain(data)), b"12345");
    client.expect_reply(226);
    // Each connection is for one transfer.
    client.expect("RETR file", 425);
}

/// A client that connects before it says what to transfer, and one that connects only after the 150.
#[test]
fn the_connection_may_come_before_or_after_the_command() {
    let setup = Setup::local().tls("optional");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        // The handshake before the command, too: some clients wait for it.
        let data = client.open_passive();
        let data = client.protect(data);
        client.expect("RETR file", 150);
        assert_eq!(read(data), b"12345");
        client.expect_reply(226);
        let address = client.pasv();
        client.expect("RETR file", 150);
        assert_eq!(read(client.protect(TcpStream::connect(address).unwrap())), b"12345");
        client.expect_reply(226);
    }
}

/// An address that is the client's on one link only names no interface where it is told.
#[test]
fn addresses_of_one_link_are_reached() {
    let (unshare, enter) = match rustix::process::geteuid().is_root() {
        true => ("--net", "--net"),
        false => ("--map-root-user", "--user"),
    };
    let links = "ip link set lo up && ip -6 addr add fe80::1/64 dev lo nodad && exec \"$@\"";
    let setup = Setup::local().listen("[::]:0").tls("optional");
    let Some(setup) = setup.permitted_in(&["unshare", unshare, "--net", "sh", "-c", links, "sh"]) else {
        return;
    };
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let (pid, port) = (server.pid().to_string(), server.address.port().to_string());
    let inside = |program: &[&str]| {
        let enter = ["--target", &pid, enter, "--net", "--"];
        Program::new("nsenter", setup.folder()).args(enter).args(program).run()
    };
    let url = format!("ftp://[fe80::1%25lo]:{port}/file");
    let printed =
        inside(&["curl", "--disable", "--silent", "--show-error", "--globoff", "--user", "demo:demo", &url]);
    assert_eq!(printed, "12345");
    // Active: the client names its address, with the link as it calls that, or without.
    let script = "
import socket, sys
for told in 'fe80::1', 'fe80::1%lo':
    control = socket.create_connection(('fe80::1%lo', int(sys.argv[1])))
    lines = control.makefile('rw', newline='\\r\\n')
    def say(line):
        lines.write(line + '\\r\\n')
        lines.flush()
        return lines.readline()
    lines.readline()
    say('USER demo')
    say('PASS demo')
    listener = socket.socket(socket.AF_INET6)
    listener.bind(('fe80::1', 0, 0, socket.if_nametoindex('lo')))
    listener.listen()
    print(say(f'EPRT |2|{told}|{listener.getsockname()[1]}|')[:3], say('RETR file')[:3])
    print(listener.accept()[0].recv(100).decode())
";
    assert_eq!(inside(&["python3", "-c", script, &port]), "200 150\n12345\n200 150\n12345\n");
}

/// A balancer has an address in each zone, and the client came by one of them.
#[test]
fn of_several_addresses_the_client_is_told_the_one_it_reached() {
    let addresses = format!("{}, address: [127.0.0.5, 127.0.0.6]", few_ports(4));
    let setup = Setup::local().listen("0.0.0.0:0").passive(&addresses);
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let port = server.address.port();
    for (reached, told) in [
        ("127.0.0.5", &["127.0.0.5"][..]),
        ("127.0.0.6", &["127.0.0.6"]),
        ("127.0.0.1", &["127.0.0.5", "127.0.0.6"]),
    ] {
        let mut client = Client::connect(SocketAddr::new(reached.parse().unwrap(), port));
        client.expect_reply(220);
        client.login("demo", "demo");
        let mut first = None;
        for _ in 0..3 {
            let address = client.pasv();
            assert!(told.contains(&address.ip().to_string().as_str()), "{reached}: {address}");
            assert_eq!(*first.get_or_insert(address.ip()), address.ip(), "{reached}");
            let data = TcpStream::connect(address).unwrap();
            client.expect("RETR file", 150);
            assert_eq!(read(data), b"12345", "{reached}");
            client.expect_reply(226);
        }
    }
}
