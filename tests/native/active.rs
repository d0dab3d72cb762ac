//! Where the server connects to in active mode, and where not.

use std::fs;
use std::net::{SocketAddr, TcpListener};

use crate::support::{Client, Program, Setup, metric, port_command};

fn default() -> Setup {
    Setup::local().server("active_on_this_machine: false")
}

/// Nobody has connected so far.
fn is_untouched(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    listener.accept().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// A proxy on this machine has services beside it: those of others, and the server's own.
#[test]
fn loopback_is_refused_unless_it_is_allowed() {
    let setup = default().http();
    fs::write(setup.files().join("file"), b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let server = setup.start();
    let metrics = server.http_address();
    let before = metric(&server, "wharf_commands_total{command=\"PORT\"}");
    let mut client = server.login();
    client.expect(&port_command(metrics), 504);
    client.expect("STOR stolen", 425);
    client.expect(&format!("EPRT |1|127.0.0.1|{}|", metrics.port()), 504);
    client.expect("RETR file", 425);
    // From another address of loopback, too.
    let mut other = Client::connect_from("127.0.0.9", server.address);
    other.expect_reply(220);
    other.login("demo", "demo");
    let listener = TcpListener::bind("127.0.0.9:0").unwrap();
    assert_eq!(other.port(&listener).code, 504);
    other.expect("RETR file", 425);
    assert!(is_untouched(&listener));
    assert!(before.is_none(), "{before:?}");
    server.log.expect_warning(
        "refused a data connection to an address of this machine; `server.active_on_this_machine` allows it",
        &[("to", "…")],
    );
    // Passive mode is as before.
    assert_eq!(client.retrieve("file").len(), 25);
}

/// Other addresses of the machine lead there as well.
#[test]
fn other_addresses_of_the_machine_are_refused() {
    let (unshare, enter) = match rustix::process::geteuid().is_root() {
        true => ("--net", "--net"),
        false => ("--map-root-user", "--user"),
    };
    let setup = default().listen("[::]:0").wrapped_in(&[
        "unshare",
        unshare,
        "--net",
        "sh",
        "-c",
        "ip link set lo up && ip addr add 198.51.100.7/32 dev lo && ip -6 addr add 2001:db8::7/128 dev lo nodad \
         || { echo addresses are not permitted here; exit 1; }
         exec \"$@\"",
        "sh",
    ]);
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let (pid, port) = (server.pid().to_string(), server.address.port().to_string());
    let script = "\
import socket, sys
for address in '198.51.100.7', '2001:db8::7', '127.0.0.1':
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family)
    for source in [address]:
        control = socket.create_connection((address, int(sys.argv[1])), source_address=(source, 0))
        lines = control.makefile('rw', newline='\\r\\n')
        def say(line):
            lines.write(line + '\\r\\n')
            lines.flush()
            return lines.readline()
        lines.readline()
        say('USER demo')
        say('PASS demo')
        kind = 2 if ':' in address else 1
        print(say(f'EPRT |{kind}|{address}|{listener.getsockname()[1]}|')[:3], say('RETR file')[:3])
        listener.setblocking(False)
        try:
            listener.accept()
            print('connected')
        except BlockingIOError:
            pass
";
    let home = tempfile::tempdir().unwrap();
    let said = Program::new("nsenter", home.path())
        .args(["--target", &pid, enter, "--net", "python3", "-c", script, &port])
        .run();
    assert_eq!(said, "504 425\n504 425\n504 425\n");
}

/// For machines whose own programs send files to themselves.
#[test]
fn it_can_be_allowed() {
    let setup = Setup::local().server("active_on_this_machine: true");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(client.port(&listener).code, 200);
    client.expect("RETR file", 150);
    let mut found = Vec::new();
    std::io::Read::read_to_end(&mut listener.accept().unwrap().0, &mut found).unwrap();
    assert_eq!(found, b"12345");
    client.expect_reply(226);
    // That of others stays refused.
    client.expect(&port_command(SocketAddr::from(([127, 0, 0, 9], 2000))), 504);
}
